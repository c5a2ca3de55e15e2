// A board for tests: modules and an unprotected main program in assembly, on the emulator.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { kitFolder, packageFolder, zigVersion } from "../../../provider/build/folders";
import { findZig } from "../../../provider/build/zig";
import { readElf } from "../../../provider/tee/sancus/elf";
import type { SancusModule } from "../../../provider/tee/sancus/build";
import { builtProgram } from "../../../tools/setup/toolchain";

const run = promisify(execFile);

export const PROGRAMS = path.join(packageFolder(), "test", "tee", "sancus", "programs");

/** The emulator as `npm run setup` builds it, or the one that AUTHENTIC_SANCUS names. */
const emulator = (): string => process.env["AUTHENTIC_SANCUS"] || builtProgram("authentic-sancus");

/** Macros of the main program, and its start. */
const MACROS = `
.macro enable vendor, ps, pe, ss, se
    clr r9
    clr r10
    mov #\\vendor, r11
    mov #\\ps, r12
    mov #\\pe, r13
    mov #\\ss, r14
    mov #\\se, r15
    .word 0x1381
.endm
.macro enter ps, number, a, b, c, d
    mov #\\number, r6
    mov #.Lback\\@, r7
    mov #\\a, r12
    mov #\\b, r13
    mov #\\c, r14
    mov #\\d, r15
    br #\\ps
.Lback\\@:
.endm
.section .text.main, "ax"
.global main
main:
    mov #0x5a80, &0x0120
    mov #0x2a00, sp
`;

export interface Outcome {
    readonly stop: string;
    readonly violation?: { readonly what: string; readonly address: number; readonly pc: number; readonly domain: number };
    readonly registers: readonly number[];
    readonly illegal_opcodes: number;
    readonly violations: number;
    /** RAM from 0x0200 to 0x29ff. */
    readonly ram: Buffer;
    readonly word: (address: number) => number;
}

const MAIN = 0xe000;

/** Places a main program and modules in program memory and runs them. `bytes` go to further addresses. */
export async function runBoard(nodeKey: string, modules: readonly SancusModule[], main: string, bytes: ReadonlyMap<number, Uint8Array> = new Map()): Promise<Outcome> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-board-"));
    try {
        const [zig = "", ...zigArgs] = await findZig(zigVersion(kitFolder()));
        const file = (name: string): string => path.join(folder, name);
        const [source, script, object, elf, image, key] = [file("main.s"), file("main.ld"), file("main.o"), file("main.elf"), file("image.bin"), file("node.key")];
        await writeFile(script, `ENTRY(main) SECTIONS { . = ${MAIN}; .text : { *(.text.main) } }\n`);
        await writeFile(source, `${MACROS}${main}\n    bis #0x10, sr\n`);
        await run(zig, [...zigArgs, "cc", "-target", "msp430-freestanding", "-c", source, "-o", object]);
        await run(zig, [...zigArgs, "ld.lld", "-T", script, object, "-o", elf]);
        const rom = Buffer.alloc(0xc000);
        const mainSection = readElf(readFileSync(elf)).sections.find(({ flags, size }) => (flags & 4) !== 0 && size > 0);
        if (mainSection === undefined) throw new Error("the main program is empty");
        rom.set(mainSection.content, mainSection.address - 0x4000);
        for (const { identity } of modules) rom.set(identity.text, identity.layout.publicStart - 0x4000);
        for (const [address, content] of bytes) rom.set(content, address - 0x4000);
        rom.writeUInt16LE(mainSection.address, 0xfffe - 0x4000);
        await writeFile(image, rom);
        await writeFile(key, nodeKey);
        const { stdout } = await run(emulator(), ["run", image, "--load", "0x4000", "--node-key-file", key, "--max-cycles", "20000000", "--json", "--dump", "0x0200:0x2a00"]);
        const report = JSON.parse(stdout) as Omit<Outcome, "ram" | "word"> & { dumps: readonly { hex: string }[] };
        const ram = Buffer.from(report.dumps[0]?.hex ?? "", "hex");
        return { ...report, ram, word: (address) => ram.readUInt16LE(address - 0x200) };
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

/** The `enable` line of a module. */
export const enable = ({ identity: { layout } }: SancusModule, vendor = 0x1234): string =>
    `    enable ${vendor}, ${layout.publicStart}, ${layout.publicEnd}, ${layout.secretStart}, ${layout.secretEnd}\n`;

/** An `enter` line. */
export const enter = (module: SancusModule, entry: string | number, ...args: readonly number[]): string => {
    const number = typeof entry === "number" ? entry : module.entries.indexOf(entry);
    return `    enter ${module.identity.layout.publicStart}, ${number}, ${[0, 1, 2, 3].map((i) => args[i] ?? 0).join(", ")}\n`;
};

/** Stores a register at an address. */
export const keep = (register: string, address: number): string => `    mov ${register}, &${address}\n`;

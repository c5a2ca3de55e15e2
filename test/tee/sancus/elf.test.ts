// The reader of MSP430 ELF files on a real object file, and on damaged ones.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { kitFolder, packageFolder, zigVersion } from "../../../provider/build/folders";
import { execute } from "../../../provider/build/process";
import { findZig } from "../../../provider/build/zig";
import { AuthenticError } from "../../../provider/errors";
import { readElf } from "../../../provider/tee/sancus/elf";
import { PROGRAMS } from "./board";

describe("MSP430 ELF reader", () => {
    let file: Uint8Array;

    before(async () => {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-elf-"));
        try {
            const output = path.join(folder, "doubler.o");
            const support = path.join(packageFolder(), "runtime", "sancus", "module");
            const { code, stderr } = await execute([...await findZig(zigVersion(kitFolder())), "cc", "-target", "msp430-freestanding", "-Os", "-g0", "-DSANCUS_SECURITY=64", "-I", support,
                "-c", path.join(PROGRAMS, "doubler.c"), "-o", output], folder);
            assert.equal(code, 0, stderr);
            file = new Uint8Array(await readFile(output));
        } finally {
            await rm(folder, { recursive: true, force: true });
        }
    });

    it("finds sections and symbols", () => {
        const { sections, symbols } = readElf(file);
        const entries = sections.find(({ name }) => name === ".sancus.entries");
        assert.equal(entries?.size, 2);
        assert.equal(symbols.find(({ name }) => name === "sancus_entry_twice")?.size, 2);
    });

    it("refuses other kinds of files", () => {
        const changed = (at: number, value: number): Uint8Array => Uint8Array.from(file, (byte, index) => (index === at ? value : byte));
        for (const bad of [new Uint8Array(0), changed(0, 0), changed(4, 2), changed(5, 2), changed(18, 62), changed(46, 41), changed(33, 0xff)]) {
            assert.throws(() => readElf(bad), /AE-SANCUS-IMAGE/);
        }
    });

    it("either reads or refuses whatever is damaged", () => {
        const attempt = (bytes: Uint8Array): boolean => {
            try {
                readElf(bytes);
                return true;
            } catch (error) {
                assert(error instanceof AuthenticError, String(error));
                return false;
            }
        };
        for (let length = 0; length < file.length; length++) attempt(file.subarray(0, length));
        let seed = 1;
        const random = (limit: number): number => {
            seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
            return (seed >>> 8) % limit;
        };
        let read = 0;
        for (let round = 0; round < 20_000; round++) {
            const bytes = Uint8Array.from(file);
            for (let flips = 1 + random(4); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
            if (attempt(bytes)) read++;
        }
        assert(read > 100 && read < 20_000, `${read} of 20000 were read`);
    });
});

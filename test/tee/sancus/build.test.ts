// Builds protected modules from C and runs them on the emulator: keys, state, isolation, calls, and what is refused.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile, copyFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { sancusModuleKey, sancusVendorKey, sancusVerifyTag } from "../../../provider/crypto/sancus-keys";
import { type SpongentSecurity, spongentMac } from "../../../provider/crypto/spongent";
import { AuthenticError } from "../../../provider/errors";
import { type SancusModule, buildSancusModule } from "../../../provider/tee/sancus/build";
import { PROGRAMS, enable, enter, keep, runBoard } from "./board";

const NODE_KEYS: Readonly<Record<SpongentSecurity, string>> = { 64: "deadbeefcafebabe", 128: "deadbeefcafebabec0defeeddefec8ed" };
const PLACES = [
    { text: { start: 0x4400, end: 0x6000 }, data: { start: 0x0300, end: 0x0700 } },
    { text: { start: 0x6000, end: 0x8000 }, data: { start: 0x0800, end: 0x0c00 } },
] as const;
const RESULTS = 0x2000;

const build = (program: string, security: SpongentSecurity = 64, place: 0 | 1 = 0): Promise<SancusModule> =>
    buildSancusModule({ name: program, sources: [path.join(PROGRAMS, `${program}.c`)] }, { security, place: PLACES[place] });

const buildText = async (source: string, options: { stackBytes?: number; place?: (typeof PLACES)[number] } = {}): Promise<SancusModule> => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-module-"));
    try {
        const file = path.join(folder, "module.c");
        await writeFile(file, `#include <sancus.h>\n${source}`);
        return await buildSancusModule({ name: "m", sources: [file] }, { security: 64, ...options });
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
};

const refuses = async (source: string, code: string, ...hints: readonly string[]): Promise<void> => {
    await assert.rejects(buildText(source), (error: unknown) => {
        assert(error instanceof AuthenticError, String(error));
        assert.equal(error.code, code, error.message);
        for (const hint of hints) assert(error.message.includes(hint), `${error.message} lacks ${hint}`);
        return true;
    });
};

describe("Sancus module builder", () => {
    for (const security of [64, 128] as const) {
        it(`builds a module whose ${security}-bit key and verify tag are those the hardware derives`, async () => {
            const module = await build("signer", security);
            const message = Buffer.from("question");
            const tag = sancusVerifyTag(security, module.identity);
            const main = `${enable(module)}${keep("r15", RESULTS)}    mov #${module.identity.layout.publicStart}, r14\n    mov #0xd000, r15\n    .word 0x1382\n`
                + `${keep("r15", RESULTS + 2)}${enter(module, "sign", 0xd100, RESULTS + 16)}${keep("r12", RESULTS + 4)}`;
            const outcome = await runBoard(NODE_KEYS[security], [module], main, new Map([[0xd000, tag], [0xd100, message]]));
            assert.equal(outcome.stop, "cpu-off");
            assert.deepEqual([RESULTS, RESULTS + 2, RESULTS + 4].map(outcome.word), [1, 1, 1], "id, verified, signed");
            const key = sancusModuleKey(sancusVendorKey(Buffer.from(NODE_KEYS[security], "hex"), 0x1234), module.identity);
            const mac = outcome.ram.subarray(RESULTS + 16 - 0x200).subarray(0, security / 8);
            assert.equal(mac.toString("hex"), Buffer.from(spongentMac(key, message)).toString("hex"));
        });
    }

    it("gives the module its initial values, constants and private arithmetic", async () => {
        const module = await build("signer");
        const main = enable(module) + enter(module, "count") + keep("r12", RESULTS) + enter(module, "count") + keep("r12", RESULTS + 2)
            + enter(module, "compute", 1000, 7) + keep("r12", RESULTS + 4);
        const outcome = await runBoard(NODE_KEYS[64], [module], main);
        assert.deepEqual([RESULTS, RESULTS + 2, RESULTS + 4].map(outcome.word), [42, 43, 2000 + 6]);
        assert.deepEqual([outcome.violations, outcome.illegal_opcodes], [0, 0]);
        assert.deepEqual(module.entries, ["sign", "count", "compute", "overflow"]);
    });

    it("does not believe what lay in its memory before it was enabled", async () => {
        const module = await build("signer");
        const { secretStart, secretEnd } = module.identity.layout;
        const preset = `    mov #${secretStart}, r5\n1:  mov #0x4141, 0(r5)\n    incd r5\n    cmp #${secretEnd}, r5\n    jlo 1b\n`;
        const main = preset + enable(module) + enter(module, "count") + keep("r12", RESULTS) + keep("r13", RESULTS + 2) + enter(module, 0xffff) + keep("r13", RESULTS + 4)
            + enter(module, "count") + keep("r12", RESULTS + 6);
        const outcome = await runBoard(NODE_KEYS[64], [module], main);
        assert.deepEqual([0, 2, 4, 6].map((i) => outcome.word(RESULTS + i)), [42, 0, 1, 43]);
    });

    it("leaves nothing in the registers, gives the stack pointer back, and refuses unknown entries", async () => {
        const module = await build("signer");
        const registers = ["r4", "r5", "r8", "r9", "r10", "r11", "r14", "r15"];
        const main = enable(module) + enter(module, "compute", 1234, 5) + keep("sr", RESULTS) + registers.map((name, i) => keep(name, RESULTS + 2 + 2 * i)).join("")
            + keep("sp", RESULTS + 0x20) + enter(module, 4) + keep("r12", RESULTS + 0x22) + keep("r13", RESULTS + 0x24) + enter(module, 0x8000) + keep("r13", RESULTS + 0x26);
        const outcome = await runBoard(NODE_KEYS[64], [module], main);
        for (let i = 0; i <= registers.length; i++) assert.equal(outcome.word(RESULTS + 2 * i), 0, ["sr", ...registers][i]);
        assert.deepEqual([0x20, 0x22, 0x24, 0x26].map((i) => outcome.word(RESULTS + i)), [0x2a00, 0, 1, 1]);
    });

    it("refuses pointers into itself", async () => {
        const module = await build("signer");
        const { publicStart, secretStart } = module.identity.layout;
        const main = enable(module) + [[secretStart, RESULTS + 16], [publicStart - 4, RESULTS + 16], [0xd100, secretStart], [0xfffc, RESULTS + 16]]
            .map(([from = 0, to = 0], i) => enter(module, "sign", from, to) + keep("r12", RESULTS + 2 * i)).join("") + enter(module, "sign", 0xfff4, RESULTS + 16) + keep("r12", RESULTS + 8);
        const outcome = await runBoard(NODE_KEYS[64], [module], main);
        assert.deepEqual([0, 2, 4, 6, 8].map((i) => outcome.word(RESULTS + i)), [0, 0, 0, 0, 1]);
    });

    it("does not continue inside itself for a caller", async () => {
        const module = await build("signer");
        const { publicStart, publicEnd } = module.identity.layout;
        for (const target of [publicStart, publicStart + 40, publicEnd - 1]) {
            const outcome = await runBoard(NODE_KEYS[64], [module], `${enable(module)}    mov #1, r6\n    mov #${target}, r7\n    br #${publicStart}\n`);
            assert.equal(outcome.stop, "violation");
            assert.equal(outcome.violation?.domain, 1);
            assert.equal(outcome.violation.address, publicStart);
        }
    });

    it("stops a module whose stack overflows before it writes outside", async () => {
        const module = await build("signer");
        const below = module.identity.layout.secretStart - 32;
        const outcome = await runBoard(NODE_KEYS[64], [module], enable(module) + enter(module, "overflow", 100));
        assert.equal(outcome.stop, "violation");
        assert.match(outcome.violation?.what ?? "", /stack/);
        assert.deepEqual([...outcome.ram.subarray(below - 0x200, below - 0x200 + 32)], new Array(32).fill(0));
        const fits = await runBoard(NODE_KEYS[64], [module], enable(module) + enter(module, "overflow", 2) + keep("r13", RESULTS));
        assert.equal(fits.stop, "cpu-off");
    });

    it("calls another module and goes on with its answer", async () => {
        const [asker, doubler] = [await build("asker"), await build("doubler", 64, 1)];
        const main = enable(asker) + enable(doubler) + enter(asker, "ask", 2, doubler.identity.layout.publicStart, 21) + keep("r12", RESULTS) + keep("r13", RESULTS + 2)
            + enter(asker, "how_often") + keep("r12", RESULTS + 4);
        const outcome = await runBoard(NODE_KEYS[64], [asker, doubler], main);
        assert.deepEqual([0, 2, 4].map((i) => outcome.word(RESULTS + i)), [0x1000 + 42 + 63, 0, 1]);
    });

    it("accepts an answer from the awaited domain only, and no other entry meanwhile", async () => {
        const [asker, doubler] = [await build("asker"), await build("doubler", 64, 1)];
        const start = asker.identity.layout.publicStart;
        // Module 2 is awaited, but unprotected code at `fake` gets the call: it tries an entry, then answers itself.
        const main = `${enable(asker)}${enable(doubler)}    mov #0, r6\n    mov #done, r7\n    mov #2, r12\n    mov #fake, r13\n    mov #5, r14\n    br #${start}\n`
            + `fake:\n${enter(asker, "how_often")}${keep("r12", RESULTS)}${keep("r13", RESULTS + 2)}`
            + `    mov #0xffff, r6\n    mov #refused, r7\n    mov #0x666, r12\n    br #${start}\nrefused:\n${keep("r13", RESULTS + 4)}    bis #0x10, sr\ndone:\n    mov #0xbad, &${RESULTS + 6}\n`;
        const outcome = await runBoard(NODE_KEYS[64], [asker, doubler], main);
        assert.deepEqual([0, 2, 4, 6].map((i) => outcome.word(RESULTS + i)), [0, 1, 1, 0]);
        // Awaited unprotected code may answer.
        const honest = main.replace("mov #2, r12", "mov #0, r12");
        const answered = await runBoard(NODE_KEYS[64], [asker, doubler], honest);
        assert.equal(answered.word(RESULTS + 6), 0xbad);
    });

    it("gives the same bytes from another folder", async () => {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-elsewhere-"));
        try {
            await copyFile(path.join(PROGRAMS, "signer.c"), path.join(folder, "signer.c"));
            const other = await buildSancusModule({ name: "x", sources: [path.join(folder, "signer.c")] }, { security: 64, place: PLACES[0] });
            assert.deepEqual(other.identity, (await build("signer")).identity);
        } finally {
            await rm(folder, { recursive: true, force: true });
        }
    });

    it("tells the sizes", async () => {
        const { sizes, identity: { text, layout } } = await build("signer");
        assert.deepEqual(sizes, { text: text.length, data: layout.secretEnd - layout.secretStart, stack: 256 });
        assert(text.length % 2 === 0 && sizes.text > 400 && sizes.text < 2000, `${sizes.text}`);
    });

    it("refuses what the board cannot do, naming the symbol and its user", async () => {
        await refuses("SANCUS_ENTRY(wide)(u16 a) { volatile unsigned long long x = a; return (u16)(x * x / 3); }", "AE-SANCUS-ARITHMETIC", "__mspabi_", "wide");
        await refuses("SANCUS_ENTRY(real)(u16 a) { volatile float x = a; return (u16)(x * 1.5f); }", "AE-SANCUS-ARITHMETIC", "real");
        await refuses("int puts(const char *); SANCUS_ENTRY(loud)(void) { return puts(\"x\"); }", "AE-SANCUS-LINK", "puts", "loud");
        await refuses("SANCUS_ENTRY(twice)(void) { return 1; }\nu16 sancus_caller(void) { return 7; }", "AE-SANCUS-LINK", "sancus_caller");
    });

    it("refuses what does not fit, naming the largest symbols", async () => {
        await refuses("static u8 ring[12000]; SANCUS_ENTRY(put)(u16 i) { ring[i] = 1; return ring[i + 1]; }", "AE-SANCUS-SIZE", "RAM", "ring (12000)");
        await refuses("static const u8 big[50000] = {1}; SANCUS_ENTRY(get)(u16 i) { return big[i]; }", "AE-SANCUS-SIZE", "program memory", "big (50000)");
        await refuses("static u8 huge[40000], more[40000]; SANCUS_ENTRY(get)(u16 i) { huge[i] = 1; more[i] = 2; return huge[i + 1] + more[i + 1]; }", "AE-SANCUS-SIZE");
    });

    it("refuses modules without entries, with own sections, or that do not compile", async () => {
        await refuses("u16 nothing(void) { return 0; }", "AE-SANCUS-ENTRY", "SANCUS_ENTRY");
        await refuses("__attribute__((section(\"mine\"), used)) u16 x = 1; SANCUS_ENTRY(get)(void) { return x; }", "AE-SANCUS-SECTION", "mine");
        await refuses("SANCUS_ENTRY(bad)(void) { return missing; }", "AE-BUILD-COMPILE", "module.c:2", "missing");
        await assert.rejects(buildSancusModule({ name: "m", sources: [] }, { security: 64 }), /AE-BUILD-SOURCE/);
        await assert.rejects(buildSancusModule({ name: "m", sources: ["/no/such.c"] }, { security: 64 }), /AE-BUILD-SOURCE.*such\.c/);
    });

    it("refuses impossible places and stacks", async () => {
        const entry = "SANCUS_ENTRY(e)(void) { return 0; }";
        for (const stackBytes of [0, 33, 0x4000]) await assert.rejects(buildText(entry, { stackBytes }), /AE-SANCUS-PLACE/);
        for (const text of [{ start: 0x2000, end: 0x5000 }, { start: 0x4001, end: 0x5001 }, { start: 0x5000, end: 0x5000 }, { start: 0x4000, end: 0x10000 }]) {
            await assert.rejects(buildSancusModule({ name: "m", sources: [path.join(PROGRAMS, "doubler.c")] }, { security: 64, place: { ...PLACES[0], text } }), /AE-SANCUS-PLACE/);
        }
    });
});

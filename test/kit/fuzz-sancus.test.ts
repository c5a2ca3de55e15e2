// Mutated records for the kit of Sancus boards, compiled for this machine with checks of every access to memory.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { packageFolder } from "../../provider/build/folders";
import { execute } from "../../provider/build/process";

const PARSERS = ["S1", "S3 and its records", "Activate", "events and requests", "acks", "frames to re-seal", "triggers"] as const;
const INPUTS = process.env["AUTHENTIC_FUZZ_INPUTS"] ?? "20000";
const SEED = process.env["AUTHENTIC_FUZZ_SEED"] ?? String(randomInt(2 ** 47));
// Without what only the board has: its source of nonces and what the builder measures in.
const SOURCES = ["bytes", "device", "events", "frames", "session", "step", "table", "task"].map((name) => `${name}.c`);
const FLAGS = [
    "-std=gnu11", "-O1", "-g", "-fno-toplevel-reorder", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    // The board has unaligned words nowhere, and its own memcpy, which takes no bytes from nowhere.
    "-fno-sanitize=alignment,nonnull-attribute",
    "-Wno-int-to-pointer-cast", "-Wno-pointer-to-int-cast", "-Dmemmove=kit_memmove", "-Dmemcmp=kit_memcmp", "-no-pie",
];

describe(`the kit of Sancus boards, fuzzed with seed ${SEED}`, function () {
    this.timeout(0);
    const root = packageFolder();
    const [own, kit] = [path.join(root, "test", "kit", "sancus"), path.join(root, "runtime", "kit")];
    let folder: string;
    before(async () => {
        folder = await mkdtemp(path.join(os.tmpdir(), "authentic-fuzz-"));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    async function compile(port: string, security: number, program: string): Promise<void> {
        const { code, stderr } = await execute([
            "cc", ...FLAGS, `-DSANCUS_SECURITY=${security}`, "-include", path.join(port, "limits.h"), "-I", own, "-I", path.join(kit, "include"), "-I", port,
            ...SOURCES.map((source) => path.join(port, source)), path.join(own, "fuzz.c"), "-T", path.join(own, "interface.ld"), "-o", program,
        ], folder);
        assert.equal(code, 0, stderr);
    }

    for (const security of [128, 64]) {
        it(`takes ${INPUTS} inputs for each parser with keys of ${security} bits without a fault, and accepts some`, async () => {
            const program = path.join(folder, `fuzz-${security}`);
            await compile(path.join(kit, "ports", "sancus"), security, program);
            for (const [number, name] of PARSERS.entries()) {
                const { code, stdout, stderr } = await execute([program, String(number), INPUTS, SEED], folder);
                assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
                console.log(`        ${name}, Sancus, ${security} bits: ${stdout.trim()}`);
                const [, inputs, accepted] = /: (\d+) inputs, .*accepted (\d+)/.exec(stdout) ?? [];
                assert.equal(inputs, INPUTS);
                assert.ok(Number(accepted) > Number(INPUTS) / 100 && Number(accepted) < Number(INPUTS), `${name}: ${stdout}`);
            }
        });
    }

    it("finds a bound that is missing", async () => {
        const port = path.join(folder, "port");
        await cp(path.join(kit, "ports", "sancus"), port, { recursive: true });
        const file = path.join(port, "session.c");
        const source = await readFile(file, "utf8");
        const weakened = source.replace("|| n != length - 2 - TAG)", ")");
        assert.notEqual(weakened, source);
        await writeFile(file, weakened);
        const program = path.join(folder, "fuzz-weakened");
        await compile(port, 128, program);
        const { code, stderr } = await execute([program, "1", "20000", SEED], folder);
        assert.notEqual(code, 0);
        assert.match(stderr, /ERROR: AddressSanitizer: (?:global-buffer-overflow|SEGV)/);
    });
});

// A million and more mutated inputs for each parser of the kit, built with traps for undefined behaviour.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { CORE, compileProgram } from "./compile";

const PARSERS = ["M1", "M3 and its records", "Activate", "Command", "events and requests", "acks and replies", "frames to re-seal", "Prepare", "Accept", "rings", "configuration", "Offer and the state in it",
    "events and requests of SpongeWrap suites", "acks and replies of SpongeWrap suites", "frames of SpongeWrap suites to re-seal"] as const;
const INPUTS = 1_000_000;
// One of its own in each run; AUTHENTIC_FUZZ_SEED repeats one.
const SEED = process.env["AUTHENTIC_FUZZ_SEED"] ?? String(randomInt(2 ** 47));

describe(`the kit's parsers, fuzzed with seed ${SEED}`, () => {
    let folder: string;
    before(async function () {
        this.timeout(180_000);
        const program = await compileProgram({
            sources: [...CORE.filter((source) => source !== "kit/crypto/sponge.c"), "kit/ports/native/entry.S", "kit/ports/native/port.c", "fuzz.c", "fuzz-crypto.c", "quiet.c"],
            // A small table is filled up more often.
            flags: ["-DAUTHENTIC_CONNECTIONS=16", "-DAUTHENTIC_EVENT=4096", "-fsanitize=undefined", "-fsanitize-trap=undefined", "-fno-sanitize=function,alignment"],
            own: { "kit/ports/native/port.c": ["-Dport_random=native_random", "-Dport_measurement=native_measurement"] },
            crypto: false,
        });
        folder = await mkdtemp(path.join(os.tmpdir(), "authentic-fuzz-"));
        await writeFile(path.join(folder, "fuzz"), program, { mode: 0o700 });
    });
    after(() => rm(folder, { recursive: true, force: true }));

    for (const [number, name] of PARSERS.entries()) {
        it(`takes ${INPUTS.toLocaleString("en")} inputs for ${name} without a fault, and accepts some`, async () => {
            const { stdout } = await promisify(execFile)(path.join(folder, "fuzz"), [String(number), String(INPUTS), SEED]);
            const [, inputs, accepted] = /: (\d+) inputs, .*accepted (\d+)/.exec(stdout) ?? [];
            console.log(`        ${stdout.trim()}`);
            assert.equal(inputs, String(INPUTS));
            // Otherwise it would have seen only what is refused at once.
            assert.ok(Number(accepted) > 10_000 && Number(accepted) < INPUTS, stdout);
        });
    }
});

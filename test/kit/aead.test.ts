// The kit's ChaCha20-Poly1305, whose parts are the compiler's library's, against another implementation of RFC 8439.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { compileProgram } from "./compile";

const LONGEST = 1100;
const TAG = 16;

const filled = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => seed * 131 + index * 7 + 3);

describe("the kit's ChaCha20-Poly1305", () => {
    let folder: string;
    before(async function () {
        this.timeout(120_000);
        const program = await compileProgram({ sources: ["aead.c", "kit/core/memory.c"], crypto: true });
        folder = await mkdtemp(path.join(os.tmpdir(), "authentic-aead-"));
        await writeFile(path.join(folder, "aead"), program, { mode: 0o700 });
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it("seals every length as another implementation does, opens it again, and refuses every changed byte", async () => {
        const { stdout } = await promisify(execFile)(path.join(folder, "aead"), { encoding: "buffer", maxBuffer: 1 << 20 });
        let at = 0;
        for (let length = 0; length <= LONGEST; length++) {
            const expected = chacha20poly1305(filled(32, length + 3), filled(12, length + 2), filled(22, length + 1)).encrypt(filled(length, length));
            assert.deepEqual(new Uint8Array(stdout.subarray(at, at + length + TAG)), expected, `${length} bytes`);
            at += length + TAG;
        }
        assert.equal(stdout.length, at);
    });
});

// The search for secrets finds a planted key in every form, and nothing where there is none.
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hitsBelow } from "./search";

describe("search for secrets", () => {
    let folder: string;
    const key = randomBytes(32);
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "secrets-"));
        fs.mkdirSync(path.join(folder, "deep"));
    });
    afterEach(() => { fs.rmSync(folder, { recursive: true, force: true }); });

    const planted: [string, (key: Buffer) => Buffer | string][] = [
        ["raw", bytes => bytes],
        ["hex", bytes => bytes.toString("hex")],
        ["HEX", bytes => bytes.toString("hex").toUpperCase()],
    ];
    for (const before of [0, 1, 2]) {
        for (const encoding of ["base64", "base64url"] as const) {
            planted.push([`${encoding}+${String(before)}`, bytes => Buffer.concat([randomBytes(3 + before), bytes, randomBytes(5)]).toString(encoding)]);
        }
    }
    for (const [form, write] of planted) {
        it(`finds a key written as ${form}`, () => {
            const file = path.join(folder, "deep", "planted");
            fs.writeFileSync(file, Buffer.concat([randomBytes(70), Buffer.from(write(key)), randomBytes(70)]));
            assert.ok(hitsBelow(folder, [randomBytes(32), key]).includes(`${file}: ${form}`));
        });
    }

    it("finds no other key", () => {
        fs.writeFileSync(path.join(folder, "other"), randomBytes(32).toString("hex"));
        assert.deepEqual(hitsBelow(folder, [key]), []);
    });
});

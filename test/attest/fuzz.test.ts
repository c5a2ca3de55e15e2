// Structured fuzzing of readers and verifiers: what was changed is refused, and nothing crashes. These are the first
// inputs of each; `npm run test:mutations` tries a million for each reader and twenty thousand for each verifier.
import assert from "node:assert/strict";
import { dcapTargets } from "./campaign/dcap-targets";
import { fuzz } from "./campaign/fuzzing";
import { mutateJson } from "./campaign/random";
import { nativeReader, reader, subjects, verifier } from "./campaign/targets";

const SEED = 1;

describe("fuzzing", function () {
    // RSA keys have to be made first.
    this.timeout(0);
    const dcap = dcapTargets();

    for (const target of [...Object.values(dcap.readers), nativeReader]) {
        it(`${target.name} refuses or reads`, () => {
            assert.deepEqual(fuzz(target, 2000, SEED).findings, []);
        });
    }

    for (const target of Object.values(dcap.verifiers)) {
        it(`${target.name} accepts nothing that was changed`, () => {
            assert.deepEqual(fuzz(target, 200, SEED).findings, []);
        });
    }

    for (const [name, make] of Object.entries(subjects)) {
        it(`the reader and the verifier of ${name} evidence refuse what was changed`, () => {
            const { parse, verify } = make();
            assert.deepEqual(fuzz(parse, 20_000, SEED).findings, []);
            assert.deepEqual(fuzz(verify, 300, SEED).findings, []);
        });
    }
});

describe("the fuzzers", () => {
    it("complain of a reader that crashes", () => {
        const target = reader("a reader", Uint8Array.of(1, 2, 3), () => { throw new TypeError("crashed"); });
        assert.equal(fuzz(target, 10, SEED).findings.length, 10);
    });

    it("complain of a verifier that accepts everything, and of one that accepts nothing", () => {
        const everything = fuzz(verifier("a verifier", [Uint8Array.of(1, 2, 3)], () => true), 100, SEED);
        assert.ok(everything.accepted > 50 && everything.accepted === everything.findings.length);
        assert.throws(() => verifier("a verifier", [Uint8Array.of(1, 2, 3)], () => false));
    });

    it("change the structure of JSON, and write it canonically", () => {
        const original = Buffer.from(JSON.stringify({ list: [{ svn: 1 }, { svn: 2 }], text: "x" }));
        const written = new Set(Array.from({ length: 200 }, (_, seed) => {
            let state = seed;
            const text = Buffer.from(mutateJson(original, (below) => (state = (state * 31 + 7) >>> 0) % below)).toString();
            assert.equal(JSON.stringify(JSON.parse(text)), text);
            return text;
        }));
        assert.ok(written.size > 20);
    });
});

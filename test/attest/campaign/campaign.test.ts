// The campaign itself: its pieces cover everything once, it finds what a weak verifier lets pass, and it can be resumed.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { everyValueTask } from "./changes";
import { fuzzingTask } from "./fuzzing";
import { Journal, stateOf } from "./journal";
import { describeFigures, figuresOf } from "./report";
import { total, type Task } from "./task";

const runAll = (task: Task) => total(Array.from({ length: task.pieces }, (_, piece) => task.run(piece)));

describe("the mutation campaign", () => {
    it("tries every other value of every byte once", () => {
        const document = Uint8Array.from({ length: 70 }, (_, index) => index);
        const seen = new Set<string>();
        const outcome = runAll(everyValueTask("a document", document, (changed) => {
            seen.add(Buffer.from(changed).toString("hex"));
            return false;
        }));
        assert.deepEqual(outcome, { tried: 70 * 255, accepted: 0, findings: [] });
        assert.equal(seen.size, 70 * 255);
        assert.ok(!seen.has(Buffer.from(document).toString("hex")));
    });

    it("reports each value that a verifier lets pass, and each error", () => {
        const task = everyValueTask("a document", new Uint8Array(3), ([first, second, third]) => {
            if (second === 7) {
                throw new TypeError("crashed");
            }
            return first === 0 && second === 0 && third === 0x80;
        });
        const outcome = runAll(task);
        assert.equal(outcome.accepted, 1);
        assert.deepEqual(outcome.findings, ["byte 1 as 0x07: TypeError: crashed", "byte 2 as 0x80 is accepted"]);
        assert.match(describeFigures(figuresOf([task], [{ task: task.name, piece: 0, outcome }]))[0] ?? "", /765 of +765 tried, 1 accepted, 1 errors/);
    });

    it("gives every piece of fuzzing its own inputs, the same each time", () => {
        const inputs: string[] = [];
        const task = fuzzingTask(() => ({ name: "a target", input: (random) => [Uint8Array.of(random(256), random(256), random(256), random(256))], take: ([bytes]) => { inputs.push(Buffer.from(bytes!).toString("hex")); return null; } }), "fuzzing", 25_000);
        assert.equal(runAll(task).tried, 25_000);
        const first = inputs.splice(0);
        assert.ok(new Set(first).size > 24_900);
        runAll(task);
        assert.deepEqual(inputs, first);
    });

    describe("has a journal that", () => {
        let folder: string;
        beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "authentic-campaign-")); });
        afterEach(() => { rmSync(folder, { recursive: true }); });
        const outcome = { tried: 1, accepted: 0, findings: [] };

        it("brings the entries of all writers together, each piece once, and skips a line that was cut off", () => {
            const [one, two] = ["1-of-2", "2-of-2"].map((writer) => new Journal(folder, "state", writer));
            one!.append({ task: "t", piece: 0, outcome });
            appendFileSync(join(folder, "state", "1-of-2.jsonl"), `\n{"task":"t","pie`);
            one!.append({ task: "t", piece: 1, outcome });
            two!.append({ task: "t", piece: 1, outcome });
            const entries = two!.read();
            assert.deepEqual(entries.map(({ piece }) => piece), [0, 1, 1]);
            const [figures] = figuresOf([{ name: "t", inputs: 2, pieces: 2, run: () => outcome }], entries);
            assert.deepEqual([figures!.done, figures!.outcome.tried], [2, 2]);
        });

        it("begins anew when code or samples change", () => {
            const [code, journals] = [join(folder, "code"), join(folder, "journals")];
            mkdirSync(code);
            const journal = () => new Journal(journals, stateOf([code]), "1-of-1");
            writeFileSync(join(code, "a.js"), "1");
            journal().append({ task: "t", piece: 0, outcome });
            assert.equal(journal().read().length, 1);
            writeFileSync(join(code, "a.js"), "2");
            assert.deepEqual(journal().read(), []);
        });
    });
});

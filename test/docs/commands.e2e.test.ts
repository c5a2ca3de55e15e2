// Every command block of the README and the tutorial works as it stands there: pasted in order into one clone, it ends as the
// text says and prints what the text shows. What cannot run here is marked `stand-in` and listed below.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../tools/setup/toolchain";
import { Clone } from "./clone";
import { type Block, blocksOf, missingLine } from "./markdown";
import type { Run } from "./shell";

/** Blocks that are not run as they stand, each marked in its file, with what is run in their place. */
const STAND_INS: Readonly<Record<string, string>> = {
    // The same with five seconds of weather.
    "npm run demo": "npm run demo -- --quick",
    // This test is part of it. What it runs first is checked: that the command exists and starts.
    "npm test": "npm pkg get scripts.test | grep 'tools/setup/run.mjs test' && test -f tools/setup/tests.mjs",
};

const FILES = ["README.md", path.join("docs", "tutorial.md")];
/** These look and change nothing: what they show may take a moment to come about. */
const LOOKS = /^(npm run authentic -- (pins \w+|request \w+ --output hex|status|attest)\n)+$/;
const LOOK_AGAIN = 30;

describe("commands in README and tutorial", function () {
    this.timeout(600_000);
    let clone: Clone;
    const standIns: string[] = [];

    before(() => {
        clone = new Clone();
    });
    after(() => clone.remove());

    for (const file of FILES) {
        const blocks = blocksOf(fs.readFileSync(path.join(packageRoot(), file), "utf8"));
        blocks.forEach((block, index) => {
            const named = block.note !== "" && block.language !== "sh";
            if (named) {
                it(`${file}:${String(block.line)} is saved as ${block.note}`, () => {
                    fs.writeFileSync(path.join(clone.folder, block.note), block.content);
                });
            }
            if (block.language !== "sh") return;
            it(`${file}:${String(block.line)} ${block.content.trim().split("\n")[0] ?? ""}`, async () => {
                const next = blocks[index + 1];
                await check(block, next?.language === "text" ? next.content : "");
            });
        });
    }

    async function check({ content, note }: Block, shown: string): Promise<void> {
        const script = note === "stand-in" ? STAND_INS[content.trim()] : content;
        assert.ok(script !== undefined, `there is no stand-in for ${content}`);
        if (note === "stand-in") standIns.push(content.trim());
        else assert.ok(note === "" || note === "fails", `a block is marked "${note}", which means nothing`);

        let run: Run;
        for (let look = 0; ; look++) {
            run = await clone.shell(script);
            assert.equal(run.code === 0, note !== "fails", `${script} ended with exit code ${String(run.code)}:\n${run.output}`);
            if (missingLine(shown, run.output) === undefined || !LOOKS.test(script) || look === LOOK_AGAIN) break;
            await sleep(500);
        }
        assert.equal(missingLine(shown, run.output), undefined, `it does not print what the text shows, but:\n${run.output}`);
    }

    it("left no node of the irrigation behind", () => {
        assert.deepEqual(clone.running().sort(), ["ceiling", "desk", "server"], "those of button-led");
    });

    it("were run but for those that are listed", () => {
        assert.deepEqual(standIns, Object.keys(STAND_INS));
    });
});

// Scripts of the package that are called with what they do not understand: they say what that is and what to write, and do nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";

const CALLS: readonly (readonly [script: string, args: readonly string[], said: RegExp])[] = [
    ["bench/main.js", ["up", "--modules", "x"], /^--modules x is no number of modules\n {2}next: give one from 1 to 1000, as in npm run bench -- up --modules 30\n$/],
    ["bench/main.js", ["up", "--modules", "0"], /^--modules 0 is no number of modules\n/],
    ["bench/main.js", ["up", "--modules", "1.5"], /^--modules 1\.5 is no number of modules\n/],
    ["bench/main.js", ["up", "--modules", "1001"], /^--modules 1001 is no number of modules\n/],
    ["bench/main.js", ["--moduls", "3"], /^Unknown option '--moduls'[^]*\n {2}next: npm run bench -- \[NAME\.\.\.\] \[--quick\] \[--modules N\]\n$/],
    ["bench/main.js", ["event"], /^there is no benchmark "event"\n {2}next: name some of events, /],
    ["tools/example/main.js", [], /^no example is named\n {2}next: npm run example -- NAME, where NAME is one of button-led, /],
    ["tools/example/main.js", ["button-lead"], /^there is no example "button-lead"\n {2}next: npm run example -- NAME, /],
    ["tools/example/main.js", ["button-led", "database"], /^one example is deployed at a time, not button-led and database\n {2}next: npm run example -- NAME, /],
];

describe("scripts that are called wrongly", () => {
    for (const [script, args, said] of CALLS) {
        it([script, ...args].join(" "), () => {
            const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(packageRoot(), "dist", script), ...args], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
            assert.notEqual(status, 0);
            assert.match(`${stdout}${stderr}`.replaceAll(/\x1b\[\d+m/g, ""), said);
        });
    }
});

// Tests in a namespace of their own count as what they are: those that fail there fail here, and so does what was never run.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";

const MOCHA = path.join(packageRoot(), "node_modules", "mocha", "bin", "mocha.js");

/** Runs the fixture; what became of each test: `pass`, or the first line of the error. */
function outcomes(): Map<string, string> {
    const { stdout } = spawnSync(process.execPath, [MOCHA, "--reporter", "json-stream", path.join(__dirname, "fixture.js")], { encoding: "utf8", cwd: packageRoot() });
    const lines = stdout.split("\n").filter((line) => line.startsWith("[")).map((line) => JSON.parse(line) as [string, { fullTitle: string; err: string }]);
    return new Map(lines.flatMap(([what, { fullTitle, err }]) => what === "pass" ? [[fullTitle, what] as const] : what === "fail" ? [[fullTitle, err.split("\n")[0]!] as const] : []));
}

describe("tests in a namespace of their own", function () {
    before(function () {
        if (process.getuid?.() !== 0) this.skip();
    });

    it("fail where they fail there, and where they were not run", () => {
        const found = outcomes();
        assert.deepEqual([...found].filter(([, outcome]) => outcome === "pass").map(([title]) => title), ["outer holds", "outer inner holds"]);
        const expected = {
            "outer fails": /^Expected values to be strictly equal/, "outer inner never returns": /^Timeout of 50ms exceeded/, "outer broken is not run": /^it was not run/,
            "outer last ends the process": /^it was not run; the tests' process ended with exit code 3/, "outer last comes after the end": /^it was not run/,
        };
        assert.equal(found.size, 2 + Object.keys(expected).length);
        for (const [title, outcome] of Object.entries(expected)) assert.match(found.get(title) ?? "nothing", outcome, title);
    });
});

// What every Pulumi program and every call of the command line loads: not what only descriptors need.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { MAIN } from "../cli/deployed";

const PACKAGE = path.resolve(__dirname, "../../resources/index.js");
/** Only descriptors are read with these. */
const LATE = [/\/node_modules\/yaml\//, /\/provider\/application\/(?:document|schema)\.js$/];

/** Files that a child process has loaded when it ends, by what it runs. */
function loaded(code: string, ...args: string[]): string[] {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-start-up-"));
    try {
        const list = path.join(folder, "loaded.json");
        const tell = `process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache))));`;
        spawnSync(process.execPath, ["-e", `${tell}${code}`, "-", ...args], { cwd: folder, timeout: 60_000 });
        return JSON.parse(fs.readFileSync(list, "utf8")) as string[];
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}
const late = (files: readonly string[]) => LATE.map((pattern) => files.filter((file) => pattern.test(file)).length > 0);

describe("start-up", function () {
    this.timeout(60_000);
    it("of a program loads no reader of descriptors before the first Application", () => {
        const files = loaded(`require(${JSON.stringify(PACKAGE)});`);
        assert.ok(files.includes(PACKAGE));
        assert.deepEqual(late(files), [false, false]);
        // The same names find what an Application loads.
        const application = loaded(`try { new (require(${JSON.stringify(PACKAGE)}).Application)("a", { descriptor: "nowhere.yaml", environment: null }); } catch { /* there is none */ }`);
        assert.deepEqual(late(application), [true, true]);
    });

    it("of the command line loads none either, for help and for a command that reads no descriptor", () => {
        for (const args of [["--help"], ["completion", "bash"]]) {
            const files = loaded(`require(${JSON.stringify(MAIN)});`, ...args);
            assert.ok(files.includes(MAIN));
            assert.deepEqual(late(files), [false, false], args.join(" "));
        }
        assert.deepEqual(late(loaded(`require(${JSON.stringify(MAIN)});`, "import", "nowhere.json")), [true, true]);
    });
});

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../tools/setup/toolchain";
import { source, sourceUrl, temporaryFolder } from "./source";

function isRunning(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
}

describe("running programs", () => {
    const folder = temporaryFolder();

    it("finds a program on PATH only if it is an executable file", async () => {
        const { findProgram } = await source("process");
        fs.mkdirSync(path.join(folder.path, "a", "tool"), { recursive: true });
        fs.mkdirSync(path.join(folder.path, "b"));
        fs.writeFileSync(path.join(folder.path, "b", "tool"), "", { mode: 0o644 });
        const found = folder.executable("c/tool", "");
        const search = ["a", "b", "c"].map((name) => path.join(folder.path, name));
        assert.equal(findProgram("tool", search.join(":")), found);
        assert.equal(findProgram("tool", search.slice(0, 2).join(":")), undefined);
    });

    it("passes whole lines on and keeps the last ones for the error", async () => {
        const { runOrFail } = await source("process");
        const { SetupFailure } = await source("failure");
        const tool = folder.executable("tool", "printf 'one\\ntw'; printf 'o\\nthree'; exit 3");
        const lines: string[] = [];
        await assert.rejects(runOrFail([tool, "--now"], { onLine: (line) => lines.push(line), nextStep: "try again" }), (error) => {
            assert.ok(error instanceof SetupFailure);
            assert.equal(error.text, "`tool --now` failed with exit code 3\n  | one\n  | two\n  | three\n  next: try again");
            return true;
        });
        assert.deepEqual(lines, ["one", "two", "three"]);
    });

    it("says that a program is missing rather than throwing", async () => {
        const { run } = await source("process");
        const { code, tail } = await run(["/nowhere/tool"]);
        assert.equal(code, 127);
        assert.match(tail, /ENOENT/);
    });

    it("ends the programs it has started when it is stopped itself", async () => {
        const pidFile = path.join(folder.path, "pid");
        const tool = folder.executable("tool", `echo $$ > "${pidFile}.new"; mv "${pidFile}.new" "${pidFile}"; exec sleep 600`);
        const script = `
            import { run, stoppable } from ${JSON.stringify(sourceUrl("process"))};
            await stoppable(() => run([${JSON.stringify(tool)}]));`;
        const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
        while (!fs.existsSync(pidFile)) await sleep(20);
        const pid = Number(fs.readFileSync(pidFile, "utf8"));
        child.kill("SIGTERM");
        assert.equal(((await once(child, "close")) as [number])[0], 143);
        while (isRunning(pid)) await sleep(20);
    });

    it("names the commands that there are", () => {
        const { status, stderr } = spawnSync(process.execPath, [path.join(packageRoot(), "tools", "setup", "run.mjs"), "tset"], { encoding: "utf8" });
        assert.equal(status, 1);
        assert.match(stderr, /there is no command `tset`\n {2}next: use one of: setup, demo, example, test/);
    });
});

// A disk that is full or read-only under agents, hosts, platforms and builds: see scarce.ts, which says what it saw.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

describe("a disk that is full or read-only", function () {
    this.timeout(240_000);

    it("is said with the next step, corrupts nothing, and everything goes on with space", () => {
        const disk = fs.mkdtempSync(path.join(os.tmpdir(), "scarce-"));
        try {
            // Root in a user namespace may mount a file system of its own; everything in it ends with the process.
            const { status, stdout, stderr } = spawnSync("unshare",
                ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", process.execPath, path.join(__dirname, "scarce.js"), disk],
                { encoding: "utf8", timeout: 220_000 });
            assert.equal(status, 0, `${stdout}\n${stderr}`);
            assert.equal(stdout.match(/^seen: /gm)?.length, 9, stdout);
        } finally {
            fs.rmSync(disk, { recursive: true, force: true });
        }
    });
});

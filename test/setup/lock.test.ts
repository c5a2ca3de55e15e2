import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { source, sourceUrl, temporaryFolder } from "./source";

describe("the lock between set-ups", () => {
    const folder = temporaryFolder();
    const lock = (): string => path.join(folder.path, "lock");

    /** Starts a process that takes the lock and writes "in" and "out" to a log, or stays in. */
    const holder = (stay: boolean): ChildProcess => {
        const log = path.join(folder.path, "log");
        const script = `
            import { appendFileSync } from "node:fs";
            import { withLock } from ${JSON.stringify(sourceUrl("lock"))};
            await withLock(${JSON.stringify(lock())}, async () => {
                appendFileSync(${JSON.stringify(log)}, "in\\n");
                await new Promise((resolve) => setTimeout(resolve, ${stay ? "600_000" : "40"}));
                appendFileSync(${JSON.stringify(log)}, "out\\n");
            });`;
        return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "ignore", "inherit"] });
    };
    const log = (): string[] => {
        try {
            return fs.readFileSync(path.join(folder.path, "log"), "utf8").split("\n").slice(0, -1);
        } catch {
            return [];
        }
    };

    it("lets one process in at a time", async () => {
        const holders = Array.from({ length: 4 }, () => holder(false));
        for (const [code] of await Promise.all(holders.map((child) => once(child, "close")))) assert.equal(code, 0);
        assert.deepEqual(log(), Array.from({ length: 4 }, () => ["in", "out"]).flat());
        assert.deepEqual(fs.readdirSync(lock()), []);
    });

    it("is free again when its holder was killed", async () => {
        const { withLock } = await source("lock");
        const child = holder(true);
        while (log().length === 0) await sleep(20);
        let entered: Promise<boolean> | undefined;
        await new Promise<void>((waiting) => {
            entered = withLock(lock(), () => Promise.resolve(true), waiting);
        });
        child.kill("SIGKILL");
        assert.equal(await entered, true);
    });

    it("is free again after an action that failed", async () => {
        const { withLock } = await source("lock");
        await assert.rejects(withLock(lock(), () => Promise.reject(new Error("broken"))), /broken/);
        assert.equal(await withLock(lock(), () => Promise.resolve(7)), 7);
    });

    it("takes a process with a reused id for another one", async () => {
        const { withLock } = await source("lock");
        fs.mkdirSync(lock());
        const space = `${os.hostname()} ${fs.readlinkSync("/proc/self/ns/pid")}`;
        fs.writeFileSync(path.join(lock(), "left-behind"), JSON.stringify({ space, pid: process.pid, start: "1" }));
        assert.equal(await withLock(lock(), () => Promise.resolve(true)), true);
    });

    it("waits for a holder on another machine until it has been silent for a minute", async () => {
        const { withLock } = await source("lock");
        fs.mkdirSync(lock());
        const ticket = path.join(lock(), "remote");
        fs.writeFileSync(ticket, JSON.stringify({ space: "elsewhere", pid: 1, start: "1" }));
        let entered: Promise<boolean> | undefined;
        await new Promise<void>((waiting) => {
            entered = withLock(lock(), () => Promise.resolve(true), waiting);
        });
        assert.ok(fs.existsSync(ticket));
        const silent = new Date(Date.now() - 120_000);
        fs.utimesSync(ticket, silent, silent);
        assert.equal(await entered, true);
    });
});

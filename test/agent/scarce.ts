// What agents, hosts and builds do on a disk that is full or read-only. Runs in a mount namespace of its own, in which
// the folder that the argument names becomes a small file system; prints a line for each thing that was seen.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { endLocalAgent, killLocalAgent, startLocalAgent } from "../../provider/agent/local";
import { cached } from "../../provider/build/cache";
import { openKit } from "../../provider/build/kit";
import { fromHex } from "../../provider/protocol/bytes";
import { instanceId } from "../../provider/protocol/names";
import { native } from "../../provider/tee/native/native";
import { packageRoot } from "../../tools/setup/toolchain";
import { fillDisk, fillerOf, freeDisk } from "./disk";

const DEPLOYMENT = "0123456789abcdef0123456789abcdef";
const SIZE = "24m";
const disk = fs.realpathSync(process.argv[2]!);
const filler = fillerOf(disk);

const mount = (...args: string[]) => execFileSync("mount", args);
const remount = (mode: "ro" | "rw") => mount("-o", `remount,${mode}`, disk);
const seen = (what: string) => console.log(`seen: ${what}`);

const fill = () => fillDisk(disk);
const free = () => freeDisk(disk);

/** What an error says: its code, and a next step. */
async function failure(action: Promise<unknown>, code: string, next: RegExp): Promise<void> {
    await assert.rejects(action, (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, next);
        return true;
    });
}

const start = (more: object = {}) => startLocalAgent({ node: "n", deployment: DEPLOYMENT, listenAddress: "127.0.0.1", ...more });
const idOf = (name: string) => Buffer.from(instanceId(fromHex("deployment", DEPLOYMENT), name)).toString("hex");
const entry = { endpoint: -1 };

async function load(agent: AgentClient, name: string): Promise<void> {
    const build = await native.build({ name: "controller", sources: [path.join(packageRoot(), "examples", "smart-irrigation", "modules", "controller.c")] });
    const { image } = native.finalize(build, {
        deployment: fromHex("deployment", DEPLOYMENT), instance: instanceId(fromHex("deployment", DEPLOYMENT), name), deployerKey: new Uint8Array(32).fill(3), values: { openBelow: 45, closeAbove: 55 },
    });
    entry.endpoint = build.interface.findIndex(({ kind }) => kind === "entry");
    await agent.start(idOf(name), { name, deployment: DEPLOYMENT, tee: "native", image, entryTimeLimitMs: 5000, interface: build.interface.map(({ name, kind }) => ({ name, kind })) });
}
const entries = async (agent: AgentClient, name: string) => Number((await agent.instance(idOf(name)))!.entries);

/** Every line of the logs is whole: a time, a level, a program's words. */
function logsAreWhole(folder: string): number {
    const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.log(\.1)?$/.test(name));
    let lines = 0;
    for (const file of files) {
        const text = fs.readFileSync(path.join(folder, file), "utf8");
        assert.ok(text === "" || text.endsWith("\n"), `${file} ends in half a line`);
        for (const line of text.split("\n").slice(0, -1)) {
            assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z +(INFO|WARN|ERROR) \w+/, file);
            lines++;
        }
    }
    assert.ok(lines > 0, "nothing was logged");
    return lines;
}

async function full(): Promise<void> {
    fill();
    await failure(start(), "AE-AGENT-DISK-FULL", /free space on the file system of the node's folder/i);
    assert.deepEqual(fs.readdirSync(disk).filter((name) => name !== "filler"), [], "something was left behind");
    seen("an agent that finds no space says so and leaves nothing");
    await failure(start({ tee: "sgx", backend: "emulated" }), "AE-AGENT-DISK-FULL", /free space/i);
    free();

    const { folder } = await start();
    const agent = new AgentClient(folder);
    await load(agent, "first");
    await agent.setTrigger(idOf("first"), "poll", { endpoint: entry.endpoint, everyMs: 20 });
    fill();
    await failure(load(agent, "second"), "AE-AGENT-DISK-FULL", /free space on the file system of the node's folder/i);
    assert.equal(await agent.instance(idOf("second")), undefined);
    assert.equal(fs.existsSync(path.join(folder, "instances", idOf("second"))), false);
    seen("a module that finds no space is refused and leaves nothing");
    const before = await entries(agent, "first");
    await sleep(500);
    assert.ok(await entries(agent, "first") > before + 2, "the running module stands still");
    seen("what runs goes on without space");
    // An agent that has to start again meanwhile cannot, and takes nothing with it.
    await killLocalAgent(folder);
    await failure(start({ folder }), "AE-AGENT-DISK-FULL", /free space/i);
    free();
    await start({ folder });
    const { state, pid } = (await agent.instance(idOf("first")))!;
    assert.equal(state, "running");
    assert.ok(Number(pid) > 0);
    await load(agent, "second");
    assert.equal((await agent.instance(idOf("second")))!.state, "running");
    seen("with space again the next agent adopts what ran, and takes new modules");

    // Logs: filled up in the middle of lines, then freed.
    for (let round = 0; round < 8; round++) {
        fill();
        fs.truncateSync(filler, fs.statSync(filler).size - 4096 * (round % 2));
        for (let call = 0; call < 12; call++) {
            await agent.remove(idOf("second"));
            await load(agent, "second").catch(() => undefined);
        }
        free();
    }
    const lines = logsAreWhole(folder);
    await load(agent, "second");
    await agent.remove(idOf("second"));
    assert.ok(logsAreWhole(folder) > lines, "nothing is logged any more");
    seen("logs have whole lines only, and go on");
    await endLocalAgent(folder);
}

async function platform(): Promise<void> {
    const folder = path.join(disk, "sgx-node");
    // Room for the agent's own files; none for the platform's.
    for (let room = 0; room <= 12; room++) {
        fill();
        fs.truncateSync(filler, Math.max(0, fs.statSync(filler).size - 4096 * room));
        const started = await start({ folder, tee: "sgx", backend: "emulated" }).then(() => true, (error: unknown) => {
            assert.match((error as { code: string }).code, /^AE-(AGENT|SGX)-DISK-FULL$/, String(error));
            return false;
        });
        free();
        if (started) break;
    }
    await start({ folder, tee: "sgx", backend: "emulated" });
    assert.equal(fs.statSync(path.join(folder, "sgx", "processor")).size, 32);
    logsAreWhole(folder);
    await endLocalAgent(folder);
    seen("a platform of emulated SGX that found no space at whatever step starts once there is some");
}

async function readOnly(): Promise<void> {
    const { folder } = await start();
    const agent = new AgentClient(folder);
    await load(agent, "first");
    await agent.setTrigger(idOf("first"), "poll", { endpoint: entry.endpoint, everyMs: 20 });
    // Files that are open for writing keep a file system writable: a second, read-only view of the node's folder does not.
    await killLocalAgent(folder);
    mount("--bind", folder, folder);
    mount("-o", "remount,bind,ro", folder);
    await failure(start({ folder }), "AE-AGENT-READ-ONLY", /make the node's folder writable for the user that runs the agent/i);
    execFileSync("umount", [folder]);
    await start({ folder });
    assert.equal((await agent.instance(idOf("first")))!.state, "running");
    seen("an agent in a read-only folder says so, and starts once it is writable");
    await endLocalAgent(folder);

    remount("ro");
    try {
        await failure(start(), "AE-STORAGE-READ-ONLY", /set AUTHENTIC_STATE to a folder that is/);
        process.env["AUTHENTIC_CACHE"] = path.join(disk, "cache");
        await failure(cached("0".repeat(64), () => Promise.resolve(Buffer.from("x"))), "AE-STORAGE-READ-ONLY", /set AUTHENTIC_CACHE to a folder that is/);
        seen("a read-only home is named, with the variable that chooses another folder");
    } finally {
        remount("rw");
    }
}

async function builds(): Promise<void> {
    process.env["AUTHENTIC_CACHE"] = path.join(disk, "cache");
    fill();
    const key = "1".repeat(64);
    const place = () => cached(key, () => Promise.resolve(Buffer.alloc(100_000, 7)));
    await failure(place(), "AE-STORAGE-FULL", /Free space on that file system, or set AUTHENTIC_CACHE/);
    const sources = [path.join(packageRoot(), "examples", "smart-irrigation", "modules", "valve.c")];
    await failure(native.build({ name: "valve", sources }), "AE-STORAGE-FULL", /Free space on that file system, or set AUTHENTIC_CACHE/);
    free();
    assert.equal((await place()).length, 100_000);
    assert.deepEqual(fs.readdirSync(path.join(disk, "cache", "builds", "11")), [key], "something was left behind");
    seen("a build that finds no space says so, and goes on once there is some");
}

async function main(): Promise<void> {
    mount("-t", "tmpfs", "-o", `size=${SIZE},mode=700`, "tmpfs", disk);
    process.env["AUTHENTIC_STATE"] = disk;
    process.env["AUTHENTIC_ZIG"] = (await (await openKit()).zig())[0]!;
    // Built before, so that no part of it depends on the disk.
    await native.build({ name: "controller", sources: [path.join(packageRoot(), "examples", "smart-irrigation", "modules", "controller.c")] });
    await full();
    await platform();
    await readOnly();
    await builds();
}

main().catch((error: unknown) => {
    console.error(error);
    // The disk is gone with this process, and the logs on it.
    for (const name of fs.readdirSync(disk, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".log"))) {
        console.error(`── ${name}\n${fs.readFileSync(path.join(disk, name), "utf8").slice(-4000)}`);
    }
    process.exit(1);
});

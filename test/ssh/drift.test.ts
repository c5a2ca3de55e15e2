// What others change on a machine that is reached over SSH: its agent, its files, and what looks after the agent. The cases are the
// rows of docs/drift.md.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { closeConnections } from "../../provider/ssh/hosts";
import { parseLocation } from "../../provider/ssh/settings";
import * as ae from "../../resources";
import { type Change, drift, eachRow, listened } from "../lifecycle/drifting";
import { Stack } from "../lifecycle/stack";
import { Stream } from "../lifecycle/stream";
import { isAlive } from "../processes";
import { SshHost } from "./server";

describe("what others change on a machine behind SSH", function () {
    this.timeout(180_000);
    let base: string;
    let host: SshHost;
    let stack: Stack;
    let stream: Stream;

    const program = () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("n", { deployment, tee: "native", ssh: host.ssh() });
        stream.declare(deployment, [node, node], { flowing: true, every: "20ms", burst: 2 });
    };

    // Each row leaves everything in order, as it asserts.
    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "ssh-drift-"));
        host = await new SshHost().start();
        stack = new Stack();
        stream = new Stream(base, stack);
        await stack.up(program);
    });
    after(async () => {
        await listened(() => stack.destroy());
        await closeConnections();
        const left = await host.remove();
        fs.rmSync(base, { recursive: true });
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    const place = () => stack.outs("Node", "n")["folder"] as string;
    /** Of the node, on the host, which is this machine. */
    const folder = () => parseLocation(place())!.folder;
    const agent = () => new AgentClient(place());
    const flows = async () => stream.passes("received", await stream.count("received"));
    async function kill(...pids: number[]): Promise<void> {
        for (const pid of pids) process.kill(pid, "SIGKILL");
        while (pids.some(isAlive)) await sleep(10);
    }
    const loopPid = () => Number(fs.readFileSync(path.join(folder(), "loop.pid"), "utf8"));

    const changes = (): Record<string, Change> => ({
        "the loop that looks after the agent was ended": {
            act: () => kill(loopPid()),
            then: async () => {
                assert.ok(isAlive(loopPid()));
                await flows();
            },
        },
        "the agent was ended, and who looks after it": { act: async () => kill(loopPid(), (await agent().about()).pid), then: flows },
        "the agent was replaced by another program": {
            act: async () => {
                const { pid, eventAddress: { host: address, port } } = await agent().about();
                await kill(loopPid(), pid);
                const running = path.join(folder(), "programs", fs.readdirSync(path.join(folder(), "programs"))[0]!);
                for (const name of ["authentic-agent", "authentic-host"]) {
                    fs.copyFileSync(path.join(running, name), path.join(host.folder, name));
                    fs.appendFileSync(path.join(host.folder, name), "another version");
                }
                spawn(path.join(host.folder, "authentic-agent"), ["run", "--folder", folder(), "--node", "n", "--listen", `${address}:${port}`], { stdio: "ignore", detached: true }).unref();
                for (let tries = 0; await agent().about().catch(() => undefined) === undefined; tries++) {
                    assert.ok(tries < 500, "the other agent does not start");
                    await sleep(20);
                }
            },
            then: flows,
        },
        "the folder of the node was removed": {
            act: async () => {
                const pids = [(await agent().about()).pid, loopPid(), ...(await agent().instances()).map(({ pid }) => pid!)];
                fs.rmSync(folder(), { recursive: true });
                while (pids.some(isAlive)) await sleep(10);
            },
            then: flows,
        },
    });

    eachRow("Nodes over SSH", changes, (row, change) => drift(stack, program, row, change));
});

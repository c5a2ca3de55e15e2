// Nodes over SSH on hosts of their own, which only a jump host leads to, behind a firewall and on lines that lose, delay and
// reorder packets, or nothing comes through at all.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { closeConnections, openConnections } from "../../provider/ssh/hosts";
import { parseLocation } from "../../provider/ssh/settings";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { Stream } from "../lifecycle/stream";
import { SshHost } from "../ssh/server";
import { describeInNamespace } from "./namespace";
import { DEPLOYER, Network } from "./network";

/** Hosts of nodes, and the port that events of each come in at. */
const PORTS = { left: 7001, right: 7002 } as const;
const HOSTS = ["left", "right"] as const;
type Host = typeof HOSTS[number];
/** Of another program of a host, which nobody beyond the firewall is to reach. */
const OTHER_PORT = 7100;

describeInNamespace(__filename, "nodes behind a firewall", function () {
    this.timeout(120_000);
    let base: string;
    let network: Network;
    let gate: SshHost;
    let hosts: Record<Host, SshHost>;
    let stack: Stack;
    let stream: Stream;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "net-"));
        network = await Network.start(["gate", ...HOSTS]);
        console.log(`      AUTHENTIC_SEED=${network.seed}`);
        const start = (name: string) => new SshHost(network.place(name)).start();
        [gate, hosts] = [await start("gate"), { left: await start("left"), right: await start("right") }];
        network.firewall([
            { from: DEPLOYER, to: "gate", ports: [22] },
            ...HOSTS.map((to) => ({ from: "gate", to, ports: [22] })),
            { from: "left", to: "right", ports: [PORTS.right] },
            { from: "right", to: "left", ports: [PORTS.left] },
        ]);
        stack = new Stack();
        stream = new Stream(base, stack);
        await stack.up(program());
    });
    after(async () => {
        let left: string[] = [];
        try {
            await network.heal();
            await stack.destroy();
        } finally {
            await closeConnections();
            left = (await Promise.all([gate, hosts.left, hosts.right].map((host) => host.remove()))).flat();
            await network.close();
            fs.rmSync(base, { recursive: true });
        }
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    const program = (flowing = true) => () => {
        const deployment = new ae.Deployment("d");
        const [left, right] = HOSTS.map((name) => new ae.Node(name, { deployment, tee: "native", port: PORTS[name], ssh: hosts[name].ssh({ keepAlive: "1s", jump: gate.ssh({ keepAlive: "1s" }) }) }));
        stream.declare(deployment, [left!, right!], { flowing, every: "20ms", burst: 8 });
    };
    /** The agent of a host, asked on its own machine and not through the network. */
    const agent = (host: Host) => new AgentClient(parseLocation(stack.outs("Node", host)["folder"] as string)!.folder);
    /** Events that the agent of the receiving host says were delivered: the deployer need not be there for it. */
    const delivered = async (): Promise<number> => Number((await agent("right").instances())[0]?.connections.find(({ direction }) => direction === "receiver")?.delivered);
    const pids = async () => (await Promise.all(HOSTS.map((host) => agent(host).instances()))).flat().map(({ pid }) => pid);

    async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
        for (let tries = 0; !await holds().catch(() => false); tries++) {
            assert.ok(tries < 600, `${what} does not come to pass`);
            await sleep(50);
        }
    }
    /** Lets the source stop, and compares what it has sent with what the sink has processed, in its order. */
    async function nothingIsMissing(): Promise<number> {
        await stack.up(program(false));
        const { sent, ...counts } = await stream.settled();
        assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        await stack.up(program());
        return sent;
    }

    it("are reached over the jump host alone, and offer nothing but the port for events", async () => {
        await stream.passes("received", 50);
        assert.equal(gate.accepted, 1);
        const other = spawn("nsenter", [...network.place("left").within.slice(1), "python3", "-u", "-m", "http.server", String(OTHER_PORT), "--directory", base], { stdio: ["ignore", "pipe", "ignore"] });
        await once(other.stdout, "data");
        try {
            for (const host of HOSTS) {
                const offered = network.listens(host).filter(({ port }) => port !== OTHER_PORT);
                assert.deepEqual(offered.sort((a, b) => a.port - b.port), [{ protocol: "tcp", port: 22 }, { protocol: "tcp", port: PORTS[host] }], `${host} listens on`);
            }
            const ports = [22, PORTS.left, OTHER_PORT];
            assert.deepEqual(network.attempts("left", "left", ports), { 22: "open", [PORTS.left]: "open", [OTHER_PORT]: "open" }, "all of them are there");
            const before = network.dropped();
            assert.deepEqual(network.attempts("right", "left", ports), { 22: "silent", [PORTS.left]: "open", [OTHER_PORT]: "silent" });
            assert.deepEqual(network.attempts("gate", "left", ports), { 22: "open", [PORTS.left]: "silent", [OTHER_PORT]: "silent" });
            assert.deepEqual(network.attempts(DEPLOYER, "left", ports), { 22: "silent", [PORTS.left]: "silent", [OTHER_PORT]: "silent" });
            assert.ok(network.dropped() >= before + 7, "it is the firewall that keeps them off");
        } finally {
            await ended(other);
        }
        assert.deepEqual(await stack.refresh(), []);
    });

    it("lose, double and reorder no event on a line that loses, delays and reorders packets", async () => {
        const line = { delayMs: 10, jitterMs: 10, loss: 0.03, reorder: 0.1 };
        await network.impair("left", "right", line);
        await network.impair(DEPLOYER, "gate", line);
        const begun = await stream.count("received");
        await stream.passes("received", begun + 1_000);
        await stack.up(program(false));
        const sent = await nothingIsMissing();
        const fired = await network.counts("left", "right");
        for (const what of ["lost", "delayed", "reordered"] as const) assert.ok(fired[what] > 0, `no packet was ${what}`);
        const deployers = await network.counts(DEPLOYER, "gate");
        assert.ok(deployers.lost > 0, "the deployer's line lost nothing");
        await network.impair("left", "right", {});
        await network.impair(DEPLOYER, "gate", {});
        console.log(`      events: ${sent} sent, all delivered in order; packets: ${fired.forwarded} forwarded, ${fired.delayed} delayed, ${fired.lost} lost, ${fired.reordered} reordered; the deployer's: ${deployers.lost} lost`);
    });

    const PARTITIONS: readonly { readonly what: string; readonly ways: readonly (readonly [Host, Host])[]; readonly restart: boolean }[] = [
        { what: "a partition in which agents are started again", ways: [["left", "right"], ["right", "left"]], restart: true },
        { what: "a partition", ways: [["left", "right"], ["right", "left"]], restart: false },
        { what: "a time in which no event gets through, but its acknowledgement would", ways: [["left", "right"]], restart: false },
        { what: "a time in which events get through, and no acknowledgement", ways: [["right", "left"]], restart: false },
    ];
    for (const { what, ways, restart } of PARTITIONS) {
        it(`go on after ${what}, without the deployer`, async () => {
            await stream.passes("received", await stream.count("received"));
            const running = await pids();
            const [cut, deployersCut] = [(await network.counts("left", "right")).cut, (await network.counts(DEPLOYER, "gate")).cut];
            await network.partition(DEPLOYER, "gate");
            for (const [from, to] of ways) await network.partition(from, to, { oneWay: true });
            // What was under way arrives.
            let before = -1;
            await until("silence", async () => {
                const last = before;
                before = await delivered();
                await sleep(500);
                return last === before;
            });
            for (const host of restart ? HOSTS : []) {
                const { pid } = await agent(host).about();
                process.kill(pid, "SIGKILL");
                await until(`another agent of ${host}`, async () => (await agent(host).about()).pid !== pid);
            }
            // The deployer's connections are lost meanwhile, and are dialled again.
            if (restart) await until("the end of the connections", async () => await openConnections() === 0);
            assert.equal(await delivered(), before, "nothing passes a partition");
            assert.ok((await network.counts("left", "right")).cut > cut);
            for (const [from, to] of ways) await network.heal(from, to);
            await until("an event after the partition", async () => await delivered() > before + 100);
            assert.deepEqual(await pids(), running, "module instances have survived");
            await network.heal();
            assert.ok(!restart || (await network.counts(DEPLOYER, "gate")).cut > deployersCut);
            const sent = await nothingIsMissing();
            if (restart) assert.deepEqual(await stack.refresh(), []);
            console.log(`      events: ${sent} sent, all delivered in order; packets: ${(await network.counts("left", "right")).cut - cut} cut`);
        });
    }
});

async function ended(program: ChildProcess): Promise<void> {
    const gone = once(program, "close");
    program.kill();
    await gone;
}

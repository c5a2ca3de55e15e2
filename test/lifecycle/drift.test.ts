// What people and crashes change behind Pulumi's back, with real agents and module hosts: a refresh says what it found, and the
// next up repairs it or says what to do. The cases are the rows of docs/drift.md.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient, type StartRequest } from "../../provider/agent/client";
import { machineArchitecture } from "../../provider/agent/processors";
import { agentProgram } from "../../provider/agent/programs";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import * as ae from "../../resources";
import { isAlive } from "../processes";
import { freePort } from "../ssh/server";
import { type Change, drift, eachRow, listened } from "./drifting";
import { Stack } from "./stack";
import { Stream } from "./stream";

const LAMP = `
#include <authentic.h>

static struct counters { uint64_t switched; } counters;
AUTHENTIC_STATE(struct counters, counters, 1)
AUTHENTIC_DEVICE(lamp, AUTHENTIC_WRITTEN)
AUTHENTIC_INPUT(set, 1) { counters.switched++; lamp_write(length == 1 && *(const uint8_t *)data); }
`;

/** What the program says, beside what it always says. */
interface Variant {
    readonly port?: number | undefined;
    readonly careful?: boolean;
    readonly flowing?: boolean;
}

describe("what others change behind Pulumi's back", function () {
    this.timeout(120_000);
    let base: string;
    let stack: Stack | undefined;
    let stream: Stream;
    let variant: Variant;
    let taken: net.Server | undefined;
    let others: ChildProcess[];

    const program = () => {
        const { port, careful = false, flowing = true } = variant;
        const deployment = new ae.Deployment("d");
        const from = new ae.Node("field", { deployment, tee: "native" });
        const to = new ae.Node("server", { deployment, tee: "native", ...(port === undefined ? {} : { port }) });
        stream.declare(deployment, [from, to], { flowing, every: "20ms", burst: 2 });
        const lamp = new ae.Module("lamp", { node: to, source: path.join(base, "lamp.c"), onStateLoss: careful ? "fail" : "restart" });
        new ae.Connection("set", { from: deployment, to: lamp.input("set") });
    };

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "drift-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "lamp.c"), LAMP);
    });
    // One stack for all rows: each leaves it in order, as it asserts; else the next one gets another.
    beforeEach(async () => {
        [variant, others] = [{}, []];
        stack ??= new Stack();
        stream = new Stream(base, stack);
        await stack.up(program);
    });
    afterEach(async function () {
        taken?.close();
        taken = undefined;
        if (this.currentTest?.state === "failed") await end();
    });
    after(async () => {
        await end();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });
    async function end(): Promise<void> {
        for (const child of others) child.kill("SIGKILL");
        const ended = stack;
        stack = undefined;
        await listened(() => ended?.destroy() ?? Promise.resolve());
    }
    const at = (): Stack => stack ?? assert.fail("nothing is deployed");

    const folder = (node = "server") => at().outs("Node", node)["folder"] as string;
    const agent = (node = "server") => new AgentClient(folder(node));
    const instance = (name: string) => at().outs("Module", name)["instance"] as string;
    const connection = (name: string) => at().outs("Connection", name)["connection"] as number;
    const port = () => (at().outs("Node", "server")["eventAddress"] as { port: number }).port;

    async function gone(pid: number): Promise<void> {
        while (isAlive(pid)) await sleep(10);
    }
    /** Kills an agent alone. */
    async function killAgent(node?: string): Promise<void> {
        const { pid } = await agent(node).about();
        process.kill(pid, "SIGKILL");
        await gone(pid);
    }
    /** Tells the agent to end. */
    async function endAgent(): Promise<void> {
        const { pid } = await agent().about();
        await agent().shutdown();
        await gone(pid);
    }
    /** Starts an agent in the node's folder, as somebody else would. */
    async function otherAgent(binary: string, listen: number): Promise<void> {
        others.push(spawn(binary, ["run", "--folder", folder(), "--node", "server", "--listen", `127.0.0.1:${listen}`], { stdio: "ignore" }));
        for (let tries = 0; await agent().about().catch(() => undefined) === undefined; tries++) {
            assert.ok(tries < 500, "the other agent does not start");
            await sleep(20);
        }
    }
    async function takePort(): Promise<void> {
        const wanted = port();
        await killAgent();
        taken = net.createServer().listen(wanted, "127.0.0.1");
        await new Promise((resolve) => taken!.once("listening", resolve));
    }
    /** This package's programs with another digest. */
    async function otherPrograms(): Promise<string> {
        const built = path.dirname(await agentProgram(machineArchitecture()));
        for (const name of ["authentic-agent", "authentic-host"]) {
            fs.copyFileSync(path.join(built, name), path.join(base, name));
            fs.appendFileSync(path.join(base, name), "another version");
        }
        return path.join(base, "authentic-agent");
    }
    /** Runs an image in a module's place. */
    async function inPlaceOf(name: string, request: Partial<StartRequest>): Promise<void> {
        const image = request.image ?? await agent().image(instance(name));
        await agent().remove(instance(name));
        await agent().start(instance(name), { name, deployment: at().outs("Module", name)["deploymentId"] as string, tee: "native", entryTimeLimitMs: 1000, interface: [], ...request, image });
    }
    const sessionOf = (name: string) => at().outs("Connection", name) as unknown as Parameters<typeof endOf>[1] & { readonly to: Parameters<typeof endOf>[0] };
    const flows = async () => stream.passes("received", await stream.count("received"));
    const declared = async () => {
        variant = { port: await freePort("127.0.0.1") };
        await at().up(program);
    };

    const changes = (): Record<string, Change> => ({
        "the agent was killed": { act: () => Promise.all([killAgent("server"), killAgent("field")]), then: flows },
        "the agent was told to end": {
            act: endAgent,
            then: async () => {
                assert.match(String(at().outs("Module", "lamp")["lastLoss"]), / is exited: the module host was not running/);
                await flows();
            },
        },
        "the agent was told to end, and a module's state must not be lost": {
            act: async () => {
                variant = { careful: true };
                await at().up(program);
                await endAgent();
            },
            mend: () => Promise.resolve(variant = {}),
        },
        "the folder of the node was removed": {
            act: async () => {
                const pids = [(await agent().about()).pid, ...(await agent().instances()).map(({ pid }) => pid!)];
                fs.rmSync(folder(), { recursive: true });
                await Promise.all(pids.map(gone));
            },
            then: flows,
        },
        "the agent's socket was removed": {
            act: async () => {
                const { pid } = await agent().about();
                fs.rmSync(path.join(folder(), "agent.sock"));
                await gone(pid);
            },
            then: flows,
        },
        "the agent was replaced by another program": {
            act: async () => {
                const binary = await otherPrograms();
                await killAgent();
                await otherAgent(binary, port());
            },
            then: flows,
        },
        "the agent was started on another port than the node's": {
            act: async () => {
                await declared();
                const other = await freePort("127.0.0.1");
                await killAgent();
                await otherAgent(await agentProgram(machineArchitecture()), other);
            },
            then: flows,
        },
        "the agent ended, and somebody else got a port that it had picked": { act: takePort, then: flows },
        "the agent ended, and somebody else got a port that the program names": {
            act: async () => {
                await declared();
                await takePort();
            },
            mend: () => new Promise((resolve) => taken!.close(resolve)),
            then: flows,
        },
        "the module was stopped through the agent": { act: () => agent().remove(instance("sink")), then: flows },
        "the module's host was killed": {
            act: async () => {
                const { pid } = (await agent().instance(instance("sink")))!;
                process.kill(pid!, "SIGKILL");
                for (let tries = 0; (await agent().instance(instance("sink")))?.state === "running" && tries < 500; tries++) await sleep(10);
            },
            then: flows,
        },
        "another image was put in the module's place": { act: async () => inPlaceOf("sink", { image: await agent().image(instance("lamp")) }), then: flows },
        "another deployer's module was put in the module's place": {
            act: async () => inPlaceOf("sink", { name: "theirs", deployment: "ab".repeat(16), image: await agent().image(instance("lamp")) }),
            mend: () => agent().remove(instance("sink")),
            then: flows,
        },
        "the module was started again from its image, which rolls its state back": { act: () => inPlaceOf("sink", {}), then: flows },
        "the module's devices were taken away": {
            act: async () => {
                const session = sessionOf("set");
                await (await driverOf(session)).setGrants(await endOf(session.to, session), []);
            },
        },
        "the route of a connection was removed": { act: () => agent("field").removeRoute(instance("source"), connection("events")), then: flows },
        "the route of a connection leads elsewhere": {
            act: async () => agent("field").setRoute(instance("source"), connection("events"), { address: `127.0.0.1:${await freePort("127.0.0.1")}`, instance: instance("sink") }), then: flows,
        },
        "a connection was closed at one end": {
            act: async () => {
                const session = sessionOf("events");
                await (await driverOf(session)).disconnect(connection("events"), { name: "source", gone: "another deployer leaves it alone" }, await endOf(session.to, session));
            },
            then: flows,
        },
        "a connection from the deployer was closed": {
            act: async () => {
                const session = sessionOf("set");
                await (await driverOf(session)).disconnectDeployer(connection("set"), await endOf(session.to, session));
            },
        },
        "a trigger was removed": { act: () => agent("field").removeTrigger(instance("source"), "work"), then: flows },
        "a trigger was changed": { act: () => agent("field").setTrigger(instance("source"), "work", { endpoint: at().outs("Trigger", "work")["endpoint"] as number, everyMs: 86_400_000 }), then: flows },
    });

    eachRow("Nodes, modules, connections and triggers", changes, (row, change) => drift(at(), program, row, change));

    it("is not the programs of agents: a new version of this package alone replaces them, as a preview says, and no event is lost", async () => {
        // Whose events are counted from the first.
        await end();
        stack = new Stack();
        stream = new Stream(base, stack);
        await stack.up(program);
        const before = await agent().about();
        const hosts = async () => (await agent().instances()).map(({ pid }) => pid);
        const [running, installed] = [await hosts(), at().outs("Node", "server")["programs"]];
        process.env["AUTHENTIC_AGENT"] = await otherPrograms();
        try {
            assert.ok((await at().preview(program)).includes("update server"));
            assert.deepEqual((await at().up(program)).filter((step) => !step.startsWith("same ")), ["update field", "update server"]);
            const after = await agent().about();
            assert.notEqual(after.pid, before.pid);
            assert.equal(fs.readlinkSync(`/proc/${after.pid}/exe`), process.env["AUTHENTIC_AGENT"]);
            assert.deepEqual(after.eventAddress, before.eventAddress);
            assert.deepEqual(await hosts(), running);
            assert.notEqual(at().outs("Node", "server")["programs"], installed);
            await flows();
            assert.equal(await listened(() => at().refresh()), "");
            assert.deepEqual((await at().preview(program)).filter((step) => !step.startsWith("same ")), []);
            variant = { flowing: false };
            await at().up(program);
            const { sent, ...counts } = await stream.settled();
            assert.ok(sent > 0);
            assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        } finally {
            delete process.env["AUTHENTIC_AGENT"];
        }
    });
});

// Programs with real agents, module hosts and sessions, without Pulumi's engine: modules that crash, loop and are killed.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { killLocalAgent } from "../../provider/agent/local";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import * as ae from "../../resources";
import { isAlive } from "../processes";
import { Stack, type Step } from "./stack";

const FRAGILE = `
#include <authentic.h>

AUTHENTIC_OUTPUT(beat, 0)
AUTHENTIC_ENTRY(work, 0) { (void)data; (void)length; beat("", 0); }
AUTHENTIC_ENTRY(crash, 0) { (void)data; (void)length; *(volatile int *)8 = 1; }
AUTHENTIC_ENTRY(spin, 0) { (void)data; (void)length; for (volatile int i = 0;; i++) {} }
static int __attribute__((noinline)) deeper(volatile int *n) { volatile int frame[64]; frame[0] = *n + 1; return deeper(frame) + frame[0]; }
AUTHENTIC_ENTRY(recurse, 0) { volatile int n = (int)length; (void)data; n = deeper(&n); }
AUTHENTIC_ENTRY(sprawl, 0) { volatile char much[1 << 20]; (void)data; much[length] = 1; }
`;
const LISTENER = `
#include <authentic.h>

AUTHENTIC_INPUT(beat, 0) { (void)data; (void)length; }
`;

const changes = (steps: readonly Step[]) => steps.filter((step) => !step.startsWith("same ")).sort();

describe("a stack of real modules", function () {
    this.timeout(120_000);
    let base: string;
    let stack: Stack;

    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "real-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "fragile.c"), FRAGILE);
        fs.writeFileSync(path.join(base, "listener.c"), LISTENER);
        stack = new Stack();
    });
    afterEach(async () => {
        await stack.destroy();
        assert.deepEqual(fs.existsSync(path.join(base, "nodes")) ? fs.readdirSync(path.join(base, "nodes")) : [], []);
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("n", { deployment, tee: "native" });
        const fragile = new ae.Module("fragile", { node, source: path.join(base, "fragile.c"), entryTimeLimit: "200ms" });
        const listener = new ae.Module("listener", { node, source: path.join(base, "listener.c") });
        new ae.Connection("beat", { from: fragile.output("beat"), to: listener.input("beat") });
    };

    const agent = () => new AgentClient(stack.outs("Node", "n")["folder"] as string);
    const instanceOf = (name: string) => stack.outs("Module", name)["instance"] as string;
    const call = (entry: string) => stack.callEntry("fragile", entry);
    const connection = async (name: string) => (await agent().instance(instanceOf(name)))?.connections.find(({ connection }) => connection === stack.outs("Connection", "beat")["connection"]);

    /** Waits until the listener has processed so many events of its present connection. */
    async function heard(count: number): Promise<void> {
        for (let tries = 0; tries < 200; tries++) {
            if (Number((await connection("listener"))?.delivered ?? 0) >= count) return;
            await sleep(20);
        }
        assert.fail(`the listener has not heard ${count} events`);
    }

    for (const [entry, what] of [["crash", "crashes"], ["spin", "never returns"], ["recurse", "uses up its stack"], ["sprawl", "steps over the end of its stack"]] as const) {
        it(`reports a module that ${what}, and repairs it and its connection alone`, async () => {
            await stack.up(program);
            await call("work");
            await heard(1);
            const before = stack.outs("Module", "fragile")["incarnation"];
            const other = stack.outs("Module", "listener")["incarnation"];
            await call(entry).catch(() => undefined);
            for (let tries = 0; tries < 100 && (await agent().instance(instanceOf("fragile")))?.state === "running"; tries++) await sleep(50);

            const found = await stack.refresh();
            assert.equal(found.length, 2, found.join("\n"));
            assert.match(found[0]!, /^fragile: (failed|exited)(: .+)?$/);
            assert.match(found[1]!, /^beat: unverified: module fragile is (failed|exited)$/);
            assert.deepEqual(changes(await stack.preview(program)), ["update beat", "update fragile"]);
            await stack.up(program);
            assert.notEqual(stack.outs("Module", "fragile")["incarnation"], before);
            assert.equal(stack.outs("Module", "listener")["incarnation"], other);
            const { delivered = 0 } = (await connection("listener")) ?? {};
            await call("work");
            await heard(Number(delivered) + 1);
            assert.deepEqual(await stack.refresh(), []);
            assert.deepEqual(changes(await stack.preview(program)), []);
        });
    }

    for (const moment of ["before a module is loaded", "when a module was loaded, before it is attested"] as const) {
        it(`takes up where it was when the agent is killed during create, ${moment}`, async () => {
            let killed = 0;
            setSurroundings({
                ...real,
                agent: async (folder) => {
                    const client = await real.agent(folder);
                    const start = client.start.bind(client);
                    return Object.assign(client, {
                        start: async (...request: Parameters<typeof start>) => {
                            const first = killed++ === 0;
                            if (first && moment === "before a module is loaded") await killLocalAgent(folder);
                            await start(...request);
                            if (first) await killLocalAgent(folder);
                        },
                    });
                },
            });
            try {
                await assert.rejects(stack.up(program), /AE-AGENT-UNREACHABLE/);
            } finally {
                setSurroundings(undefined);
            }
            assert.ok(killed > 0, "no agent was killed");
            await stack.refresh();
            await stack.up(program);
            assert.deepEqual(changes(await stack.preview(program)), []);
            await call("work");
            await heard(1);
        });
    }

    it("begins a module that ended with its agent, as with its machine, anew only where the loss of its state is accepted, and says so", async () => {
        fs.writeFileSync(path.join(base, "counter.c"), "#include <authentic.h>\nAUTHENTIC_STATE(uint64_t, count, 1)\nAUTHENTIC_ENTRY(work, 0) { count++; }\n");
        const counting = (onStateLoss: "fail" | "restart") => () => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "native" });
            new ae.Module("counter", { node, source: path.join(base, "counter.c"), onStateLoss });
        };
        /** What a machine that is switched off ends. */
        const off = async (): Promise<void> => {
            const { folder } = stack.outs("Node", "n") as { folder: string };
            const { pid } = (await agent().instance(instanceOf("counter")))!;
            await killLocalAgent(folder);
            process.kill(pid!, "SIGKILL");
            while (isAlive(pid!)) await sleep(10);
        };
        await stack.up(counting("fail"));
        const { incarnation } = stack.outs("Module", "counter");
        await off();
        assert.deepEqual(await stack.refresh(), ["n: stopped", "counter: unsupervised"]);
        await assert.rejects(stack.up(counting("fail")), /AE-MODULE-STATE-LOST: module "counter": the module's old instance is exited/);
        await stack.up(counting("restart"));
        assert.notEqual(stack.outs("Module", "counter")["incarnation"], incarnation);
        assert.match(String(stack.outs("Module", "counter")["lastLoss"]), /exited/);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(counting("restart"))), []);
        // One that goes on is only looked at.
        await killLocalAgent(stack.outs("Node", "n")["folder"] as string);
        await stack.refresh();
        const now = stack.outs("Module", "counter")["incarnation"];
        await stack.up(counting("fail"));
        assert.equal(stack.outs("Module", "counter")["incarnation"], now);
        assert.equal(stack.outs("Module", "counter")["lastLoss"], undefined);
    });

    it("keeps the keys of connections whose modules go on, whatever else is done", async () => {
        await stack.up(program);
        const { keyId } = stack.outs("Connection", "beat");
        await stack.refresh();
        await stack.up(program);
        assert.equal(stack.outs("Connection", "beat")["keyId"], keyId);
    });
});

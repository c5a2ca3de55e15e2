// `authentic status` against real agents, whole and broken.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { killLocalAgent } from "../../provider/agent/local";
import type { StackStatus } from "../../provider/cli/observation";
import { Deployed, type Run } from "./deployed";

describe("authentic status", function () {
    this.timeout(120_000);
    const deployed = new Deployed();
    before(() => deployed.up());
    after(() => deployed.remove());

    const parsed = (run: Run) => JSON.parse(run.stdout) as StackStatus;
    const instance = (name: string) => deployed.stack.outs("Module", name)["instance"] as string;

    it("shows nodes, modules, connections with their counters, and triggers", async () => {
        await deployed.stack.callEntry("talker", "work");
        let status: StackStatus;
        do {
            const run = await deployed.on("status", "--json");
            assert.equal(run.code, 0, run.stderr + run.stdout);
            status = parsed(run);
        } while (status.connections.find(({ name }) => name === "beat")!.sender!.queued !== "0");
        assert.equal(status.inOrder, true);
        assert.deepEqual(status.nodes.map(({ name, tee, state }) => [name, tee, state]), [["field", "native", "running"], ["server", "native", "running"]]);
        const talker = status.modules.find(({ name }) => name === "talker")!;
        const outs = deployed.stack.outs("Module", "talker");
        assert.deepEqual([talker.node, talker.state, talker.assurance, talker.measurement, talker.incarnation], ["field", "running", "none", outs["measurement"], outs["incarnation"]]);
        assert.deepEqual(talker.triggers.map(({ name, everyMs }) => [name, everyMs]), [["tick", 3_600_000]]);
        const beat = status.connections.find(({ name }) => name === "beat")!;
        assert.deepEqual([beat.ends, beat.state, beat.epoch, beat.sender!.epoch, beat.receiver!.epoch], ["talker.beat → listener.beat", "active", "1", "1", "1"]);
        assert.deepEqual([beat.sender!.sent, beat.sender!.acknowledged, beat.receiver!.delivered, beat.receiver!.gaps, beat.receiver!.refused], ["1", "1", "1", "0", {}]);
        assert.equal(status.connections.find(({ name }) => name === "query")!.ends, "deployer → listener.query");
    });

    it("needs no secrets", async () => {
        const run = await deployed.start(["status", "--state", "-"], deployed.exported({ secrets: false })).end;
        assert.equal(run.code, 0, run.stderr);
        const lines = run.stdout.split("\n");
        assert.match(lines[0]!, /^NODE +TEE +STATE/);
        for (const expected of [/^field +native +running +127\.0\.0\.1:\d+/, /^talker +field +running +none +[0-9a-f]{12}…/, /^beat +\d+ +talker\.beat → listener\.beat +strict +active +1 +\d+ +\d+/, /^tick +talker +3600000 ms/]) {
            assert.ok(lines.some((line) => expected.test(line)), `${expected} in\n${run.stdout}`);
        }
    });

    it("says which module has failed, and why, with exit code 3", async () => {
        await deployed.stack.callEntry("talker", "crash").catch(() => undefined);
        for (let tries = 0; tries < 100 && (await deployed.agent("field").instance(instance("talker")))?.state === "running"; tries++) await sleep(20);
        const run = await deployed.on("status", "--json");
        assert.equal(run.code, 3);
        const talker = parsed(run).modules.find(({ name }) => name === "talker")!;
        assert.equal(talker.state, "failed");
        assert.match(talker.reason!, /SIGSEGV/);
        assert.match((await deployed.on("status")).stdout, /talker: .*SIGSEGV[^]*something does not run: `pulumi refresh`/);
    });

    it("says that an agent is stopped, and that nothing is known of what it ran", async () => {
        await killLocalAgent(deployed.stack.outs("Node", "server")["folder"] as string);
        const run = await deployed.on("status", "--json");
        assert.equal(run.code, 3);
        const { nodes, modules, connections } = parsed(run);
        assert.equal(nodes.find(({ name }) => name === "server")!.state, "stopped");
        assert.equal(modules.find(({ name }) => name === "listener")!.state, "unknown");
        assert.equal(connections.find(({ name }) => name === "query")!.state, "unknown at listener");
        await deployed.stack.refresh();
        await deployed.up();
        assert.equal((await deployed.on("status")).code, 0);
    });

    it("refuses a stack without nodes, and one it cannot read", async () => {
        for (const [state, code] of [['{"deployment":{}}', /AE-STACK-EMPTY/], ["{", /AE-CLI-STATE/], ['{"deployment":{"resources":[{"type":"pulumi-nodejs:dynamic/authentic:Node","outputs":{"name":"x"}}]}}', /AE-STACK-FORMAT.*folder/]] as const) {
            const run = await deployed.start(["status", "--state", "-"], state).end;
            assert.deepEqual([run.code, run.stdout], [2, ""]);
            assert.match(run.stderr, code);
        }
    });
});

// Whole programs through classes, checks, diffs and hooks, in a world in memory.
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import * as ae from "../../resources";
import { connectionNumber } from "../../provider/lifecycle/identity";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import { Stack, type Step } from "./stack";
import { World } from "./world";

const SOURCES = {
    "sensor.c": [{ kind: "output", name: "moisture", maximum: 1 }, { kind: "input", name: "reading", maximum: 1 }],
    "controller.c": [
        { kind: "input", name: "moisture", maximum: 1 }, { kind: "integer", name: "openBelow" }, { kind: "entry", name: "poll" }, { kind: "device", name: "tap", flags: 1 },
        { kind: "state", name: "control", maximum: 12, version: 1 },
    ],
} as const;

interface Variant {
    openBelow?: number;
    rotate?: unknown;
    rotation?: "drain" | "compromise";
    onStateLoss?: "fail" | "restart";
    controllerNode?: "server" | "field";
    port?: number;
    tee?: string;
    without?: readonly string[];
}

const program = (variant: Variant = {}) => () => {
    const { openBelow = 45, rotate, rotation, onStateLoss, controllerNode = "server", port, tee = "native", without = [] } = variant;
    const deployment = new ae.Deployment("irrigation");
    const nodes = {
        server: new ae.Node("server", { deployment, tee, ...(port === undefined ? {} : { port }) }),
        field: new ae.Node("field", { deployment, tee: "native" }),
    };
    const sensor = new ae.Module("sensor", { node: nodes.field, source: "sensor.c" });
    const controller = new ae.Module("controller", {
        node: nodes[controllerNode], source: "controller.c", config: { openBelow }, ...(onStateLoss === undefined ? {} : { onStateLoss }),
    });
    if (!without.includes("moisture")) {
        new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture"), rotate, ...(rotation === undefined ? {} : { rotation }) });
    }
    new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
    new ae.Trigger("poll", { module: controller, entry: controller.entry("poll"), every: "1s" });
};

/** Steps that do something, without those that do not. */
const changes = (steps: readonly Step[]) => steps.filter((step) => !step.startsWith("same ")).sort();

describe("a stack of native modules", () => {
    let world: World;
    let stack: Stack;
    beforeEach(() => {
        world = new World(SOURCES);
        world.enter();
        stack = new Stack();
    });
    afterEach(() => setSurroundings(undefined));

    /** What the hooks did since the last call. */
    const done = () => world.calls.splice(0).sort();

    it("comes up, and a second preview and a second up change nothing", async () => {
        await stack.preview(program());
        assert.deepEqual(done(), [], "a preview has touched something");
        await stack.up(program());
        done();
        assert.deepEqual(changes(await stack.preview(program())), []);
        assert.deepEqual(changes(await stack.up(program())), []);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program())), []);
        assert.deepEqual(done(), []);
        const { connection, epoch, keyId, assurance } = stack.outs("Connection", "moisture");
        assert.equal(world.instance("sensor").table.get(connection as number)?.keyId, keyId);
        assert.deepEqual([epoch, assurance], ["1", "none"]);
        assert.deepEqual([...world.instance("sensor").routes.values()], [{
            address: `127.0.0.1:${(stack.outs("Node", "server")["eventAddress"] as { port: number }).port}`, instance: stack.outs("Module", "controller")["instance"],
        }]);
        assert.deepEqual(world.instance("controller").grants, [3]);
        assert.deepEqual([...world.instance("controller").triggers], [["poll", { endpoint: 2, everyMs: 1000 }]]);
    });

    it("hands a module over whose configuration changes, says so, and gives its connections new keys", async () => {
        await stack.up(program());
        const before = stack.outs("Module", "controller");
        const oldKey = stack.outs("Connection", "moisture")["keyId"];
        done();
        assert.deepEqual(changes(await stack.preview(program({ openBelow: 50 }))), ["update controller", "update moisture", "update poll"]);
        assert.deepEqual(changes(await stack.up(program({ openBelow: 50 }))), ["update controller", "update moisture", "update poll"]);
        assert.deepEqual(done(), ["hand over controller", "key moisture (drain)", "promote controller", "set route", "set trigger poll", "start controller"]);
        const after = stack.outs("Module", "controller");
        assert.notEqual(after["measurement"], before["measurement"]);
        assert.equal(after["codeMeasurement"], before["codeMeasurement"]);
        assert.equal(after["instance"], before["instance"]);
        assert.match(after["lastChange"] as string, /^measurement .*… → .*…, state schema control 1 stays: the module is handed over, its connections get new keys$/);
        assert.notEqual(stack.outs("Connection", "moisture")["keyId"], oldKey);
        assert.deepEqual(changes(await stack.preview(program({ openBelow: 50 }))), []);
    });

    it("refuses in preview to lose state where it must not", async () => {
        await stack.up(program({ onStateLoss: "fail" }));
        assert.deepEqual(changes(await stack.preview(program({ onStateLoss: "fail", openBelow: 50 }))), ["update controller", "update moisture", "update poll"]);
        world.restart("controller");
        assert.deepEqual(await stack.refresh(), ["controller: restarted", "moisture: no key at controller"]);
        await assert.rejects(stack.preview(program({ onStateLoss: "fail" })), /onStateLoss: the last refresh found the module restarted/);
    });

    for (const rotation of ["drain", "compromise"] as const) {
        it(`rotates one key, by ${rotation}`, async () => {
            await stack.up(program({ rotate: 1, rotation }));
            const { epoch, connection } = stack.outs("Connection", "moisture");
            done();
            assert.deepEqual(changes(await stack.up(program({ rotate: { at: "noon" }, rotation }))), ["update moisture"]);
            assert.deepEqual(done(), [`key moisture (${rotation})`, "set route"]);
            assert.equal(Number(stack.outs("Connection", "moisture")["epoch"]), Number(epoch) + 1);
            assert.equal(stack.outs("Connection", "moisture")["connection"], connection);
            assert.deepEqual(changes(await stack.preview(program({ rotate: { at: "noon" }, rotation }))), []);
        });
    }

    it("finds a module whose host has ended, and repairs exactly that", async () => {
        await stack.up(program());
        world.instance("controller").report.state = "exited";
        world.instance("controller").report.reason = "killed by signal 9";
        done();
        assert.deepEqual(await stack.refresh(), ["controller: exited: killed by signal 9", "moisture: unverified: module controller is exited"]);
        assert.deepEqual(done(), [], "a refresh has changed something");
        assert.deepEqual(changes(await stack.preview(program())), ["update controller", "update moisture", "update poll"]);
        await stack.up(program());
        assert.deepEqual(done(), ["key moisture (drain)", "remove controller", "set route", "set trigger poll", "start controller"]);
        assert.match(stack.outs("Module", "controller")["lastChange"] as string, /exited: killed by signal 9: a new incarnation begins/);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("finds a module that somebody restarted, and gives it back its key and devices without another restart", async () => {
        await stack.up(program());
        world.restart("controller");
        done();
        assert.deepEqual(await stack.refresh(), ["controller: restarted", "moisture: no key at controller"]);
        await stack.up(program());
        assert.deepEqual(done(), ["key moisture (drain)", "set route", "set trigger poll"]);
        assert.deepEqual(world.instance("controller").grants, [3]);
        assert.deepEqual(await stack.refresh(), []);
    });

    it("finds an image that was exchanged", async () => {
        await stack.up(program());
        world.instance("sensor").report.imageDigest = "00".repeat(32);
        assert.deepEqual((await stack.refresh())[0], "sensor: replaced");
        await stack.up(program());
        assert.deepEqual(await stack.refresh(), []);
        assert.notEqual(world.instance("sensor").report.imageDigest, "00".repeat(32));
    });

    it("finds a lost route, a lost trigger, lost keys and lost grants", async () => {
        await stack.up(program());
        world.instance("sensor").routes.clear();
        world.instance("controller").triggers.clear();
        world.instance("controller").grants = [];
        assert.deepEqual(await stack.refresh(), ["controller: ungranted", "poll: missing", "moisture: unrouted"]);
        done();
        await stack.up(program());
        assert.deepEqual(done(), ["keep moisture", "set route", "set trigger poll"]);
        world.instance("controller").table.clear();
        assert.deepEqual(await stack.refresh(), ["moisture: no key at controller"]);
        await stack.up(program());
        assert.deepEqual(await stack.refresh(), []);
    });

    it("starts an agent that was killed on its old port, and leaves modules alone that survived it", async () => {
        await stack.up(program());
        const { folder, eventAddress } = stack.outs("Node", "server") as { folder: string; eventAddress: unknown };
        world.agents.get(folder)!.running = false;
        done();
        assert.deepEqual(await stack.refresh(), ["server: stopped", "controller: unsupervised", "poll: stopped", "moisture: unverified: module controller is unsupervised"]);
        assert.deepEqual(changes(await stack.preview(program())), ["update controller", "update moisture", "update poll", "update server"]);
        await stack.up(program());
        assert.deepEqual(done(), ["keep moisture", "set route", "set trigger poll", "start agent server"]);
        assert.deepEqual(stack.outs("Node", "server")["eventAddress"], eventAddress);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("starts an agent on another port, while its modules go on", async () => {
        await stack.up(program());
        done();
        await stack.up(program({ port: 7001 }));
        assert.deepEqual(done(), ["keep moisture", "kill agent", "set route", "start agent server"]);
        assert.deepEqual(stack.outs("Node", "server")["eventAddress"], { host: "127.0.0.1", port: 7001 });
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program({ port: 7001 }))), []);
    });

    it("forgets arguments that the program no longer gives", async () => {
        await stack.up(program({ port: 7001, rotate: 1 }));
        const { eventAddress } = stack.outs("Node", "server");
        await stack.up(program());
        assert.deepEqual([stack.outs("Node", "server")["port"], stack.outs("Connection", "moisture")["rotate"]], [undefined, undefined]);
        assert.deepEqual(stack.outs("Node", "server")["eventAddress"], eventAddress, "a node keeps its port");
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("takes no answer for no proof: a refresh fails where an agent runs but does not answer", async () => {
        await stack.up(program());
        const { folder } = stack.outs("Node", "server") as { folder: string };
        world.agents.get(folder)!.silent = true;
        await assert.rejects(stack.refresh(), { code: "AE-AGENT-UNREACHABLE", stack: "" });
        await assert.rejects(stack.destroy(), { code: "AE-AGENT-UNREACHABLE" });
        // One that has just been started again is waited for.
        setTimeout(() => { world.agents.get(folder)!.silent = false; }, 300);
        assert.deepEqual(await stack.refresh(), []);
    });

    it("records a module whose evidence is refused, and completes it with the next up", async () => {
        world.refused.add("controller");
        await assert.rejects(stack.up(program()), /AE-ATTEST-TCB/);
        const entry = stack.state.get("Module controller")!;
        assert.ok(entry.unfinished);
        assert.ok(entry.outs["__provider"] !== undefined, "without its provider the resource can never be deleted");
        world.refused.clear();
        done();
        await stack.up(program());
        assert.ok(!done().includes("start controller"), "the instance that runs already was started again");
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("reports a module whose evidence is refused later, without forgetting it", async () => {
        await stack.up(program());
        world.refused.add("controller");
        assert.deepEqual(await stack.refresh(), ["controller: refused: AE-ATTEST-TCB", "moisture: unverified: module controller is refused"]);
        await assert.rejects(stack.up(program()), /AE-ATTEST-TCB/);
        world.refused.clear();
        await stack.up(program());
        assert.deepEqual(await stack.refresh(), []);
    });

    it("moves a module to another node", async () => {
        await stack.up(program());
        done();
        assert.deepEqual(changes(await stack.up(program({ controllerNode: "field" }))), ["update controller", "update moisture", "update poll"]);
        assert.deepEqual(done(), ["hand over controller", "key moisture (drain)", "promote controller", "remove controller", "remove trigger poll", "set route", "set trigger poll", "start controller"]);
        assert.equal(world.agents.get(stack.outs("Node", "server")["folder"] as string)!.instances.size, 0);
        assert.deepEqual(changes(await stack.preview(program({ controllerNode: "field" }))), []);
    });

    it("draws another number for a connection whose own an end has in use for something else", async () => {
        await stack.up(program({ without: ["moisture"] }));
        const own = connectionNumber({ name: "moisture", kind: "event", delivery: "strict", from: { module: "sensor", name: "moisture" }, to: { module: "controller", name: "moisture" } });
        const { table } = world.instance("sensor");
        table.set(own, { ...[...table.values()][0]!, connection: own, endpoint: 1 });
        await stack.up(program());
        const { connection } = stack.outs("Connection", "moisture");
        assert.notEqual(connection, own);
        assert.equal(table.get(own)?.endpoint, 1);
        assert.equal(table.get(connection as number)?.endpoint, 0);
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("reports no loss where a first keying was broken off, unless an end began anew since", async () => {
        world.unkeyed.add("moisture");
        await assert.rejects(stack.up(program()), /broken off/);
        done();
        await stack.up(program());
        assert.ok(done().includes("key moisture"), "there was nothing to lose");
        assert.equal(stack.outs("Connection", "moisture")["connection"], connectionNumber({
            name: "moisture", kind: "event", delivery: "strict", from: { module: "sensor", name: "moisture" }, to: { module: "controller", name: "moisture" },
        }));

        stack = new Stack();
        world = new World(SOURCES);
        world.enter();
        world.unkeyed.add("moisture");
        await assert.rejects(stack.up(program()), /broken off/);
        world.restart("controller");
        await stack.refresh();
        await stack.up(program());
        assert.ok(done().some((call) => /^key moisture.*with a reset$/.test(call)), "nobody knows how far the first keying had come");
    });

    it("closes a removed connection at both ends", async () => {
        await stack.up(program());
        done();
        assert.deepEqual(changes(await stack.up(program({ without: ["moisture"] }))), ["delete moisture"]);
        assert.deepEqual(done(), ["disconnect", "remove route"]);
        assert.equal(world.instance("controller").table.size, 0);
        assert.equal(world.instance("sensor").table.size, 1, "the deployer's connection is gone as well");
    });

    it("says of a closed connection what is not confirmed", async () => {
        await stack.up(program());
        world.agents.get(stack.outs("Node", "server")["folder"] as string)!.instances.clear();
        const warnings: string[] = [];
        const warn = console.warn;
        console.warn = (text: string) => warnings.push(text);
        try {
            await stack.up(program({ without: ["moisture"] }));
        } finally {
            console.warn = warn;
        }
        assert.match(warnings.join("\n"), /connection "moisture": module "controller" has not confirmed that it is closed/);
    });

    it("applies a changed trust policy to what runs", async () => {
        await stack.up(program());
        const stricter = new Stack({ "authentic:trust": JSON.stringify({ native: true, collateral: {}, emulated: true }) });
        for (const [key, entry] of stack.state) stricter.state.set(key, entry);
        assert.deepEqual(changes(await stricter.preview(program())),
            ["controller", "field", "moisture", "poll", "reading", "sensor", "server"].map((name) => `update ${name}`));
        done();
        await stricter.up(program());
        assert.ok(!done().some((call) => /^(start|key|remove) (sensor|controller|moisture)/.test(call)), "something was restarted or keyed again");
    });

    it("replaces every module where the deployment is another", async () => {
        await stack.up(program());
        stack.state.delete("Deployment irrigation");
        const steps = changes(await stack.up(program()));
        assert.deepEqual(steps.filter((step) => step.startsWith("replace")), ["replace controller", "replace field", "replace moisture", "replace reading", "replace sensor", "replace server"]);
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    it("reports a port in use by another program at create", async () => {
        world.agents.set("/elsewhere", { info: { agent: "1", node: "x", folder: "/elsewhere", eventAddress: { host: "127.0.0.1", port: 7000 } }, running: true, silent: false, instances: new Map() });
        await assert.rejects(stack.up(program({ port: 7000 })), /AE-NODE-PORT/);
        assert.equal(stack.state.has("Node server"), false);
    });

    it("leaves nothing behind", async () => {
        await stack.up(program());
        await stack.destroy();
        assert.equal(world.agents.size, 0);
        assert.equal(stack.state.size, 0);
    });

    it("passes the deployer's key only as a secret", async () => {
        await stack.up(program());
        const { privateKey, vendorKey } = stack.outs("Deployment", "irrigation");
        const key = privateKey as string;
        for (const entry of stack.state.values()) {
            assert.equal(JSON.stringify(entry.outs).includes(JSON.stringify(vendorKey)), entry.kind === "Deployment", "native modules need no vendor key");
            const holders = Object.entries(entry.outs).filter(([, value]) => JSON.stringify([value]).includes(key)).map(([name]) => name);
            assert.deepEqual(holders, entry.kind === "Deployment" ? ["privateKey"] : ["Module", "Connection"].includes(entry.kind) ? ["deployerKey"] : [], entry.name);
        }
    });

    it("does not read a secret into measured configuration", async () => {
        await assert.rejects(stack.preview(() => {
            const deployment = new ae.Deployment("irrigation");
            const node = new ae.Node("server", { deployment, tee: "native" });
            new ae.Module("controller", { node, source: "controller.c", config: { openBelow: pulumi.secret(4711) } });
        }), (error: Error) => error.message.includes('controller: : `config` holds a secret') && !error.message.includes("4711"));
    });
});

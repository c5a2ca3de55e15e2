// The Application component: one descriptor becomes the same resources as a program that declares them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import * as ae from "../../resources";
import { CheckFailed, Stack } from "../lifecycle/stack";
import { World } from "../lifecycle/world";

const SOURCES = {
    "sensor.c": [{ kind: "output", name: "moisture", maximum: 1 }, { kind: "input", name: "reading", maximum: 1 }],
    "controller.c": [
        { kind: "input", name: "moisture", maximum: 1 }, { kind: "integer", name: "openBelow" }, { kind: "text", name: "label", maximum: 9 }, { kind: "entry", name: "poll" },
        { kind: "handler", name: "query", maximum: 4, replyMaximum: 4 },
    ],
} as const;

const DESCRIPTOR = {
    deployment: { protect: false },
    nodes: { server: { tee: "native" }, field: { tee: "native", listenAddress: "::1" } },
    modules: {
        sensor: { node: "field", source: "sensor.c" },
        controller: { node: "server", source: ["controller.c"], config: { label: { config: "label", type: "text" }, openBelow: { config: "openBelow", type: "integer" } } },
    },
    connections: {
        moisture: { from: "sensor.output.moisture", to: "controller.input.moisture", window: 8, rotate: { config: "rotate" } },
        query: { from: "deployer", to: "controller.handler.query" },
    },
    triggers: { poll: { module: "controller", entry: "poll", every: "2s" } },
    environments: { dev: {}, slow: { triggers: { poll: { every: "1m" } }, connections: { query: null } } },
} as const satisfies Omit<ae.Descriptor, "modules"> & { modules: Record<string, object> };

const CONFIG = { "authentic:trust": '{"native":true}', "test:openBelow": "45", "test:label": "45", "test:rotate": "7" };

describe("an Application", () => {
    let folder: string;
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-application-"));
    });
    after(() => fs.rmSync(folder, { recursive: true }));
    beforeEach(() => new World(SOURCES).enter());
    afterEach(() => {
        setSurroundings(undefined);
        pulumi.runtime.setAllConfig({}, []);
    });

    const descriptor = () => structuredClone(DESCRIPTOR) as unknown as ae.Descriptor;
    const file = (text: string) => {
        const name = path.join(folder, "application.yaml");
        fs.writeFileSync(name, text);
        return name;
    };
    /** What a program throws, without the folder. */
    const thrown = async (program: () => void, stack = new Stack(CONFIG)): Promise<string> => {
        const error: unknown = await stack.preview(program).then(() => undefined, (reason: unknown) => reason);
        if (error instanceof CheckFailed) return error.failures.map(({ property, reason }) => `${error.resource} ${property}: ${reason}`).join("\n").replaceAll(`${folder}/`, "");
        assert.ok(pulumi.RunError.isInstance(error), String(error));
        return error.message.replaceAll(`${folder}/`, "");
    };

    it("declares what a program would, and gives it to the program by its name", async () => {
        const stack = new Stack(CONFIG);
        let application: ae.Application | undefined;
        const steps = await stack.up(() => {
            application = new ae.Application("irrigation", { descriptor: descriptor() });
            assert.equal(application.module("sensor").node, application.node("field"));
            assert.equal(application.connection("query"), application.connections["query"]);
        });
        assert.deepEqual([...steps].sort(), ["irrigation", "server", "field", "sensor", "controller", "moisture", "query", "poll"].map((name) => `create ${name}`).sort());
        const bare = new Stack(CONFIG);
        new World(SOURCES).enter();
        await bare.up(() => {
            const deployment = new ae.Deployment("irrigation", {}, { protect: false });
            const server = new ae.Node("server", { deployment, tee: "native" });
            const field = new ae.Node("field", { deployment, tee: "native", listenAddress: "::1" });
            const sensor = new ae.Module("sensor", { node: field, source: "sensor.c" });
            const controller = new ae.Module("controller", { node: server, source: "controller.c", config: { label: "45", openBelow: 45 } });
            new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture"), window: 8, rotate: "7" });
            new ae.Connection("query", { from: deployment, to: controller.handler("query") });
            new ae.Trigger("poll", { module: controller, entry: "poll", every: "2s" });
        });
        const arguments_ = ({ state }: Stack) => [...state.values()].map(({ kind, name, inputs: { source, config, window, rotate, every, listenAddress, tee, delivery, suite, entry, devices } }) =>
            ({ kind, name, source, config, window, rotate, every, listenAddress, tee, delivery, suite, entry, devices })).sort((a, b) => (a.name < b.name ? -1 : 1));
        assert.deepEqual(arguments_(stack), arguments_(bare));
        assert.deepEqual(await new Promise((resolve) => application!.assurance.apply(resolve)), { sensor: "none", controller: "none" });
        const again = await stack.up(() => new ae.Application("irrigation", { descriptor: descriptor() }));
        assert.deepEqual([...again].sort(), steps.map((step) => step.replace("create", "same")).sort());
    });

    it("knows the names of a descriptor that is written in the program", async () => {
        await new Stack(CONFIG).preview(() => {
            const { modules, nodes, connections, triggers } = new ae.Application("irrigation", {
                descriptor: { nodes: { server: { tee: "native" } }, modules: { sensor: { node: "server", source: "sensor.c" } } },
            });
            const sensor: ae.Module = modules.sensor;
            // @ts-expect-error - there is no such module
            assert.equal(modules.senser, undefined);
            assert.equal(sensor.node, nodes.server);
            assert.deepEqual([connections, triggers], [{}, {}]);
        });
    });

    it("deploys an environment, and changes what is declared with it", async () => {
        const stack = new Stack(CONFIG);
        await stack.up(() => new ae.Application("irrigation", { descriptor: descriptor() }));
        const steps = await stack.up(() => new ae.Application("irrigation", { descriptor: descriptor(), environment: "slow" }));
        assert.deepEqual(steps.filter((step) => !step.startsWith("same")), ["update poll", "delete query"]);
        assert.equal(stack.outs("Trigger", "poll")["every"], "1m");
    });

    it("says what is wrong with the descriptor before anything is declared, without a stack trace", async () => {
        const wrong = file("nodes:\n  server: { tee: natve }\nmodules:\n  sensor: { node: server, sorce: sensor.c }\n");
        const said = await thrown(() => new ae.Application("irrigation", { descriptor: wrong }));
        assert.match(said, /^AE-APP-DESCRIPTOR: application\.yaml has 3 problems\./);
        for (const part of ['application.yaml:2:18 nodes.server.tee: must be sgx, trustzone, sancus or native; did you mean "native"?', "application.yaml:4:3 modules.sensor.source: is missing", "application.yaml:4:27 modules.sensor.sorce: there is no"]) {
            assert.ok(said.includes(part), `${part}\n${said}`);
        }
    });

    it("says what modules show to be wrong, all at once, each with its place in the file", async () => {
        const wrong = file([
            "nodes:", "  server: { tee: native }", "modules:", "  sensor: { node: server, source: sensor.c }",
            "  controller:", "    node: server", "    source: controller.c", "    config: { openBelo: 1, label: soil }",
            "connections:", "  moisture: { from: sensor.output.wetness, to: controller.input.moisture }",
            "triggers:", "  poll: { module: controller, entry: pol, every: 1s }", "",
        ].join("\n"));
        const said = await thrown(() => new ae.Application("irrigation", { descriptor: wrong }));
        for (const part of [
            'application.yaml:8:25: the module declares no configuration "openBelo"; did you mean "openBelow"?', 'application.yaml:8:5: the module needs a value for "openBelow"',
            'application.yaml:10:21: module "sensor" has no output "wetness"', 'application.yaml:12:38: module "controller" has no entry "pol"; did you mean "poll"?',
        ]) {
            assert.equal(said.split(part.slice(part.indexOf(": ") + 2)).length, 2, `once, and not more: ${part}\n${said}`);
            assert.ok(said.includes(part), `${part}\n${said}`);
        }
    });

    it("says what the stack's configuration lacks, all at once", async () => {
        const said = await thrown(() => new ae.Application("irrigation", { descriptor: descriptor() }), new Stack({ ...CONFIG, "test:openBelow": "many", "test:label": "" }));
        assert.match(said, /needs a whole number in the configuration `openBelow`; set it with `pulumi config set openBelow NUMBER`/);
        const lacking = await thrown(() => new ae.Application("irrigation", { descriptor: descriptor() }), new Stack({ "authentic:trust": CONFIG["authentic:trust"], "test:label": "x" }));
        assert.match(lacking, /has 2 problems/);
        assert.match(lacking, /descriptor connections\.moisture\.rotate: needs the configuration `rotate`; set it with `pulumi config set rotate VALUE`/);
    });

    describe("with secrets", () => {
        const board = { ...DESCRIPTOR, nodes: { ...DESCRIPTOR.nodes, board: { tee: "sancus", backend: "emulated", vendorId: 1, nodeKey: { secret: "boards:key" } } } } as unknown as ae.Descriptor;
        const key = "00112233445566778899aabbccddeef0";

        it("takes them from the configuration alone, and only where it encrypts them", async () => {
            const program = (given: ae.Descriptor) => () => new ae.Application("irrigation", { descriptor: given });
            assert.match(await thrown(program(board)), /nodes\.board\.nodeKey: needs the secret `boards:key`; set it with `pulumi config set --secret boards:key`/);
            assert.match(await thrown(program(board), new Stack({ ...CONFIG, "boards:key": key })), /the configuration `boards:key` is not encrypted; replace it/);
            const clear = { ...board, nodes: { board: { tee: "sancus", backend: "emulated", vendorId: 1, nodeKey: key } } } as unknown as ae.Descriptor;
            const said = await thrown(program(clear));
            assert.match(said, /nodes\.board\.nodeKey: must refer to a secret/);
            assert.ok(!said.includes(key));
        });

        it("takes no secret for what is public", async () => {
            const stack = new Stack(CONFIG);
            const set = pulumi.runtime.setAllConfig;
            const secretly = () => set(CONFIG, ["test:label"]);
            const said = await thrown(() => {
                secretly();
                new ae.Application("irrigation", { descriptor: descriptor() });
            }, stack);
            assert.match(said, /modules\.controller\.config\.label: takes the configuration `label`, which is a secret, but this value is public/);
        });

        it("hands a secret on as one", async () => {
            const inputs: Record<string, unknown>[] = [];
            await pulumi.runtime.setMocks({ call: () => ({}), newResource: ({ inputs: given, name }) => {
                if (name === "board") inputs.push(given as Record<string, unknown>);
                return { id: name, state: given as object };
            } }, "test", "dev", true);
            pulumi.runtime.setAllConfig({ ...CONFIG, "boards:key": key }, ["boards:key"]);
            const application = new ae.Application("irrigation", { descriptor: board });
            await new Promise((resolve) => application.node("board").urn.apply(resolve));
            const given = inputs[0]?.["nodeKey"] as Record<string, unknown> | string | undefined;
            // The SDK's mocks take secrets out of their wrapping; the output that the node was given still tells.
            assert.equal(typeof given === "string" ? given : given?.["value"], key);
        });
    });
});

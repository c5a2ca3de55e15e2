// What is wrong with a program shows in preview: with the property, and with the names that would be right.
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import * as ae from "../../resources";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import { CheckFailed, Stack } from "../lifecycle/stack";
import { World } from "../lifecycle/world";

const SOURCES = {
    "sensor.c": [
        { kind: "output", name: "moisture", maximum: 1 }, { kind: "output", name: "picture", maximum: 60_000 }, { kind: "input", name: "reading", maximum: 1 },
        { kind: "request", name: "ask", maximum: 4, replyMaximum: 4 },
    ],
    "controller.c": [
        { kind: "input", name: "moisture", maximum: 1 }, { kind: "integer", name: "openBelow" }, { kind: "text", name: "label", maximum: 4 },
        { kind: "entry", name: "poll" }, { kind: "device", name: "tap", flags: 1 },
        { kind: "handler", name: "query", maximum: 4, replyMaximum: 4 }, { kind: "handler", name: "verbose", maximum: 4, replyMaximum: 400 },
        { kind: "request", name: "lookup", maximum: 4, replyMaximum: 4 },
    ],
    "answerer.c": [{ kind: "handler", name: "query", maximum: 4, replyMaximum: 4 }, { kind: "request", name: "ask", maximum: 4, replyMaximum: 4 }],
} as const;

type Parts = ReturnType<typeof declare>;

function declare() {
    const deployment = new ae.Deployment("irrigation");
    const server = new ae.Node("server", { deployment, tee: "native" });
    const sensor = new ae.Module("sensor", { node: server, source: "sensor.c" });
    const controller = new ae.Module("controller", { node: server, source: "controller.c", config: { openBelow: 45, label: "soil" } });
    return { deployment, server, sensor, controller };
}

describe("problems in preview", () => {
    beforeEach(() => new World(SOURCES).enter());
    afterEach(() => setSurroundings(undefined));

    /** The failures of a program. */
    async function failures(program: () => void, stack = new Stack()): Promise<string[]> {
        const error: unknown = await stack.preview(program).then(() => undefined, (reason: unknown) => reason);
        assert.ok(error instanceof CheckFailed, `no check failed: ${String(error)}`);
        return error.failures.map(({ property, reason }) => `${error.resource} ${property}: ${reason}`);
    }
    const failure = async (more: (parts: Parts) => void, stack?: Stack) => {
        const found = await failures(() => more(declare()), stack);
        assert.equal(found.length, 1, found.join("\n"));
        return found[0]!;
    };

    it("none for a program that is right", async () => {
        await new Stack().preview(declare);
    });

    it("a connection to an input that does not exist", async () => {
        assert.equal(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("moisture"), to: controller.input("moistre") })),
            'c to: module "controller" has no input "moistre"; did you mean "moisture"? The only one of the inputs of controller is moisture');
    });

    it("a connection from an output that does not exist", async () => {
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("wetness"), to: controller.input("moisture") })),
            /^c from: module "sensor" has no output "wetness"; the outputs of sensor are moisture and picture$/);
    });

    it("a name of another kind", async () => {
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("reading"), to: controller.input("moisture") })),
            /module "sensor" has no output "reading" \("reading" is an input\)/);
    });

    it("an output connected to a handler, and a request to an input", async () => {
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("moisture"), to: controller.handler("query") })),
            /^c to: output moisture of sensor cannot be connected to handler query of controller: an output goes to an input; use `input\("…"\)` of the module$/);
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.request("ask"), to: controller.input("moisture") })),
            /a request goes to a handler/);
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.input("reading") as never, to: controller.input("moisture") })),
            /^c from: input reading of sensor cannot be the source of a connection/);
        assert.match(await failure(({ deployment, controller }) => new ae.Connection("c", { from: deployment, to: controller.output("x") as never })),
            /the deployer cannot be connected to output x of controller: the deployer goes to an input or a handler/);
    });

    it("events and replies that are too large for the other end", async () => {
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("picture"), to: controller.input("moisture") })),
            /^c to: output picture of sensor may send 60000 bytes, but input moisture of controller accepts 1;/);
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.request("ask"), to: controller.handler("verbose") })),
            /^c from: handler verbose of controller may reply with 400 bytes, but request ask of sensor accepts 4;/);
    });

    it("two connections whose numbers, which follow from names and ends, are the same by chance", async () => {
        const both = (name: string) => ({ deployment, sensor, controller }: Parts) => {
            new ae.Connection("a56166", { from: sensor.output("moisture"), to: controller.input("moisture") });
            new ae.Connection(name, { from: deployment, to: sensor.input("reading") });
        };
        assert.match(await failure(both("b30336")), /^b30336 : has the same number as connection "a56166", by chance: .*give one of the two another name$/);
        await new Stack().preview(() => both("b30337")(declare()));
    });

    it("a module connected to itself", async () => {
        assert.match(await failure(({ controller }) => new ae.Connection("c", { from: controller.request("lookup"), to: controller.handler("query") })),
            /^c to: module "controller" cannot be connected to itself/);
    });

    it("two connections between the same ends", async () => {
        assert.match(await failure(({ sensor, controller }) => {
            new ae.Connection("one", { from: sensor.output("moisture"), to: controller.input("moisture") });
            new ae.Connection("two", { from: sensor.output("moisture"), to: controller.input("moisture") });
        }), /^two to: connection "one" already joins the same ends/);
    });

    it("a request with two handlers, but not a handler with two requests", async () => {
        assert.match(await failure(({ server, sensor, controller }) => {
            const other = new ae.Module("other", { node: server, source: "answerer.c" });
            new ae.Connection("one", { from: sensor.request("ask"), to: controller.handler("query") });
            new ae.Connection("two", { from: sensor.request("ask"), to: other.handler("query") });
        }), /^two from: request ask of "sensor" already goes to query of "controller" by connection "one"; a request has exactly one handler$/);
        await new Stack().preview(() => {
            const { server, sensor, controller } = declare();
            const other = new ae.Module("other", { node: server, source: "answerer.c" });
            new ae.Connection("one", { from: sensor.request("ask"), to: controller.handler("query") });
            new ae.Connection("two", { from: other.request("ask"), to: controller.handler("query") });
        });
    });

    it("requests that wait for each other in a circle", async () => {
        assert.match(await failure(({ server, controller }) => {
            const one = new ae.Module("one", { node: server, source: "answerer.c" });
            const two = new ae.Module("two", { node: server, source: "answerer.c" });
            new ae.Connection("a", { from: controller.request("lookup"), to: one.handler("query") });
            new ae.Connection("b", { from: one.request("ask"), to: two.handler("query") });
            new ae.Connection("c", { from: two.request("ask"), to: controller.handler("query") });
        }), /^c to: the requests two → controller → one → two go in a circle/);
    });

    it("two nodes on one port", async () => {
        assert.match((await failures(() => {
            const deployment = new ae.Deployment("irrigation");
            new ae.Node("a", { deployment, tee: "native", port: 7000 });
            new ae.Node("b", { deployment, tee: "native", port: pulumi.output(7000) });
        })).join(), /^b port: port 7000 of this machine belongs to node "a"; choose another port/);
        assert.match((await failures(() => {
            const deployment = new ae.Deployment("irrigation");
            new ae.Node("a", { deployment, tee: "native", port: 7000, listenAddress: "0.0.0.0" });
            new ae.Node("b", { deployment, tee: "native", port: 7000 });
        })).join(), /^b port: port 7000/);
        await new Stack().preview(() => {
            const deployment = new ae.Deployment("irrigation");
            new ae.Node("a", { deployment, tee: "native", port: 7000, listenAddress: "::1" });
            new ae.Node("b", { deployment, tee: "native", port: 7000, listenAddress: "127.0.0.1" });
        });
    });

    it("two modules of one name, two drivers of one pin", async () => {
        assert.match(await failure(({ server }) => {
            const group = new pulumi.ComponentResource("test:index:Group", "group");
            new ae.Module("sensor", { node: server, source: "sensor.c" }, { parent: group });
        }), /: the deployment has two modules named "sensor"/);
        assert.match((await failures(() => {
            const deployment = new ae.Deployment("irrigation");
            const node = new ae.Node("server", { deployment, tee: "native" });
            for (const name of ["a", "b"]) new ae.Module(name, { node, source: "controller.c", config: { openBelow: 1, label: "" }, devices: { tap: "P1" } });
        })).join(), /^b devices.tap: pin "P1" of node "server" is driven by module "a"/);
    });

    it("a source that does not exist, without complaints about what refers to the module", async () => {
        assert.match(await failure(({ server, controller }) => {
            const broken = new ae.Module("broken", { node: server, source: "missing.c" });
            new ae.Connection("c", { from: broken.output("x"), to: controller.input("moisture") });
            new ae.Trigger("t", { module: broken, entry: "poll", every: "1s" });
        }), /^broken source: AE-BUILD-SOURCE: source "missing.c" does not exist/);
    });

    it("an unknown TEE, and one that runs nothing here", async () => {
        assert.match((await failures(() => new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "nativ" }))).join(),
            /^n tee: there is no TEE "nativ" in this version; did you mean "native"\? The known ones are native and sgx$/);
    });

    it("a native node in a stack that forbids it, with the line that accepts it", async () => {
        for (const stack of [new Stack({}), new Stack({ "authentic:trust": "{}" }), new Stack({ "authentic:trust": '{"native":false}' })]) {
            assert.match((await failures(() => new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "native" }), stack)).join(),
                /^n tee: this stack does not accept native nodes.*`pulumi config set --path authentic:trust.native true`$/);
        }
    });

    it("an emulated node in a stack that forbids it, a backend for a native one", async () => {
        assert.match((await failures(() => new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "sgx", backend: "emulated" }))).join(),
            /^n backend: this stack does not accept emulated TEEs/);
        assert.match((await failures(() => new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "native", backend: "emulated" }))).join(), /^n backend: a native node has neither/);
    });

    it("a misspelt trust setting", async () => {
        assert.match((await failures(() => new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "sgx" }), new Stack({ "authentic:trust": '{"natve":true}' }))).join(),
            /^n trust: AE-TRUST-CONFIG: .*natve/);
    });

    it("an assurance that an end cannot have", async () => {
        assert.match((await failures(() => {
            const { sensor, controller } = declare();
            new ae.Connection("c", { from: sensor.output("moisture"), to: controller.input("moisture"), minAssurance: "emulated" });
        })).join("\n"), /minAssurance: asks for "emulated", but module "sensor" on node "server" has at most "none"/);
    });

    it("suites that the ends do not share", async () => {
        const program = (suite?: "chacha20-poly1305") => () => {
            const { deployment, sensor } = declare();
            const enclave = new ae.Node("enclave", { deployment, tee: "sgx" });
            const guarded = new ae.Module("guarded", { node: enclave, source: "controller.c", config: { openBelow: 1, label: "" } });
            new ae.Connection("c", { from: sensor.output("moisture"), to: guarded.input("moisture"), ...(suite === undefined ? {} : { suite }) });
        };
        assert.match((await failures(program("chacha20-poly1305"))).join(), /^c suite: the two ends do not both have "chacha20-poly1305"; they share aes-128-gcm$/);
        await new Stack().preview(program());
    });

    it("latest delivery of requests", async () => {
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.request("ask"), to: controller.handler("query"), delivery: "latest" })),
            /^c delivery: only events/);
    });

    it("configuration that the module does not declare, needs, or cannot hold", async () => {
        const config = async (values: Record<string, pulumi.Input<number | string>>) => failures(() => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "native" });
            new ae.Module("m", { node, source: "controller.c", config: values });
        });
        assert.deepEqual(await config({ openBelo: 1, label: "x" }), [
            'm config.openBelo: the module declares no configuration "openBelo"; did you mean "openBelow"? The declared names are label and openBelow',
            'm config.openBelow: the module needs a value for "openBelow" (integer); add it to `config`',
        ]);
        assert.deepEqual(await config({ openBelow: 1.5, label: "seven" }), [
            "m config.openBelow: must be an integer of at most 53 bits, as the module declares", "m config.label: has 5 bytes, but the module declares at most 4",
        ]);
        assert.deepEqual((await config({ openBelow: pulumi.output("1"), label: pulumi.output(2) })).sort(), [
            "m config.label: must be a text, as the module declares", "m config.openBelow: must be an integer of at most 53 bits, as the module declares",
        ]);
    });

    it("devices that the module does not declare", async () => {
        assert.match((await failures(() => {
            const { server } = declare();
            new ae.Module("m", { node: server, source: "controller.c", config: { openBelow: 1, label: "" }, devices: { tab: "P1" } });
        })).join(), /^m devices.tab: the module declares no device "tab"; did you mean "tap"\?/);
    });

    it("an entry that does not exist, or belongs to another module", async () => {
        assert.match(await failure(({ controller }) => new ae.Trigger("t", { module: controller, entry: "pol", every: "1s" })), /^t entry: module "controller" has no entry "pol"; did you mean "poll"\?/);
        assert.match((await failures(() => {
            const { sensor, controller } = declare();
            new ae.Trigger("t", { module: sensor, entry: controller.entry("poll"), every: "1s" });
        })).join(), /^t entry: entry "poll" belongs to module "controller", not to "sensor"/);
    });

    it("durations, ports, addresses and names that are none", async () => {
        assert.match(await failure(({ controller }) => new ae.Trigger("t", { module: controller, entry: "poll", every: "soon" })), /^t every: must be a duration of 10ms to 1d/);
        assert.match(await failure(({ controller }) => new ae.Trigger("t", { module: controller, entry: "poll", every: 1 })), /^t every: must be a duration/);
        assert.deepEqual(await failures(() => new ae.Node("a b", { deployment: new ae.Deployment("d"), tee: "native", port: 70_000, listenAddress: "localhost" })), [
            "a b name: must have 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit; rename the resource",
            "a b listenAddress: must be an IPv4 or IPv6 address of the node's machine, such as 127.0.0.1 or ::1; with `ssh`, the one at which other nodes reach it",
            "a b port: must be 1 to 65535",
        ]);
        assert.match(await failure(({ sensor, controller }) => new ae.Connection("c", { from: sensor.output("moisture"), to: controller.input("moisture"), window: 0 })), /^c window: must be 1 to 1024$/);
    });

    it("ends in two deployments", async () => {
        assert.match(await failure(({ sensor }) => {
            const other = new ae.Deployment("other");
            const node = new ae.Node("o", { deployment: other, tee: "native" });
            const far = new ae.Module("far", { node, source: "controller.c", config: { openBelow: 1, label: "" } });
            new ae.Connection("c", { from: sensor.output("moisture"), to: far.input("moisture") });
        }), /^c to: the two ends belong to different deployments/);
    });

    it("all of them at once, with the resources they belong to", async () => {
        const found = await failures(() => {
            const { server, sensor, controller } = declare();
            new ae.Module("broken", { node: server, source: "missing.c" });
            new ae.Connection("c", { from: sensor.output("wetness"), to: controller.input("moistre") });
            new ae.Trigger("t", { module: controller, entry: "pol", every: "1s" });
        });
        assert.equal(found.length, 4, found.join("\n"));
        const [own, ...others] = found.map((line) => line.slice(line.indexOf(" ") + 1));
        assert.ok(!own!.startsWith(":"));
        for (const text of ['module "broken", source: ', 'trigger "t", entry: ', 'connection "c", from: ', 'connection "c", to: ']) {
            assert.equal(found.join("\n").includes(text) || own!.startsWith(text.split(", ")[1]!), true, `${text} is missing in\n${found.join("\n")}`);
        }
        assert.ok(others.length >= 2);
    });
});

// Every example deployed by the real CLI, and what it shows: pins of emulated boards, replies, counters.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { endpointOf } from "../../provider/lifecycle/interface";
import type { DeployedStack } from "../../provider/stack/stack";
import { exampleNames } from "../../tools/pulumi/project";
import { ask, becomes, Example, pin } from "./example";

const tested = ["smart-irrigation"]; // test/pulumi/boards.e2e.test.ts

/** Deploys the example before the tests, and ends it after them. */
function withExample(name: string, tests: (deployed: () => { readonly example: Example; readonly stack: DeployedStack }) => void): void {
    tested.push(name);
    describe(`example ${name}`, function () {
        this.timeout(600_000);
        let example: Example | undefined;
        let stack: DeployedStack | undefined;
        before(async () => {
            example = new Example(name);
            stack = await example.begin();
        });
        after(() => example?.remove());
        tests(() => ({ example: example!, stack: stack! }));
    });
}

withExample("button-led", (deployed) => {
    const led = () => pin(deployed().stack, "lamp", "led");
    const press = async () => {
        const { stack } = deployed();
        for (const down of [1, 0]) {
            await stack.setPin("button", "button", down);
            await sleep(300); // it can be released no sooner than it was seen to be down
        }
    };

    /** Calls the button's entry, as the owner of the machine can. */
    const look = async () => {
        const { stack } = deployed();
        const { instance, nodeName, interface: declarations = [] } = stack.module("button");
        assert.equal(await stack.agent(nodeName).callEntry(instance, endpointOf(declarations, "entry", "button_changed")!), "done");
    };

    it("switches the lamp with every press of the button", async () => {
        // Its trigger may not have come round yet, and a pin that nobody has read tells nobody that it changes.
        await look();
        for (const lit of [1, 0, 1]) {
            await press();
            await becomes(led, lit);
        }
    });

    it("does not move the lamp when the owner of the machine calls the button's entry", async () => {
        const { stack } = deployed();
        const before = (await stack.pins("lamp"))[0]!;
        for (let call = 0; call < 20; call++) await look();
        await press();
        await becomes(led, 0);
        const after = (await stack.pins("lamp"))[0]!;
        assert.equal(Number(after.writes), Number(before.writes) + 1, "the press moved it, and nothing else");
    });
});

withExample("database", (deployed) => {
    const of = (connection: string) => (text: string) => ask(deployed().stack, connection, text);
    const [deliver, audit] = [of("deliver"), of("audit")];
    const refused = { code: "AE-STACK-REFUSED" };

    it("sells each piece once, however many want it at the same time", async () => {
        assert.equal(await deliver("apples=10"), "10");
        const till = async (number: number) => {
            const left: string[] = [];
            for (let customer = 0; customer < 8; customer++) left.push(await of(`sell-${String(number)}`)("apples").catch((error: unknown) => (error as { code: string }).code));
            return left;
        };
        const answers = (await Promise.all([till(1), till(2)])).flat();
        assert.deepEqual(answers.filter((answer) => /^\d+$/.test(answer)).map(Number).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert.deepEqual(answers.filter((answer) => !/^\d+$/.test(answer)), Array<string>(6).fill("AE-STACK-REFUSED"));
        assert.equal(await audit("apples"), "0");
    });

    it("holds what a list on paper says", async () => {
        const paper = new Map<string, number>();
        for (const [article, pieces] of [["pears", 3], ["plums", 990], ["pears", 4]] as const) {
            paper.set(article, (paper.get(article) ?? 0) + pieces);
            assert.equal(await deliver(`${article}=${String(pieces)}`), String(paper.get(article)));
        }
        await assert.rejects(deliver("plums=11"), refused, "beyond the capacity");
        for (const [article, pieces] of paper) assert.equal(await audit(article), String(pieces));
        assert.equal(await audit("cherries"), "0");
    });

    it("lets nobody do what their module does not do", async () => {
        await assert.rejects(deliver("pears=-1"), refused, "a warehouse takes nothing away");
        await assert.rejects(of("sell-1")("pears=100"), refused, "a till sells one piece");
        assert.equal(await audit("pears"), "7");
    });
});

withExample("supply-chain", (deployed) => {
    const audit = () => ask(deployed().stack, "audit");
    const bolt = () => pin(deployed().stack, "gate", "bolt");
    const set = async (device: string, value: number) => deployed().stack.setPin("tracker", device, value);

    it("opens the gate for a shipment that stayed cool and shut", async () => {
        const { stack } = deployed();
        await set("thermometer", 4);
        assert.equal(await ask(stack, "depart"), "shipment 1 is under way");
        await set("thermometer", 8);
        await becomes(audit, /^shipment 1 under way: \d+ readings, warmest 8 degrees, lid opened 0 times$/);
        await ask(stack, "arrive");
        await becomes(audit, /^shipment 1 accepted/);
        await becomes(bolt, 1);
    });

    for (const [what, device, bad] of [["too warm", "thermometer", 9], ["opened", "lid", 1]] as const) {
        it(`keeps it shut for one that was ${what} for a while`, async () => {
            const { stack } = deployed();
            await set("thermometer", 4);
            await ask(stack, "depart");
            await becomes(bolt, 0);
            await set(device, bad);
            await becomes(audit, device === "lid" ? /lid opened 1 times/ : /warmest 9/);
            await set(device, device === "lid" ? 0 : 4);
            await ask(stack, "arrive");
            await becomes(audit, /rejected/);
            await sleep(500);
            assert.equal(await bolt(), 0);
        });
    }

    it("keeps it shut as long as somebody withholds the readings, and decides on them when they come", async () => {
        const { stack } = deployed();
        await ask(stack, "depart");
        await becomes(audit, /under way: 1 readings/);
        const { instance, nodeName } = stack.module("tracker");
        const { connection } = stack.connection("reading");
        const agent = stack.agent(nodeName);
        const route = (await agent.instance(instance))!.connections.find((one) => one.connection === connection)!.route!;
        await agent.removeRoute(instance, connection);
        await set("thermometer", 30);
        await sleep(1500);
        await set("thermometer", 4);
        await sleep(1500);
        await ask(stack, "arrive");
        await sleep(1500);
        assert.match(await audit(), /arriving: 1 readings/);
        assert.equal(await bolt(), 0);
        await agent.setRoute(instance, connection, route);
        await becomes(audit, /rejected: 4 readings, warmest 30/);
        assert.equal(await bolt(), 0);
    });
});

withExample("smart-home", (deployed) => {
    let web: ReturnType<typeof spawn> | undefined;
    let url: string;

    before(async () => {
        const { example } = deployed();
        const exported = await example.project.pulumi("stack", "export", "--show-secrets");
        web = spawn(process.execPath, ["web.mjs", "0"], { cwd: example.project.folder, stdio: ["pipe", "pipe", "inherit"] });
        web.stdin!.end(exported);
        [url] = await once(createInterface(web.stdout!), "line") as [string];
    });
    after(() => web?.kill());

    const home = async () => (await fetch(url)).text();
    const post = async (path: string) => (await fetch(`${url}${path}`, { method: "POST" })).status;
    const thermometer = (degrees: number) => deployed().stack.setPin("thermostat", "thermometer", degrees);
    const heater = () => pin(deployed().stack, "thermostat", "heater");

    it("heats as the thermometer and the web say", async () => {
        await thermometer(17);
        await becomes(heater, 1);
        await becomes(home, /^17 degrees, 20 wanted\nheater on\n/);
        assert.equal(await post("target/15"), 202);
        await becomes(heater, 0);
        await becomes(home, /^17 degrees, 15 wanted\nheater off\n/);
    });

    it("switches lamp and fan each by itself", async () => {
        const relays = async () => [await pin(deployed().stack, "lamp", "relay"), await pin(deployed().stack, "fan", "relay")].join();
        assert.equal(await post("lamp/on"), 202);
        await becomes(relays, "1,"); // the fan has not been told anything yet
        assert.equal(await post("fan/on"), 202);
        assert.equal(await post("lamp/off"), 202);
        await becomes(relays, "0,1");
        await becomes(home, /\nlamp off\nfan on\n$/);
    });

    it("has the home do nothing else, whatever the web asks", async () => {
        const asked: [string, number][] = [["target/26", 422], ["target/4", 422], ["target/999", 422], ["target/-1", 422], ["target/", 422], ["lamp/up", 422], ["heater/on", 404], ["attic/target/20", 404]];
        for (const [path, status] of asked) assert.equal(await post(path), status, path);
        await sleep(1000);
        assert.match(await home(), /^17 degrees, 15 wanted\nheater off\nlamp off\nfan on\n$/);
        assert.equal(await heater(), 0);
    });
});

withExample("state-transfer", (deployed) => {
    /** Litres that have flown at so many calls. */
    const litres = (times: number) => Array.from({ length: times }, (_, index) => index * 7 % 10).reduce((sum, one) => sum + one, 0);
    let stack: DeployedStack;
    let seen = 0;

    async function counts(pattern: RegExp): Promise<void> {
        const reply = await ask(stack, "read");
        const [, readings, sum] = pattern.exec(reply)?.map(Number) ?? assert.fail(reply);
        assert.equal(sum, litres(readings!), reply);
        assert.ok(readings! > seen, `it had ${String(seen)} readings and now has ${String(readings)}`);
        seen = readings!;
    }

    before(() => {
        stack = deployed().stack;
    });

    it("counts what flows", async () => {
        await becomes(() => ask(stack, "read"), /^\d\d+ readings/);
        await counts(/^(\d+) readings, (\d+) litres$/);
    });

    it("goes on counting as the second version, and knows what only that one measures", async () => {
        const { example } = deployed();
        const before = stack.module("meter");
        await example.project.pulumi("config", "set", "version", "2");
        stack = await example.up();
        assert.equal(stack.module("meter").lastLoss, undefined);
        assert.notEqual(stack.module("meter").measurement, before.measurement);
        await becomes(() => ask(stack, "read"), /strongest 9$/);
        await counts(/^(\d+) readings, (\d+) litres, strongest 9$/);
    });

    it("goes on as the third, in Rust and on another node", async () => {
        const { example } = deployed();
        await example.project.pulumi("config", "set", "version", "3");
        await example.project.pulumi("config", "set", "place", "attic");
        stack = await example.up();
        assert.deepEqual([stack.module("meter").nodeName, stack.module("meter").lastLoss], ["attic", undefined]);
        await counts(/^(\d+) readings, (\d+) litres, strongest 9$/);
    });

    it("has lost no reading and counted none twice", async () => {
        const { instance, nodeName } = stack.module("pipe");
        await stack.agent(nodeName).removeTrigger(instance, "pump");
        await sleep(500);
        const [, times, sum] = /^(\d+) times, (\d+) litres$/.exec(await ask(stack, "pumped")) ?? [];
        await becomes(() => ask(stack, "read"), `${String(times)} readings, ${String(sum)} litres, strongest 9`);
        assert.equal(Number(sum), litres(Number(times)));
    });

    it("does not go back to a version that cannot take the state over", async () => {
        const { example } = deployed();
        await example.project.pulumi("config", "set", "version", "1");
        const { code, stdout, stderr } = await example.project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /nothing takes over state "count" of schema 2/);
    });

    it("says which versions there are where another one is asked for", async () => {
        const { example } = deployed();
        await example.project.pulumi("config", "set", "version", "4");
        const { code, stdout, stderr } = await example.project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /the setting "version" is "4"\. Choose one of 1, 2, 3: npm run pulumi -- config set version 1 -C examples\/state-transfer/);
    });
});

withExample("ping-pong", (deployed) => {
    it("is played to the end between each pair of TEEs", async () => {
        const { stack } = deployed();
        const games = stack.state.connections.filter(({ name }) => name.startsWith("score-"));
        assert.deepEqual(games.map(({ name }) => name.slice(6)).sort(), ["sancus-sancus", "sgx-sancus", "sgx-sgx", "sgx-trustzone", "trustzone-sancus", "trustzone-trustzone"]);
        // Ten returns, each of them told once.
        const expected = games.map(({ connection }) => `${String(connection)} 10 10`).sort().join("\n");
        await becomes(async () => (await ask(stack, "scores")).trim().split("\n").sort().join("\n"), expected);
    });

    it("says which kinds of nodes there are where another one is asked for", async () => {
        const { example } = deployed();
        await example.project.pulumi("config", "set", "tees", "sgx,tpm");
        const { code, stdout, stderr } = await example.project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /the setting "tees" names "tpm", which is no kind of node\. Name some of sgx, trustzone, sancus and native/);
    });
});

describe("the examples", () => {
    it("are all tested", () => {
        assert.deepEqual([...tested].sort(), exampleNames());
    });
});

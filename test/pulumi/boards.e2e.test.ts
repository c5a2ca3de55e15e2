// The example under the real CLI, on three kinds of TEE: sensor pin → sensor (Sancus) → controller (SGX) → valve pin (Sancus)
// → pump (TrustZone) → dashboard (SGX), and what breaks and is repaired.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { attestOne, chosenModules } from "../../provider/cli/attestation";
import { parseView } from "../../examples/smart-irrigation/view";
import type { DeployedStack } from "../../provider/stack/stack";
import { kill, repair, type Victim } from "./killing";
import { smartIrrigation, TestProject } from "./project";

const NATIVE = `
const desk = new ae.Node("desk", { deployment, tee: "native" });
const listener = new ae.Module("listener", { node: desk, source: "modules/dashboard.rs" });
new ae.Connection("copy", { from: first.controller.output("report"), to: listener.input("report") });
new ae.Connection("listened", { from: deployment, to: listener.handler("query") });
`;

const MODULES = ["sensor", "valve", "pump", "controller", "dashboard", "listener"] as const;

const agentOf = (node: string) => (stack: DeployedStack): Victim => ({ program: "authentic-agent", folder: stack.node(node).folder });
const partOf = (node: string, folder: string, program: string) => (stack: DeployedStack): Victim => ({ program, folder: path.join(stack.node(node).folder, folder) });
const hostOf = (module: string) => (stack: DeployedStack): Victim => {
    const { instance, nodeName } = stack.module(module);
    return partOf(nodeName, path.join("instances", instance), "authentic-host")(stack);
};
const KILLED = /; state "exited: .*signal.* => "running"/;
const STOPPED = /; state "board stopped" => "running"/;
const UNSUPERVISED = /; state "unsupervised" => "running"/;

interface Case {
    readonly what: string;
    readonly victims: (stack: DeployedStack) => Victim[];
    /** Resources that the preview must name, and why it wants to change them; none: that there is nothing to repair. */
    readonly shows: Readonly<Record<string, RegExp>>;
    /** Modules that begin anew; the others stay what they are. */
    readonly anew: readonly (typeof MODULES)[number][];
    /** Only in the campaign. */
    readonly alone: boolean;
}
const killed = (what: string, victims: readonly ((stack: DeployedStack) => Victim)[], anew: Case["anew"], shows: Case["shows"], alone = true): Case =>
    ({ what, victims: (stack) => victims.map((victim) => victim(stack)), shows, anew, alone });

const CASES: readonly Case[] = [
    killed("hosts and boards of all kinds at once", [hostOf("listener"), hostOf("controller"), partOf("station", "trustzone", "qemu-system-arm"), partOf("field", "board", "authentic-board")], ["listener", "controller", "pump", "sensor", "valve"], {
        "Module listener": KILLED, "Module controller": KILLED, "Node station": STOPPED, "Node field": STOPPED,
    }, false),
    killed("an agent, its modules' hosts and its SGX platform at once", [agentOf("server"), hostOf("controller"), hostOf("dashboard"), partOf("server", "sgx", "authentic-sgx-platform")], ["controller", "dashboard"], {
        "Node server": /; state "stopped" => "running"/, "Module controller": UNSUPERVISED,
    }, false),
    killed("a native module's host", [hostOf("listener")], ["listener"], { "Module listener": KILLED }),
    killed("the host of an enclave, which has the emulated processor in it", [hostOf("controller")], ["controller"], { "Module controller": KILLED }),
    killed("the SGX platform, which its agent starts again with the same keys", [partOf("server", "sgx", "authentic-sgx-platform")], [], {}),
    killed("the TrustZone board", [partOf("station", "trustzone", "qemu-system-arm")], ["pump"], { "Node station": STOPPED }),
    killed("the bridge of the TrustZone board", [partOf("station", "trustzone", "authentic-trustzone")], ["pump"], { "Node station": STOPPED }),
    killed("the host of a module on the TrustZone board", [hostOf("pump")], ["pump"], { "Module pump": KILLED }),
    killed("the Sancus board with its bridge", [partOf("field", "board", "authentic-board")], ["sensor", "valve"], { "Node field": STOPPED }),
    killed("an agent, whose modules go on", [agentOf("server")], [], { "Node server": /; state "stopped" => "running"/ }),
    killed("an agent and a module's host", [agentOf("desk"), hostOf("listener")], ["listener"], { "Node desk": /; state "stopped" => "running"/, "Module listener": UNSUPERVISED }),
    killed("the agent of the Sancus board, and the board", [agentOf("field"), partOf("field", "board", "authentic-board")], ["sensor", "valve"], { "Node field": /; state "stopped" => "running"/ }),
];

describe("boards under the real CLI", function () {
    this.timeout(600_000);
    let project: TestProject;

    before(async () => {
        project = new TestProject(smartIrrigation(NATIVE));
        await project.begin();
    });
    after(async () => {
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });


    /** Whether the pump on the TrustZone board runs, as it has told the dashboard. */
    const pumping = async (stack: DeployedStack, zone: string) => parseView(await stack.request(`query${zone}`, new Uint8Array(0))).pump === "on";

    /** Position of a zone's valve, as its port shows. */
    const tap = async (stack: DeployedStack, zone: string) => (await stack.pins(`valve${zone}`)).find(({ name }) => name === "tap")?.value;

    /** Sets the sensor's port and waits until the valve's port and the pump show what follows from it. */
    async function reaches(stack: DeployedStack, percent: number, open: number, zone = ""): Promise<void> {
        await stack.setPin(`sensor${zone}`, "soil", percent);
        for (let tries = 0; tries < 300; tries++) {
            if (await tap(stack, zone) === open && await pumping(stack, zone) === (open === 1)) return;
            await sleep(100);
        }
        const agent = stack.agent(`field${zone}`);
        const looks = await Promise.all([`sensor${zone}`, `valve${zone}`].map(async (name) => {
            const { instance } = stack.module(name);
            return `${name}: ${JSON.stringify(await agent.instance(instance))}\n${await agent.logs(instance)}`;
        }));
        assert.fail(`the valve has not moved: ${looks.join("\n")}`);
    }

    it("moves the valve's pin because of the sensor's pin, through the board's modules and the server's", async () => {
        await project.pulumi("up", "--yes", "--skip-preview");
        const stack = await project.deployed();
        await reaches(stack, 20, 1);
        await reaches(stack, 80, 0);
        await reaches(stack, 30, 1);
        assert.deepEqual((await project.outputs())["assurance"], Object.fromEntries(["sensor", "valve", "pump", "controller", "dashboard"].map((name) => [name, "emulated"])));
    });

    it("proves every module to the command line, whatever it runs on", async () => {
        const stack = await project.deployed();
        const outcomes = await Promise.all(chosenModules(stack, []).map((module) => attestOne(module, stack)));
        assert.deepEqual(outcomes.map(({ name, outcome, error }) => [name, outcome, error]), [...MODULES].sort().map((name) => [name, "accepted", null]));
    });

    it("has nothing to do afterwards, and keeps the board's keys out of state in clear", async () => {
        await project.pulumi("preview", "--expect-no-changes");
        const exported = JSON.parse(await project.pulumi("stack", "export", "--show-secrets")) as { deployment: { resources: { outputs?: Record<string, unknown> }[] } };
        const state = await project.state();
        const keys = exported.deployment.resources.flatMap(({ outputs = {} }) => ["drawnKey", "boardKey"].map((name) => outputs[name])).filter((key) => key !== undefined);
        assert.ok(keys.length >= 4, "node and modules hold keys");
        for (const key of keys) {
            const text = typeof key === "string" ? key : JSON.parse((key as { plaintext: string }).plaintext) as string;
            assert.match(text, /^[0-9a-f]{32}$/);
            assert.ok(!state.includes(text), "a key of the board is in state in clear");
        }
    });

    const board = async (stack: DeployedStack) => (await stack.agent("field").board())!;

    it("replaces a module with a device and leaves its neighbour on the board alone", async () => {
        const stack = await project.deployed();
        const [before, valve] = [await board(stack), stack.module("valve").incarnation];
        const source = path.join(project.folder, "program", "modules", "sensor.c");
        fs.writeFileSync(source, fs.readFileSync(source, "utf8").replaceAll("> 100 ? 100", "> 99 ? 99"));
        await project.pulumi("up", "--yes", "--skip-preview");
        const now = await project.deployed();
        assert.notEqual(now.module("sensor").measurement, stack.module("sensor").measurement);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.deepEqual([now.module("valve").state, now.module("valve").incarnation], ["running", valve]);
        assert.equal((await board(now)).boots, before.boots, "the board was not reset");
        await reaches(now, 20, 1);
        await reaches(now, 80, 0);
    });

    it("resets the board for a module with a device whose host is gone, says so of its neighbours, and repairs them", async () => {
        const stack = await project.deployed();
        const before = await board(stack);
        const { instance } = stack.module("sensor");
        process.kill((await stack.agent("field").instance(instance))!.pid!, "SIGKILL");
        await sleep(500);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.notEqual((await project.deployed()).module("sensor").state, "running");
        await project.attempt("up", "--yes", "--skip-preview"); // the valve is lost while this goes on
        assert.equal(Number((await board(stack)).boots), Number(before.boots) + 1, "the board was reset once");
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.match((await project.deployed()).module("valve").state, /the board was reset, to remove a module that held devices/);
        await project.pulumi("up", "--yes", "--skip-preview");
        await reaches(await project.deployed(), 20, 1);
        await reaches(await project.deployed(), 80, 0);
    });

    // AUTHENTIC_KILL_CAMPAIGN=all: each process of the nodes by itself.
    for (const { what, victims, shows, anew, alone } of CASES) {
        const test = alone && process.env["AUTHENTIC_KILL_CAMPAIGN"] !== "all" ? undefined : it;
        test?.(`finds after kill -9 of ${what} what has to be repaired, shows it in the preview, and repairs it`, async () => {
            const before = await project.deployed();
            await kill(victims(before));
            const shown = await repair(project);
            for (const [resource, why] of Object.entries(shows)) {
                const line = shown.find((text) => text.startsWith(`${resource};`));
                assert.match(line ?? `nothing of ${resource} in:\n${shown.join("\n")}`, why);
            }
            if (Object.keys(shows).length === 0) assert.deepEqual(shown, []);
            const stack = await project.deployed();
            assert.deepEqual(MODULES.filter((name) => stack.module(name).incarnation !== before.module(name).incarnation).sort(), [...anew].sort(), "which modules began anew");
            await reaches(stack, 80, 0);
            await reaches(stack, 30, 1);
            const { reports } = parseView(await stack.request("listened", new Uint8Array(0)));
            for (let tries = 0; parseView(await stack.request("listened", new Uint8Array(0))).reports <= reports; tries++) {
                assert.ok(tries < 300, "no report reached the native module");
                await sleep(100);
            }
            await project.pulumi("preview", "--refresh", "--expect-no-changes");
        });
    }

    it("waters a further zone by itself", async () => {
        await project.pulumi("config", "set", "--path", "zones[0]", "north");
        await project.pulumi("up", "--yes", "--skip-preview");
        const stack = await project.deployed();
        await reaches(stack, 80, 0);
        await reaches(stack, 20, 1, "-north");
        assert.equal(await tap(stack, ""), 0, "the first zone is as wet as it was");
        await reaches(stack, 20, 1);
        await reaches(stack, 80, 0, "-north");
        assert.equal(await tap(stack, ""), 1);
        await project.pulumi("preview", "--expect-no-changes");
    });
});

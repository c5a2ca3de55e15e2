// The example under the real CLI, on three kinds of TEE: sensor pin → sensor (Sancus) → controller (SGX) → valve pin (Sancus)
// → pump (TrustZone) → dashboard (SGX), and what breaks and is repaired.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseView } from "../../examples/smart-irrigation/view";
import { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "./project";

const FILES = {
    "program/package.json": '{ "name": "boards", "private": true }\n',
};

describe("boards under the real CLI", function () {
    this.timeout(600_000);
    let project: TestProject;

    before(async () => {
        const root = packageRoot();
        const example = path.join("examples", "smart-irrigation");
        const settings = fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8")
            .replace("runtime: nodejs", "runtime:\n  name: nodejs\n  options:\n    typescript: false")
            .replace(`main: ${example}/index.ts`, "main: program/");
        project = new TestProject({ ...FILES, "Pulumi.yaml": settings });
        const program = path.join(project.folder, "program");
        fs.cpSync(path.join(root, example, "modules"), path.join(program, "modules"), { recursive: true });
        fs.copyFileSync(path.join(root, "dist", example, "index.js"), path.join(program, "index.js"));
        fs.cpSync(path.join(root, "stacks"), path.join(project.folder, "stacks"), { recursive: true, filter: (file) => !file.includes("demo") });
        await project.begin();
    });
    after(async () => {
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });

    const deployed = async () => DeployedStack.fromExport(JSON.parse(await project.pulumi("stack", "export", "--show-secrets")));

    /** Whether the pump on the TrustZone board runs, as it has told the dashboard. */
    const pumping = async (stack: DeployedStack) => parseView(await stack.request("query", new Uint8Array(0))).pump === "on";

    /** Sets the sensor's port and waits until the valve's port and the pump show what follows from it. */
    async function reaches(stack: DeployedStack, percent: number, open: number): Promise<void> {
        await stack.setPin("sensor", "soil", percent);
        for (let tries = 0; tries < 300; tries++) {
            const pin = (await stack.pins("valve")).find(({ name }) => name === "tap");
            if (pin?.value === open && await pumping(stack) === (open === 1)) return;
            await sleep(100);
        }
        const agent = stack.agent("field");
        const looks = await Promise.all(["sensor", "valve"].map(async (name) => {
            const { instance } = stack.module(name);
            return `${name}: ${JSON.stringify(await agent.instance(instance))}\n${await agent.logs(instance)}`;
        }));
        assert.fail(`the valve has not moved: ${looks.join("\n")}`);
    }

    it("moves the valve's pin because of the sensor's pin, through the board's modules and the server's", async () => {
        await project.pulumi("up", "--yes", "--skip-preview");
        const stack = await deployed();
        await reaches(stack, 20, 1);
        await reaches(stack, 80, 0);
        await reaches(stack, 30, 1);
        assert.deepEqual((await project.outputs())["assurance"], Object.fromEntries(["sensor", "valve", "pump", "controller", "dashboard"].map((name) => [name, "emulated"])));
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
        const stack = await deployed();
        const [before, valve] = [await board(stack), stack.module("valve").incarnation];
        const source = path.join(project.folder, "program", "modules", "sensor.c");
        fs.writeFileSync(source, fs.readFileSync(source, "utf8").replaceAll("> 100 ? 100", "> 99 ? 99"));
        await project.pulumi("up", "--yes", "--skip-preview");
        const now = await deployed();
        assert.notEqual(now.module("sensor").measurement, stack.module("sensor").measurement);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.deepEqual([now.module("valve").state, now.module("valve").incarnation], ["running", valve]);
        assert.equal((await board(now)).boots, before.boots, "the board was not reset");
        await reaches(now, 20, 1);
        await reaches(now, 80, 0);
    });

    it("resets the board for a module with a device whose host is gone, says so of its neighbours, and repairs them", async () => {
        const stack = await deployed();
        const before = await board(stack);
        const { instance } = stack.module("sensor");
        process.kill((await stack.agent("field").instance(instance))!.pid!, "SIGKILL");
        await sleep(500);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.notEqual((await deployed()).module("sensor").state, "running");
        await project.attempt("up", "--yes", "--skip-preview"); // the valve is lost while this goes on
        assert.equal(Number((await board(stack)).boots), Number(before.boots) + 1, "the board was reset once");
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.match((await deployed()).module("valve").state, /the board was reset, to remove a module that held devices/);
        await project.pulumi("up", "--yes", "--skip-preview");
        await reaches(await deployed(), 20, 1);
        await reaches(await deployed(), 80, 0);
    });

    it("detects that the TrustZone board was reset, and repairs it", async () => {
        const before = await deployed();
        await before.agent("station").endTrustzone();
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.equal((await deployed()).node("station").state, "board stopped");
        const preview = await project.pulumi("preview", "--diff");
        assert.match(preview, /~ state\s*: "board stopped" => "running"/);
        await project.pulumi("up", "--yes", "--skip-preview");
        const stack = await deployed();
        assert.deepEqual(stack.module("pump").platform, before.module("pump").platform);
        assert.notEqual(stack.module("pump").incarnation, before.module("pump").incarnation);
        assert.equal(stack.module("controller").incarnation, before.module("controller").incarnation);
        await reaches(stack, 80, 0);
        await reaches(stack, 30, 1);
    });

    it("detects that the Sancus board was reset, and repairs it", async () => {
        const stack = await deployed();
        const pid = Number(fs.readFileSync(path.join(stack.node("field").folder, "board", "board.pid"), "utf8"));
        process.kill(pid);
        await sleep(500);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        assert.equal((await deployed()).node("field").state, "board stopped");
        await project.pulumi("up", "--yes", "--skip-preview");
        await reaches(await deployed(), 90, 0);
        await reaches(await deployed(), 10, 1);
    });
});

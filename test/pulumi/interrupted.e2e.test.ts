// `pulumi up` that is broken off, by Ctrl-C or by SIGKILL, at several moments: the next one converges, and nothing is
// left that belongs to nobody.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import type { DeployedStack } from "../../provider/stack/stack";
import { toolchain } from "../../tools/setup/toolchain";
import { commandLines } from "../processes";
import { TestProject } from "./project";

const PROGRAM = `
const ae = require("pulumi-authentic");
const deployment = new ae.Deployment("d", {}, { protect: false });
const a = new ae.Node("a", { deployment, tee: "native" });
const b = new ae.Node("b", { deployment, tee: "native" });
const sensor = new ae.Module("sensor", { node: a, source: "sensor.c" });
const controller = new ae.Module("controller", { node: b, source: "controller.c" });
new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture") });
new ae.Trigger("poll", { module: controller, entry: "poll", every: "100ms" });
`;

const SENSOR = `
#include <authentic.h>
AUTHENTIC_OUTPUT(moisture, 1)
AUTHENTIC_INPUT(reading, 1) { if (length == 1) moisture(data, 1); }
`;
const CONTROLLER = `
#include <authentic.h>
static uint64_t received, polls;
AUTHENTIC_INPUT(moisture, 1) { (void)data; (void)length; received++; }
AUTHENTIC_ENTRY(poll, 0) { (void)data; (void)length; polls++; }
`;

/** Signals and moments, by what the CLI or the file system shows then. */
const CASES: readonly (readonly ["SIGINT" | "SIGKILL", string, (output: string, nodes: string) => boolean])[] = [
    ["SIGINT", "when an agent runs", (_, nodes) => found(nodes, "node.json")],
    ["SIGKILL", "when a node is being made", (output) => output.includes("Node a creating")],
    ["SIGKILL", "when an agent runs", (_, nodes) => found(nodes, "node.json")],
    ["SIGKILL", "when a connection is being keyed", (output) => output.includes("Connection moisture creating")],
];

const found = (folder: string, name: string) =>
    fs.existsSync(folder) && fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).some((file) => path.basename(file) === name);

const parses = (file: string): boolean => {
    try {
        JSON.parse(fs.readFileSync(file, "utf8"));
        return true;
    } catch {
        return false;
    }
};

describe("an interrupted up under the real CLI", function () {
    this.timeout(600_000);
    let project: TestProject;
    let nodes: string;

    before(async () => {
        project = new TestProject({
            "Pulumi.yaml": "name: interrupted\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
            "package.json": JSON.stringify({ name: "interrupted", private: true }),
            "index.js": PROGRAM,
            "stacks/Pulumi.dev.yaml": "config:\n  authentic:trust:\n    native: true\n",
            "sensor.c": SENSOR,
            "controller.c": CONTROLLER,
        });
        nodes = await project.begin();
        // Built once, so that moments depend on the engine alone.
        await project.pulumi("preview");
    });
    after(async () => {
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });

    /** Starts `up` and waits until it is that far. */
    async function begun(due: (output: string, nodes: string) => boolean) {
        const child = spawn(toolchain().pulumi, ["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
            { cwd: project.folder, env: project.env, stdio: ["ignore", "pipe", "pipe"], detached: true });
        const up = { pid: child.pid!, output: "", over: false, ended: new Promise<number | null>((resolve) => child.once("close", resolve)) };
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (up.output += text));
        void up.ended.then(() => (up.over = true));
        while (!due(up.output, nodes)) {
            assert.ok(!up.over, `up ended before its moment:\n${up.output}`);
            await sleep(1);
        }
        return up;
    }

    /** Sends a signal to all of an `up`, as a terminal does, once it is that far. Returns what it printed. */
    async function broken(signal: "SIGINT" | "SIGKILL", due: (output: string, nodes: string) => boolean): Promise<string> {
        const up = await begun(due);
        process.kill(-up.pid, signal);
        await up.ended;
        return up.output;
    }

    /**
     * What somebody does whose engine was killed: its lock is removed, as the CLI says; and where the signal came while
     * the file backend wrote the stack's file, which it does in place, the file it keeps beside it is taken back.
     */
    async function unlock(): Promise<void> {
        const file = path.join(project.folder, "..", "state", ".pulumi", "stacks", "interrupted", "dev.json");
        if (!parses(file)) fs.copyFileSync(`${file}.bak`, file);
        await project.pulumi("cancel", "--yes");
    }

    /** Processes that were started with something in our nodes' folder. */
    const processes = () => commandLines().map((line) => line.split("\0").join(" ")).filter((line) => line.includes(nodes));

    /** Everything that runs belongs to a resource of the stack. */
    async function nothingIsOrphaned(stack: DeployedStack): Promise<void> {
        const expected: string[] = [];
        for (const name of ["a", "b"]) {
            const { folder } = stack.node(name);
            expected.push(folder);
            for (const { instance } of await new AgentClient(folder).instances()) expected.push(path.join(folder, "instances", instance));
        }
        assert.equal(expected.length, 4, "two agents with a module each");
        const running = processes();
        assert.deepEqual(running.filter((line) => !expected.some((folder) => line.includes(`--folder ${folder} `) || line.endsWith(`--folder ${folder}`))), [], "a process belongs to nobody");
        assert.equal(running.length, 4, running.join("\n"));
        const folders = fs.readdirSync(nodes).flatMap((deployment) => fs.readdirSync(path.join(nodes, deployment)));
        assert.equal(folders.length, 2, `folders of nodes: ${folders.join(", ")}`);
    }

    async function flows(stack: DeployedStack): Promise<void> {
        const agent = new AgentClient(stack.node("b").folder);
        const received = async () => Number((await agent.instance(stack.module("controller").instance))?.connections
            .find(({ connection }) => connection === stack.connection("moisture").connection)?.delivered ?? 0);
        const before = await received();
        await stack.send("reading", Uint8Array.of(50));
        for (let tries = 0; await received() <= before; tries++) {
            assert.ok(tries < 300, "no reading arrived");
            await sleep(100);
        }
    }

    it("by nobody, while another one is kept out by the stack's lock: it completes, and the other one is then told that there is nothing to do", async () => {
        const up = await begun((output) => output.includes("Node a creating"));
        // It stands still meanwhile: they meet however long the other one takes.
        process.kill(-up.pid, "SIGSTOP");
        const other = await project.attempt("up", "--yes", "--skip-preview").finally(() => process.kill(-up.pid, "SIGCONT"));
        assert.notEqual(other.code, 0);
        assert.match(other.stdout + other.stderr, /stack is currently locked/);
        assert.equal(await up.ended, 0, up.output);
        await project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
        const stack = await project.deployed();
        await flows(stack);
        await nothingIsOrphaned(stack);
        await project.pulumi("destroy", "--yes", "--skip-preview");
        assert.deepEqual(processes(), []);
    });

    for (const [signal, moment, due] of CASES) {
        it(`by ${signal}, ${moment}, is completed by the next one`, async () => {
            const output = await broken(signal, due);
            assert.doesNotMatch(output, /Resources:\n.*\n.*Duration/, "up was over before the signal came");
            if (signal === "SIGKILL") await unlock();
            await project.pulumi("up", "--yes", "--skip-preview");
            await project.pulumi("preview", "--expect-no-changes");
            const stack = await project.deployed();
            await flows(stack);
            await nothingIsOrphaned(stack);
            await project.pulumi("destroy", "--yes", "--skip-preview");
            assert.deepEqual(processes(), []);
            assert.deepEqual(fs.existsSync(nodes) ? fs.readdirSync(nodes) : [], []);
        });
    }
});

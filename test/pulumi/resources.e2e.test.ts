// The resources under the real CLI with real agents and modules: up, preview, refresh, repair, rotation, destroy.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { machineArchitecture } from "../../provider/agent/processors";
import { agentProgram } from "../../provider/agent/programs";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { isAlive } from "../processes";
import { changes } from "./killing";
import { TestProject } from "./project";

const PROGRAM = `
const ae = require("pulumi-authentic");
const pulumi = require("@pulumi/pulumi");
const config = new pulumi.Config();
const rotate = config.get("rotate");
const deployment = new ae.Deployment("irrigation", {}, { protect: false });
const server = new ae.Node("server", { deployment, tee: "native" });
const field = new ae.Node("field", { deployment, tee: "native", listenAddress: "::1" });
const sensor = new ae.Module("sensor", { node: field, source: "modules/sensor.c" });
const controller = new ae.Module("controller", {
    node: server, source: "modules/controller.c", config: { openBelow: config.getNumber("openBelow") ?? 45, closeAbove: 55 },
});
const valve = new ae.Module("valve", { node: field, source: "modules/valve.c" });
new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
new ae.Connection("sample", { from: controller.output("sample"), to: sensor.input("sample") });
new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture"), rotate });
new ae.Connection("set", { from: controller.output("valve"), to: valve.input("set") });
new ae.Trigger("poll", { module: controller, entry: "poll", every: "100ms" });
if (config.get("wrong") !== undefined) {
    new ae.Connection("wrong", { from: sensor.output("moisture"), to: controller.input("moistre") });
    new ae.Module("broken", { node: server, source: "broken.c" });
}
exports.measurement = controller.measurement;
`;

const FILES = {
    "Pulumi.yaml": "name: irrigation\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: program/\nstackConfigDir: stacks\n",
    "program/package.json": '{ "name": "irrigation", "private": true }\n',
    "program/index.js": PROGRAM,
    "program/broken.c": "#include <authentic.h>\n\nint broken(void) { return missing; }\n",
};

describe("resources under the real CLI", function () {
    this.timeout(600_000);
    let project: TestProject;
    let state: string;

    before(async () => {
        project = new TestProject(FILES);
        const root = packageRoot();
        for (const modules of [path.join("examples", "smart-irrigation", "modules"), path.join("test", "programs", "irrigation", "modules")]) {
            fs.cpSync(path.join(root, modules), path.join(project.folder, "program", "modules"), { recursive: true });
        }
        fs.cpSync(path.join(root, "stacks"), path.join(project.folder, "stacks"), { recursive: true, filter: (file) => !file.includes("demo") });
        state = await project.begin();
    });
    after(async () => {
        // Whatever failed before, no agent is left running.
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });

    const quiet = async (...args: string[]) => project.pulumi("preview", "--expect-no-changes", ...args);

    /** Waits until the valve's device shows what a reading asks for: the events went all the way. */
    async function reaches(stack: DeployedStack, moisture: number, value: number): Promise<void> {
        await stack.send("reading", Uint8Array.of(moisture));
        const { instance, nodeName } = stack.module("valve");
        const agent = new AgentClient(stack.node(nodeName).folder);
        for (let tries = 0; tries < 300; tries++) {
            const pin = (await agent.pins(instance)).find(({ name }) => name === "tap");
            if (pin?.value === value && String(pin.writes) !== "0") return;
            await sleep(100);
        }
        assert.fail(`the valve did not show ${value} after a reading of ${moisture} %`);
    }

    it("shows the code's measurement in the first preview and touches nothing", async () => {
        const preview = await project.pulumi("preview", "--diff");
        assert.match(preview, /codeMeasurement\s*: "[0-9a-f]{64}"/);
        assert.match(preview, /12 to create/);
        assert.equal(fs.existsSync(state), false);
    });

    it("comes up, moves events, and previews without changes", async () => {
        await project.pulumi("up", "--yes");
        await quiet();
        const stack = await project.deployed();
        await reaches(stack, 30, 1);
        await reaches(stack, 70, 0);
        assert.equal(stack.node("field").eventAddress.host, "::1");
        await project.pulumi("refresh", "--yes", "--expect-no-changes");
        await quiet();
    });

    it("keeps the deployer's key only encrypted, after a refresh too", async () => {
        const { privateKey } = (JSON.parse(await project.pulumi("stack", "export", "--show-secrets")) as
            { deployment: { resources: { type: string; outputs?: { privateKey?: { plaintext: string } } }[] } })
            .deployment.resources.find(({ type }) => type.endsWith(":Deployment"))!.outputs!;
        const key = JSON.parse(privateKey!.plaintext) as string;
        assert.match(key, /^[0-9a-f]{64}$/);
        const bytes = Buffer.from(key, "hex");
        const files = [...walk(path.join(project.folder, "..", "state")), ...walk(state)];
        assert.ok(files.length > 10, "nothing was searched");
        for (const file of files) {
            const content = fs.readFileSync(file);
            for (const form of [key, bytes.toString("base64").slice(0, 40)]) assert.ok(!content.includes(form), `${file} holds the deployer's key`);
            assert.ok(!content.includes(bytes), `${file} holds the deployer's key`);
        }
    });

    it("shows a changed configuration as a changed measurement, and says that the module is handed over", async () => {
        await project.pulumi("config", "set", "openBelow", "20");
        const preview = await project.pulumi("preview", "--diff");
        assert.match(preview, /~ measurement\s*: "[0-9a-f]{64}" => "[0-9a-f]{64}"/);
        assert.match(preview, /lastChange\s*: "measurement .*: the module is handed over, its connections get new keys"/);
        assert.doesNotMatch(preview, /codeMeasurement\s*: "[0-9a-f]{64}" =>/);
        const planned = /~ measurement\s*: "[0-9a-f]{64}" => "([0-9a-f]{64})"/.exec(preview)![1];
        await project.pulumi("up", "--yes");
        assert.equal((await project.outputs())["measurement"], planned);
        await quiet();
        const stack = await project.deployed();
        await reaches(stack, 15, 1);
        await reaches(stack, 70, 0);
    });

    it("rotates exactly one key", async () => {
        const before = await project.deployed();
        await project.pulumi("config", "set", "rotate", "2");
        await project.pulumi("up", "--yes");
        const after = await project.deployed();
        for (const name of ["moisture", "sample", "set"]) {
            const changed = before.connection(name).keyId !== after.connection(name).keyId;
            assert.equal(changed, name === "moisture", name);
        }
        assert.equal(BigInt(after.connection("moisture").epoch), BigInt(before.connection("moisture").epoch) + 1n);
        await reaches(after, 15, 1);
        await quiet();
    });

    it("finds a module whose process was ended, and repairs exactly that", async () => {
        const before = await project.deployed();
        const { folder } = before.node("server");
        const report = await new AgentClient(folder).instance(before.module("controller").instance);
        process.kill(report!.pid!, "SIGKILL");
        await sleep(500);
        const reason = /module "controller" has drifted: exited: the module host was killed by signal 9 .*\. `pulumi up` starts it anew\./;
        assert.match(await project.pulumi("preview", "--refresh"), reason);
        assert.match(await project.pulumi("refresh", "--yes", "--skip-preview"), reason);
        const preview = await project.pulumi("preview", "--diff");
        assert.match(preview, /~ state\s*: "exited: .*" => "running"/);
        const up = await project.pulumi("up", "--yes");
        assert.match(up, /Module controller updated/);
        assert.doesNotMatch(up, /(Module (sensor|valve)|Node \w+) updated/);
        const after = await project.deployed();
        assert.notEqual(after.module("controller").incarnation, before.module("controller").incarnation);
        assert.equal(after.module("sensor").incarnation, before.module("sensor").incarnation);
        await reaches(after, 70, 0);
        await reaches(after, 10, 1);
        await project.pulumi("refresh", "--yes", "--expect-no-changes");
        await quiet();
    });

    it("starts an agent again that was ended, without disturbing its modules", async () => {
        const before = await project.deployed();
        const { pid } = await new AgentClient(before.node("server").folder).about();
        process.kill(pid, "SIGKILL");
        await sleep(300);
        assert.match(await project.pulumi("refresh", "--yes", "--skip-preview"), /node "server" has drifted: stopped \(no agent runs in its folder\)\. `pulumi up` starts one/);
        assert.match(await project.pulumi("preview", "--diff"), /~ state\s*: "stopped" => "running"/);
        await project.pulumi("up", "--yes");
        const after = await project.deployed();
        assert.deepEqual(after.node("server").eventAddress, before.node("server").eventAddress);
        for (const name of ["controller", "sensor"]) assert.equal(after.module(name).incarnation, before.module(name).incarnation);
        for (const name of ["moisture", "sample", "set"]) assert.equal(after.connection(name).keyId, before.connection(name).keyId);
        await reaches(after, 70, 0);
        await project.pulumi("refresh", "--yes", "--expect-no-changes");
        await quiet();
    });

    it("replaces agents by those of a new version of this package alone, shows that before, and disturbs no module", async () => {
        const before = await project.deployed();
        const agents = () => ["server", "field"].map((name) => new AgentClient(before.node(name).folder));
        const pids = async () => (await Promise.all(agents().map((agent) => agent.about()))).map(({ pid }) => pid);
        const hosts = async () => (await Promise.all(agents().map((agent) => agent.instances()))).flat().map(({ pid }) => pid);
        const [old, running] = [await pids(), await hosts()];
        const programs = path.join(project.folder, "..", "programs");
        fs.mkdirSync(programs);
        for (const name of ["authentic-agent", "authentic-host"]) {
            fs.copyFileSync(path.join(path.dirname(await agentProgram(machineArchitecture())), name), path.join(programs, name));
            fs.appendFileSync(path.join(programs, name), "another version");
        }
        project.env["AUTHENTIC_AGENT"] = path.join(programs, "authentic-agent");
        const preview = await project.pulumi("preview", "--diff");
        assert.equal(preview.match(/~ programs\s*: "x86_64 [0-9a-f]{16}" => "x86_64 [0-9a-f]{16}"/g)?.length, 2, preview);
        // Where connections lead to is not known before.
        assert.deepEqual(changes(preview).filter((resource) => !resource.startsWith("Connection ")).sort(), ["Node field", "Node server"]);
        const up = await project.pulumi("up", "--yes", "--skip-preview");
        assert.doesNotMatch(up, /(Module|Connection|Trigger) \w+ updated/);
        assert.ok((await pids()).every((pid) => !old.includes(pid)));
        assert.deepEqual(await hosts(), running);
        const after = await project.deployed();
        for (const name of ["controller", "sensor", "valve"]) assert.equal(after.module(name).incarnation, before.module(name).incarnation);
        await reaches(after, 10, 1);
        await reaches(after, 70, 0);
        await project.pulumi("refresh", "--yes", "--expect-no-changes", "--skip-preview");
        await quiet();
    });

    it("shows all mistakes of a program at once, a compile error with its file and line", async () => {
        await project.pulumi("config", "set", "wrong", "true");
        const { code, stdout, stderr } = await project.attempt("preview");
        await project.pulumi("config", "rm", "wrong");
        const text = `${stdout}${stderr}`;
        assert.notEqual(code, 0);
        assert.match(text, /module "controller" has no input "moistre"; did you mean "moisture"\?/);
        assert.match(text, /broken\.c:3:\d+: /);
        assert.doesNotMatch(text, /\n\s+at .*\.js:\d+/, "a stack trace is shown");
    });

    it("refuses native nodes in production, with the line that would accept them", async () => {
        await project.pulumi("stack", "init", "prod");
        try {
            const { code, stdout, stderr } = await project.attempt("preview", "--stack", "prod");
            assert.notEqual(code, 0);
            assert.match(`${stdout}${stderr}`, /this stack does not accept native nodes.*pulumi config set --path authentic:trust\.native true/);
        } finally {
            await project.pulumi("stack", "rm", "prod", "--yes", "--preserve-config");
            await project.pulumi("stack", "select", "dev");
        }
    });

    it("leaves no process, file or port", async () => {
        const stack = await project.deployed();
        const agents = ["server", "field"].map((name) => stack.node(name));
        const pids: number[] = [];
        for (const { folder } of agents) {
            const agent = new AgentClient(folder);
            pids.push((await agent.about()).pid, ...(await agent.instances()).map(({ pid }) => pid!));
        }
        assert.equal(pids.length, 5);
        await project.pulumi("destroy", "--yes");
        assert.deepEqual(pids.filter(isAlive), []);
        assert.deepEqual(fs.existsSync(state) ? fs.readdirSync(state) : [], []);
        for (const { eventAddress } of agents) await assert.rejects(connect(eventAddress), /ECONNREFUSED/);
    });
});

function* walk(folder: string): Generator<string> {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) yield* walk(file);
        else if (entry.isFile()) yield file;
    }
}

function connect({ host, port }: { host: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host, port }, () => {
            socket.destroy();
            resolve();
        });
        socket.once("error", reject);
    });
}

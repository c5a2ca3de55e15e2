// SGX nodes under the real CLI: enclaves under the emulator, quotes of their own platform, and whatever may happen to them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { commandLines, isAlive } from "../processes";
import { TestProject } from "./project";

const PROGRAM = `
const ae = require("pulumi-authentic");
const deployment = new ae.Deployment("d", {}, { protect: false });
const server = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });
const sensor = new ae.Module("sensor", { node: server, source: "modules/sensor.c" });
const controller = new ae.Module("controller", { node: server, source: "modules/controller.c", config: { openBelow: 45, closeAbove: 55 } });
new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
new ae.Connection("sample", { from: controller.output("sample"), to: sensor.input("sample"), minAssurance: "emulated" });
new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture"), minAssurance: "emulated" });
new ae.Trigger("poll", { module: controller, entry: "poll", every: "100ms" });
exports.measurement = controller.measurement;
exports.signer = deployment.signer;
`;
const TRUST = (emulated: boolean) => `config:\n  authentic:trust:\n    emulated: ${emulated}\n`;

describe("SGX nodes under the real CLI", function () {
    this.timeout(300_000);
    let project: TestProject;
    let state: string;

    before(async () => {
        const modules = [["examples", "smart-irrigation", "modules"], ["test", "programs", "irrigation", "modules"]].map((folder) => path.join(packageRoot(), ...folder));
        project = new TestProject({
            "Pulumi.yaml": "name: sgx\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
            "package.json": JSON.stringify({ name: "sgx", private: true }),
            "index.js": PROGRAM,
            "stacks/Pulumi.dev.yaml": TRUST(true),
            "stacks/Pulumi.strict.yaml": TRUST(false),
            ...Object.fromEntries(modules.flatMap((folder) => fs.readdirSync(folder).map((name) => [`modules/${name}`, fs.readFileSync(path.join(folder, name), "utf8")]))),
        });
        project.env["XDG_CACHE_HOME"] = path.join(project.folder, "..", "cache");
        project.env["AUTHENTIC_CACHE"] ??= process.env["AUTHENTIC_CACHE"] ?? path.join(process.env["XDG_CACHE_HOME"] ?? path.join(process.env["HOME"] ?? "", ".cache"), "pulumi-authentic");
        state = await project.begin();
    });
    after(async () => {
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });

    const received = async (stack: DeployedStack) => Number((await new AgentClient(stack.node("server").folder).instance(stack.module("controller").instance))
        ?.connections.find(({ connection }) => connection === stack.connection("moisture").connection)?.delivered ?? 0);

    /** A reading reaches the controller through both enclaves. */
    async function flows(stack: DeployedStack): Promise<void> {
        const before = await received(stack);
        await stack.send("reading", Uint8Array.of(50));
        for (let tries = 0; tries < 400; tries++) {
            if (await received(stack) > before) return;
            await sleep(50);
        }
        assert.fail("no reading arrived");
    }

    it("come up attested, with the platform pinned and its state as outputs, and preview without changes", async () => {
        await project.pulumi("up", "--yes", "--skip-preview");
        const stack = await project.deployed();
        for (const name of ["sensor", "controller"]) {
            const { assurance, tcbStatus, advisories, sizes } = stack.module(name);
            assert.deepEqual([assurance, tcbStatus, advisories], ["emulated", "UpToDate", []]);
            assert.ok(sizes !== undefined && sizes.text > 10_000);
        }
        assert.equal(stack.connection("moisture").assurance, "emulated");
        await flows(stack);
        await project.pulumi("refresh", "--yes", "--expect-no-changes", "--skip-preview");
        await project.pulumi("preview", "--expect-no-changes");
    });

    it("keep the vendor's key only encrypted", async () => {
        const exported = JSON.parse(await project.pulumi("stack", "export", "--show-secrets")) as
            { deployment: { resources: { type: string; outputs?: { vendorKey?: { plaintext: string } } }[] } };
        const pem = JSON.parse(exported.deployment.resources.find(({ type }) => type.endsWith(":Deployment"))!.outputs!.vendorKey!.plaintext) as string;
        const lines = pem.split("\n").filter((line) => line.length === 64);
        assert.ok(lines.length > 20);
        const state_ = path.join(project.folder, "..", "state");
        const files = [...walk(state_), ...walk(state)];
        assert.ok(files.length > 10, "nothing was searched");
        for (const file of files) {
            const content = fs.readFileSync(file);
            assert.ok(!lines.some((line) => content.includes(line) || content.includes(Buffer.from(line, "base64"))), `${file} holds the vendor's key`);
        }
    });

    it("show a changed source as MRENCLAVE before and after, and run what was shown", async () => {
        const source = fs.readFileSync(path.join(project.folder, "modules", "controller.c"), "utf8");
        project.write("modules/controller.c", source.replace("control.received++;", "control.received++; control.received += 0 * length; if (percent > 100) return;"));
        const preview = await project.pulumi("preview", "--diff");
        const planned = /~ measurement\s*: "[0-9a-f]{64}" => "([0-9a-f]{64})"/.exec(preview)?.[1];
        assert.ok(planned !== undefined, preview);
        assert.match(preview, /~ codeMeasurement\s*: "[0-9a-f]{64}" => "[0-9a-f]{64}"/);
        await project.pulumi("up", "--yes", "--skip-preview");
        assert.equal((await project.outputs())["measurement"], planned);
        await flows(await project.deployed());
    });

    it("find an enclave whose process was killed, and repair exactly that", async () => {
        const before = await project.deployed();
        const { pid } = (await new AgentClient(before.node("server").folder).instance(before.module("controller").instance))!;
        process.kill(pid!, "SIGKILL");
        await sleep(500);
        await project.pulumi("refresh", "--yes", "--skip-preview");
        const up = await project.pulumi("up", "--yes", "--skip-preview");
        assert.match(up, /Module controller updated/);
        assert.doesNotMatch(up, /(Module sensor|Node \w+) updated/);
        const after = await project.deployed();
        assert.notEqual(after.module("controller").incarnation, before.module("controller").incarnation);
        assert.equal(after.module("sensor").incarnation, before.module("sensor").incarnation);
        await flows(after);
    });

    it("are refused with the reason while the service has only collateral that has expired, and are as they were once it has newer", async () => {
        const before = await project.deployed();
        // The deployer's clock is ahead of the service's by more than its documents are good for.
        project.write("clock.js", "const now = Date.now;\nDate.now = () => now() + 40 * 86_400_000;\n");
        const ahead = { ...project.env, NODE_OPTIONS: `--require ${path.join(project.folder, "clock.js")}` };
        const right = { ...project.env };
        Object.assign(project.env, ahead);
        try {
            const refreshed = await project.pulumi("refresh", "--yes", "--skip-preview");
            assert.match(refreshed, /module "controller": AE-ATTEST-EXPIRED: .* expired on \d{4}-\d\d-\d\dT.*/);
            assert.match(refreshed, /module "controller" has drifted: refused: AE-ATTEST-EXPIRED/);
            const { code, stdout, stderr } = await project.attempt("up", "--yes", "--skip-preview");
            assert.notEqual(code, 0);
            assert.match(`${stdout}${stderr}`, /AE-ATTEST-EXPIRED/);
        } finally {
            delete project.env["NODE_OPTIONS"];
            Object.assign(project.env, right);
        }
        assert.match(await project.pulumi("preview", "--diff"), /~ state\s*: "refused: AE-ATTEST-EXPIRED" => "running"/);
        await project.pulumi("up", "--yes", "--skip-preview");
        const after = await project.deployed();
        for (const name of ["sensor", "controller"]) assert.equal(after.module(name).incarnation, before.module(name).incarnation);
        await flows(after);
        await project.pulumi("preview", "--refresh", "--expect-no-changes");
    });

    it("are refused in a stack that wants hardware, in preview, with the line that would accept them", async () => {
        await project.pulumi("stack", "init", "strict");
        try {
            const { code, stdout, stderr } = await project.attempt("preview", "--stack", "strict");
            assert.notEqual(code, 0);
            assert.match(`${stdout}${stderr}`, /this stack does not accept emulated TEEs.*pulumi config set --path authentic:trust\.emulated true/);
        } finally {
            await project.pulumi("stack", "rm", "strict", "--yes", "--preserve-config");
            await project.pulumi("stack", "select", "dev");
        }
    });

    it("leave nothing behind", async () => {
        const stack = await project.deployed();
        const { folder } = stack.node("server");
        const agent = new AgentClient(folder);
        const pids = [(await agent.about()).pid, ...(await agent.instances()).map(({ pid }) => pid!)];
        await project.pulumi("destroy", "--yes", "--skip-preview");
        assert.deepEqual(pids.filter((pid) => fs.existsSync(`/proc/${pid}/exe`) && isAlive(pid)), []);
        assert.deepEqual(commandLines().filter((line) => line.includes(folder)), [], "a process of the node runs on");
        assert.deepEqual(fs.existsSync(state) ? fs.readdirSync(state) : [], []);
        const cache = path.join(project.folder, "..", "cache", "pulumi-authentic", "collateral", "emulated");
        assert.deepEqual(fs.existsSync(cache) ? fs.readdirSync(cache) : [], []);
    });
});

function* walk(folder: string): Generator<string> {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) yield* walk(file);
        else if (entry.isFile()) yield file;
    }
}


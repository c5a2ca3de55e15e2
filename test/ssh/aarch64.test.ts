// A machine with an aarch64 processor as the gateway of boards: it gets the programs for it, which really run there, and events
// pass the boards behind it. What cannot run there is refused before anything is installed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { packageFolder } from "../../provider/build/folders";
import { AuthenticError } from "../../provider/errors";
import { closeConnections } from "../../provider/ssh/hosts";
import * as ae from "../../resources";
import { toolchain } from "../../tools/setup/toolchain";
import { Stack } from "../lifecycle/stack";
import { Stream } from "../lifecycle/stream";
import { processes } from "../processes";
import { Aarch64, canRegister, uname } from "./foreign";
import { SshHost } from "./server";

const RELAY = `
#include <authentic.h>

AUTHENTIC_OUTPUT(onward, 8)
AUTHENTIC_INPUT(event, 8) { onward(data, length); }
`;
/** EM_AARCH64 (ELF for the Arm 64-bit Architecture). */
const AARCH64 = 183;
const BUILT = path.join(packageFolder(), "runtime", "target", "aarch64-unknown-linux-musl", "release");
const digestOf = (file: string): string => createHash("sha256").update(fs.readFileSync(file)).digest("hex");

async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; !await holds(); tries++) {
        assert.ok(tries < 300, "it does not come about");
        await sleep(100);
    }
}

// The set-up of `npm test` builds them: there, a skip for want of them is a failure.
const suite = toolchain().foreign !== undefined && fs.existsSync(BUILT) && canRegister() ? describe : describe.skip;

suite("a machine with an aarch64 processor", function () {
    this.timeout(300_000);
    let base: string;
    let machine: Aarch64;
    let host: SshHost;
    let stack: Stack;
    let stream: Stream;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "arm-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "relay.c"), RELAY);
        machine = new Aarch64();
        host = await new SshHost(machine.options).start();
    });
    beforeEach(() => {
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        stream = new Stream(base, stack);
    });
    afterEach(() => stack.destroy());
    after(async () => {
        await closeConnections();
        const left = await host.remove();
        machine.dispose();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    const program = (flowing: boolean) => () => {
        const deployment = new ae.Deployment("d");
        const server = new ae.Node("server", { deployment, tee: "native" });
        const boards = [
            new ae.Node("trustzone", { deployment, tee: "trustzone", backend: "emulated", ssh: host.ssh() }),
            new ae.Node("sancus", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234, ssh: host.ssh() }),
        ];
        const through = boards.map((node, index) => new ae.Module(`relay-${index}`, { node, source: path.join(base, "relay.c") }));
        stream.declare(deployment, [server, server], { flowing, every: "100ms", burst: 1, through });
    };

    it("gets the programs for it, which carry events to and from boards and come back when killed, and keeps nothing of them", async () => {
        // A relay passes on what comes once its output is connected.
        await stack.up(program(false));
        await stack.up(program(true));
        const installed = fs.readdirSync(host.nodes, { recursive: true, encoding: "utf8" }).filter((file) => path.basename(path.dirname(path.dirname(file))) === "programs");
        assert.deepEqual([...new Set(installed.map((file) => path.basename(file)))].sort(), ["authentic-agent", "authentic-board", "authentic-host", "authentic-trustzone"]);
        for (const file of installed) {
            assert.equal(fs.readFileSync(path.join(host.nodes, file)).readUInt16LE(18), AARCH64, file);
            assert.equal(digestOf(path.join(host.nodes, file)), digestOf(path.join(BUILT, path.basename(file))), file);
        }
        // An agent and a module host for each node, and what runs its board.
        const running = processes().filter(({ line }) => line.startsWith(`${host.nodes}/`));
        assert.deepEqual(running.map(({ line }) => path.basename(line.split("\0")[0]!)).sort(), ["agent", "agent", "board", "host", "host", "trustzone"].map((name) => `authentic-${name}`));
        for (const { pid, line } of running) assert.equal(fs.readlinkSync(`/proc/${pid}/exe`), fs.realpathSync(machine.emulator), line);

        await stream.passes("received", 20);
        // An agent that is killed comes back by itself, and adopts what runs.
        const agent = new AgentClient(stack.outs("Node", "trustzone")["folder"] as string);
        const [{ pid }, hosts] = [await agent.about(), (await agent.instances()).map((instance) => instance.pid)];
        process.kill(pid, "SIGKILL");
        await until(async () => await agent.about().then((about) => about.pid, () => pid) !== pid);
        await until(async () => (await agent.instances()).every(({ state }) => state === "running"));
        assert.deepEqual((await agent.instances()).map((instance) => instance.pid), hosts);
        await stream.passes("received", await stream.count("received"));
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual((await stack.preview(program(true))).filter((step) => !step.startsWith("same ")), []);
        await stack.up(program(false));
        const { sent, ...counts } = await stream.settled();
        assert.ok(sent > 20);
        assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        await stack.destroy();
        assert.equal(fs.existsSync(host.nodes), false);
    });

    async function refused(args: Pick<ae.NodeArgs, "tee" | "backend">, on: SshHost): Promise<string> {
        try {
            await stack.up(() => { new ae.Node("n", { deployment: new ae.Deployment("d"), ...args, ssh: on.ssh() }); });
        } catch (error) {
            assert.ok(error instanceof AuthenticError, String(error));
            assert.equal(fs.existsSync(on.nodes), false, "something was installed");
            return error.message;
        }
        return assert.fail("it was created");
    }

    for (const args of [{ tee: "native" }, { tee: "sgx", backend: "emulated" }, { tee: "sgx", backend: "hardware" }] as const) {
        it(`is refused for modules of ${Object.values(args).join(", ")}, which are code for x86-64, before anything is installed`, async () => {
            assert.match(await refused(args, host), new RegExp(`^AE-SSH-MACHINE: .* cannot run node "n": modules of ${args.tee} nodes are code for x86_64, and its processor is aarch64\\. Choose a machine with such a processor; this one can be the gateway of boards`));
        });
    }
});

describe("a machine with a processor that nodes do not run on", () => {
    it("is refused before anything is installed, naming those that they run on", async () => {
        const host = await new SshHost({ programs: { uname: uname("riscv64") } }).start();
        const stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true }) });
        try {
            await assert.rejects(stack.up(() => { new ae.Node("n", { deployment: new ae.Deployment("d"), tee: "trustzone", backend: "emulated", ssh: host.ssh() }); }),
                /AE-AGENT-BINARY: there is no agent for machines with riscv64 processors\. Choose a machine with one of these processors for the node: x86_64, aarch64/);
            assert.equal(fs.existsSync(host.nodes), false);
        } finally {
            await closeConnections();
            await host.remove();
        }
    });
});

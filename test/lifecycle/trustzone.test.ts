// Modules on emulated TrustZone boards, with real agents, module hosts and tokens: what becomes of a module that faults, a
// board that is reset, another firmware and another device, and what previews say.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import * as ae from "../../resources";
import { commandLines } from "../processes";
import { patchedSoftware } from "../tee/trustzone/patched";
import { packageRoot } from "../../tools/setup/toolchain";
import { beats, writeBeat } from "./beat";
import { drift, eachRow } from "./drifting";
import { emulatorOf } from "./faults";
import { CheckFailed, Stack, type Step } from "./stack";

const changes = (steps: readonly Step[]) => steps.filter((step) => !step.startsWith("same ")).sort();

describe("a stack of emulated TrustZone boards", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;

    // One stack from test to test: each leaves it in order.
    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "trustzone-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        writeBeat(base);
        stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true }) });
        await stack.up(program());
    });
    afterEach(() => {
        delete process.env["AUTHENTIC_FIRMWARE"];
    });
    after(async () => {
        await stack.destroy();
        assert.deepEqual(fs.existsSync(path.join(base, "nodes")) ? fs.readdirSync(path.join(base, "nodes")) : [], []);
        assert.deepEqual(commandLines().filter((line) => line.includes(base)), [], "a process of the node runs on");
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (change: { devices?: Record<string, string>; tee?: string } = {}) => () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("n", { deployment, tee: "trustzone", backend: "emulated" });
        const worker = new ae.Module("worker", { node, source: path.join(base, "worker.c"), entryTimeLimit: "500ms", devices: change.devices ?? { lamp: "led0" } });
        const listener = new ae.Module("listener", { node, source: path.join(base, "listener.c") });
        new ae.Connection("beat", { from: worker.output("beat"), to: listener.input("beat"), minAssurance: "emulated" });
    };

    const folder = () => stack.outs("Node", "n")["folder"] as string;
    const agent = () => new AgentClient(folder());
    const instanceOf = (name: string) => stack.outs("Module", name)["instance"] as string;
    const incarnation = (name: string) => stack.outs("Module", name)["incarnation"];

    it("come up attested as one device with one firmware, and have nothing to do afterwards", async () => {
        const platform = stack.outs("Node", "n")["platform"] as Record<string, string>;
        assert.match(platform["id"] ?? "", /^01[0-9a-f]{64}$/);
        assert.match(platform["attestationKey"] ?? "", /^04[0-9a-f]{128}$/);
        assert.equal(platform["firmware"], stack.outs("Node", "n")["firmware"]);
        for (const name of ["worker", "listener"]) assert.deepEqual([stack.outs("Module", name)["assurance"], stack.outs("Module", name)["state"]], ["emulated", "running"]);
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program())), []);
    });

    for (const [entry, reason] of [["null", /MemManage fault/], ["spin", /time limit/]] as const) {
        it(`report and repair a module that is stopped, and its neighbour goes on: ${entry}`, async () => {
            await beats(stack);
            const [before, neighbour] = [incarnation("worker"), incarnation("listener")];
            await stack.callEntry("worker", entry).catch(() => undefined);
            for (let tries = 0; tries < 100 && (await agent().instance(instanceOf("worker")))?.state === "running"; tries++) await sleep(50);
            assert.match((await agent().instance(instanceOf("worker")))?.reason ?? "", reason);
            const found = await stack.refresh();
            assert.match(found[0]!, /^worker: failed/);
            assert.deepEqual(changes(await stack.preview(program())), ["update beat", "update worker"]);
            await stack.up(program());
            assert.notEqual(incarnation("worker"), before);
            assert.equal(incarnation("listener"), neighbour);
            await beats(stack);
        });
    }

    it("find a board that was reset, and repair it as the same device", async () => {
        const { id } = stack.outs("Node", "n")["platform"] as Record<string, string>;
        const before = ["worker", "listener"].map(incarnation);
        const emulator = emulatorOf(folder());
        process.kill(emulator, "SIGKILL");
        for (let tries = 0; tries < 200 && await agent().trustzone() !== undefined; tries++) await sleep(50);
        const found = await stack.refresh();
        assert.equal(found[0], "n: board stopped");
        assert.deepEqual(found.slice(1, 3).map((line) => line.split(": ").slice(0, 2).join(": ")).sort(), ["listener: failed", "worker: failed"]);
        assert.deepEqual(changes(await stack.preview(program())), ["update beat", "update listener", "update n", "update worker"]);
        await stack.up(program());
        assert.equal((stack.outs("Node", "n")["platform"] as Record<string, string>)["id"], id);
        for (const [index, name] of ["worker", "listener"].entries()) assert.notEqual(incarnation(name), before[index]);
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
    });

    it("show new firmware in preview, and run it with new incarnations", async () => {
        const before = stack.outs("Node", "n")["firmware"];
        const { id } = stack.outs("Node", "n")["platform"] as Record<string, string>;
        process.env["AUTHENTIC_FIRMWARE"] = newFirmware(base);
        // What runs is still what was planned.
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(changes(await stack.preview(program())).filter((step) => !step.endsWith("beat")), ["update listener", "update n", "update worker"]);
        await stack.up(program());
        const platform = stack.outs("Node", "n")["platform"] as Record<string, string>;
        assert.notEqual(platform["firmware"], before);
        assert.equal(platform["id"], id);
        assert.match(String(stack.outs("Module", "worker")["lastChange"]), /firmware of the board .* → .*: a new incarnation begins, the module's state is lost/);
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
    });

    const ownSoftware = async () => (await import("../../provider/tee/trustzone/firmware.js")).buildBoardSoftware();
    const key = () => path.join(folder(), "trustzone", "unique-key");

    // The rows of docs/drift.md.
    eachRow("TrustZone boards", () => ({
        "the board was ended": { act: () => agent().endTrustzone(), then: () => beats(stack) },
        "other firmware was put on the board": {
            act: async () => {
                const image = await agent().image(instanceOf("worker"));
                await agent().putTrustzone(await patchedSoftware([{ file: "secure/token.c", from: `TEXT_OF("1")`, to: `TEXT_OF("3")` }]));
                // Another module would be missing.
                await agent().remove(instanceOf("worker"));
                await agent().start(instanceOf("worker"), {
                    name: "worker", deployment: stack.outs("Module", "worker")["deploymentId"] as string, tee: "trustzone", image, entryTimeLimitMs: 500,
                    interface: stack.outs("Module", "worker")["interface"] as { name: string; kind: string }[],
                });
            },
            then: () => beats(stack),
        },
        "another device was put in the board's place": {
            act: async () => {
                await agent().endTrustzone();
                fs.renameSync(key(), path.join(base, "unique-key"));
                await agent().putTrustzone(await ownSoftware());
            },
            mend: async () => {
                await agent().endTrustzone();
                fs.renameSync(path.join(base, "unique-key"), key());
                await agent().putTrustzone(await ownSoftware());
            },
            then: () => beats(stack),
        },
    }), (row, change) => drift(stack, program(), row, change));

    it("are found again by an agent that was killed, with their modules", async () => {
        const before = ["worker", "listener"].map(incarnation);
        const { killLocalAgent } = await import("../../provider/agent/local.js");
        await killLocalAgent(folder());
        await stack.refresh();
        await stack.up(program());
        assert.deepEqual(["worker", "listener"].map(incarnation), before);
        await beats(stack);
    });

    const problems = async (run: () => void): Promise<string> => stack.preview(run).then(() => "", (error: unknown) => {
        if (error instanceof CheckFailed) return error.message;
        throw error;
    });

    it("refuse in preview what a board has not", async () => {
        assert.match(await problems(program({ devices: { lamp: "led9" } })), /devices\.lamp: the node has no peripheral "led9"; did you mean "led0"/);
        assert.match(await problems(() => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "trustzone", backend: "emulated" });
            for (let n = 0; n < 9; n++) new ae.Module(`m${n}`, { node, source: path.join(base, "listener.c") });
        }), /node "n" has room for 8 modules/);
        assert.match(await problems(() => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "trustzone", backend: "emulated" });
            for (const name of ["a", "b"]) new ae.Module(name, { node, source: path.join(base, "worker.c"), devices: { lamp: "led0" } });
        }), /pin "led0" of node "n" is driven by module "a"/);
        assert.match(await problems(() => {
            const deployment = new ae.Deployment("d");
            new ae.Node("n", { deployment, tee: "trustzone", backend: "emulated", vendorId: 7 });
        }), /vendorId: belongs to Sancus boards/);
        assert.match(await problems(() => {
            const deployment = new ae.Deployment("d");
            new ae.Node("n", { deployment, tee: "trustzone" });
        }), /device: needs the network interface that the board is connected to/);
    });

    it("run eight modules at once", async () => {
        const program = () => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "trustzone", backend: "emulated" });
            const worker = new ae.Module("worker", { node, source: path.join(base, "worker.c"), devices: { lamp: "led0" } });
            for (let n = 0; n < 7; n++) {
                const listener = new ae.Module(n === 0 ? "listener" : `l${n}`, { node, source: path.join(base, "listener.c") });
                if (n % 6 === 0) new ae.Connection(`beat${n}`, { from: worker.output("beat"), to: listener.input("beat") });
            }
        };
        await stack.up(program);
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
    });
});

/** A copy of the firmware with another version in its tokens. */
function newFirmware(base: string): string {
    const folder = path.join(base, "firmware");
    fs.cpSync(path.join(packageRoot(), "runtime", "trustzone", "firmware"), folder, { recursive: true });
    const file = path.join(folder, "secure", "token.c");
    const text = fs.readFileSync(file, "utf8");
    assert.ok(text.includes(`TEXT_OF("1")`));
    fs.writeFileSync(file, text.replace(`TEXT_OF("1")`, `TEXT_OF("2")`));
    return folder;
}

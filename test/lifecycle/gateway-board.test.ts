// A TrustZone board that runs by itself behind a node: enrolled by its owner, flashed, attested as hardware, reset, repaired,
// and exchanged. The emulator that stands for it is the test's own: neither the provider nor the agent knows of it.
import assert from "node:assert/strict";
import { createHash, createPublicKey } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { buildBoardSoftware } from "../../provider/tee/trustzone/firmware";
import * as ae from "../../resources";
import { commandLines } from "../processes";
import { patchedSoftware } from "../tee/trustzone/patched";
import { freePorts, PhysicalBoard, udpLine } from "../tee/trustzone/physical";
import { beats, writeBeat } from "./beat";
import { CheckFailed, Stack } from "./stack";

describe("a TrustZone board behind a node", function () {
    this.timeout(240_000);
    let base: string;
    let board: PhysicalBoard;
    let ports: readonly [number, number];
    const config: Record<string, string> = {};
    const stack = new Stack(config);

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "gateway-board-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        writeBeat(base);
        ports = await freePorts();
        board = new PhysicalBoard(udpLine(ports));
        trust([]);
    });
    after(async () => {
        await stack.destroy();
        await board.dispose();
        assert.deepEqual(commandLines().filter((line) => line.includes(base)), [], "a process of the node runs on");
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const trust = (keys: readonly string[]): void => {
        config["authentic:trust"] = JSON.stringify({ native: true, psa: { devices: keys.map((key) => ({ key })) } });
    };

    const program = (device = `udp:${ports[0]}:127.0.0.1:${ports[1]}`, backend: "hardware" | "emulated" = "hardware") => () => {
        const deployment = new ae.Deployment("d");
        const hub = new ae.Node("hub", { deployment, tee: "native" });
        const field = new ae.Node("field", { deployment, tee: "trustzone", backend, ...(device === "" ? {} : { device }) });
        const worker = new ae.Module("worker", { node: field, source: path.join(base, "worker.c"), devices: { lamp: "led0" } });
        const listener = new ae.Module("listener", { node: hub, source: path.join(base, "listener.c") });
        new ae.Connection("beat", { from: worker.output("beat"), to: listener.input("beat") });
    };

    const folder = (node: string) => stack.outs("Node", node)["folder"] as string;

    /** What an `up` says that does not succeed. */
    const refused = (): Promise<string> => stack.up(program()).then(() => assert.fail("it succeeded"), (error: unknown) => String(error));

    /** Until the node has noticed that its board is not what it was. */
    async function noticed(): Promise<void> {
        const agent = new AgentClient(folder("field"));
        for (let tries = 0; tries < 100 && await agent.trustzone() !== undefined; tries++) await sleep(100);
    }

    it("needs to be told where it is, and an emulated one must not be", async () => {
        const problems = (run: () => void): Promise<string> => stack.preview(run).then(() => "", (error: unknown) => (error instanceof CheckFailed ? error.message : Promise.reject(error as Error)));
        assert.match(await problems(program("")), /device: needs the network interface that the board is connected to/);
        assert.match(await problems(program("eth1", "emulated")), /device: an emulated board runs on the node itself/);
    });

    it("is looked for, and where there is none, or no such line, that is said with the next step", async () => {
        assert.match(await stack.up(program("nosuchinterface")).then(() => "", String), /AE-BOARD-DEVICE/);
        assert.match(await refused(), /AE-BOARD-SILENT.*flash firmware\.bin and nonsecure\.bin/is);
    });

    it("is not used before its owner has enrolled it, nor with other firmware than was planned", async () => {
        await board.flash(await patchedSoftware([{ file: "secure/token.c", from: `TEXT_OF("1")`, to: `TEXT_OF("4")` }]));
        board.switchOn();
        const message = await refused();
        assert.match(message, /AE-NODE-ENROLMENT/);
        const [pem = ""] = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/.exec(message) ?? [];
        const point = createPublicKey(pem).export({ type: "spki", format: "der" }).subarray(-65);
        assert.match(message, new RegExp(`01${createHash("sha256").update(point).digest("hex")}`), "the instance id is that of the key");
        trust([`${pem}\n`]);
        assert.match(await refused(), /AE-NODE-FIRMWARE.*Flash firmware\.bin/s);
        const flashed = path.join(folder("field"), "trustzone");
        assert.deepEqual(fs.readFileSync(path.join(flashed, "firmware.bin")), Buffer.from((await buildBoardSoftware()).firmware));
    });

    it("is attested as hardware once it runs what was planned, and its events arrive", async () => {
        await board.switchOff();
        await board.flash(await buildBoardSoftware());
        await noticed();
        board.switchOn();
        await stack.up(program());
        assert.equal(stack.outs("Module", "worker")["assurance"], "hardware");
        const { id, attestationKey } = stack.outs("Node", "field")["platform"] as Record<string, string>;
        assert.match(id ?? "", /^01[0-9a-f]{64}$/);
        assert.equal(attestationKey, undefined, "its key is the stack's configuration, not what the board says");
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual((await stack.preview(program())).filter((step) => !step.startsWith("same ")), []);
    });

    it("is found reset when its power was cut, and repaired as the same device", async () => {
        const { id } = stack.outs("Node", "field")["platform"] as Record<string, string>;
        const { incarnation } = stack.outs("Module", "worker");
        await board.switchOff();
        board.switchOn();
        await noticed();
        const found = await stack.refresh();
        assert.equal(found[0], "field: board stopped");
        assert.match(found.join("\n"), /^worker: failed/m);
        await stack.up(program());
        assert.equal((stack.outs("Node", "field")["platform"] as Record<string, string>)["id"], id);
        assert.notEqual(stack.outs("Module", "worker")["incarnation"], incarnation);
        assert.equal(stack.outs("Module", "worker")["assurance"], "hardware");
        await beats(stack);
        assert.deepEqual(await stack.refresh(), []);
    });

    it("is not used any more when it runs foreign firmware, or is another board", async () => {
        await board.switchOff();
        await board.flash(await patchedSoftware([{ file: "secure/token.c", from: `TEXT_OF("1")`, to: `TEXT_OF("5")` }]));
        board.switchOn();
        await noticed();
        assert.equal((await stack.refresh())[0], "field: board stopped");
        assert.match(await refused(), /AE-NODE-FIRMWARE/);
        await board.switchOff();
        board.exchange();
        await board.flash(await buildBoardSoftware());
        board.switchOn();
        await noticed();
        assert.match(await refused(), /AE-NODE-ENROLMENT/);
    });
});

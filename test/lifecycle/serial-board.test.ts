// A Sancus board at a serial port of a gateway: its modules are keyed over that line, and events go from a pin of the board to
// a controller on the server and back to another pin. The emulator that stands for the board is the test's own: neither the
// provider nor the agent knows of it, and what the pins show is what it says.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import * as ae from "../../resources";
import { commandLines } from "../processes";
import { PhysicalBoard } from "../tee/sancus/physical";
import { Stack } from "./stack";

const SENSOR = `
#include <authentic.h>

AUTHENTIC_DEVICE(soil, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(moisture, 1)

AUTHENTIC_ENTRY(soil_changed, 0) { uint8_t reading = (uint8_t)soil_read(); moisture(&reading, 1); }
AUTHENTIC_ENTRY(measure, 0) { uint8_t reading = (uint8_t)soil_read(); moisture(&reading, 1); }
`;
const CONTROLLER = `
#include <authentic.h>

AUTHENTIC_OUTPUT(valve, 1)
AUTHENTIC_INPUT(moisture, 1) { uint8_t level = (uint8_t)(*(const uint8_t *)data + 1); valve(&level, 1); }
`;
const VALVE = `
#include <authentic.h>

AUTHENTIC_DEVICE(tap, AUTHENTIC_WRITTEN)
AUTHENTIC_INPUT(set, 1) { tap_write(*(const uint8_t *)data); }
`;

describe("a Sancus board at a serial port", function () {
    this.timeout(240_000);
    const nodeKey = randomBytes(16);
    const stack = new Stack({ "authentic:trust": JSON.stringify({ native: true }) });
    let base: string;
    let board: PhysicalBoard;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "serial-board-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        for (const [name, source] of Object.entries({ sensor: SENSOR, controller: CONTROLLER, valve: VALVE })) fs.writeFileSync(path.join(base, `${name}.c`), source);
        board = await PhysicalBoard.start(nodeKey, 115_200);
    });
    after(async () => {
        await stack.destroy();
        await board.stop();
        assert.deepEqual(commandLines().filter((line) => line.includes(base)), [], "a process of the node runs on");
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    function program(): void {
        const deployment = new ae.Deployment("d");
        const server = new ae.Node("server", { deployment, tee: "native" });
        const field = new ae.Node("field", { deployment, tee: "sancus", backend: "hardware", vendorId: 0x1234, nodeKey: nodeKey.toString("hex"), device: board.device });
        const module = (name: string, node: ae.Node, devices?: Record<string, string>) =>
            new ae.Module(name, { node, source: path.join(base, `${name}.c`), ...(devices === undefined ? {} : { devices }) });
        const sensor = module("sensor", field, { soil: "P1" });
        const controller = module("controller", server);
        const valve = module("valve", field, { tap: "P3" });
        new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture") });
        new ae.Connection("valve", { from: controller.output("valve"), to: valve.input("set") });
    }

    const folder = () => stack.outs("Node", "field")["folder"] as string;

    /** What a person at the board sees: the level of the soil goes in, one more comes out at the tap. */
    async function flows(levels: readonly number[]): Promise<void> {
        for (const level of levels) {
            await board.drive(1, level);
            let driven: number | null | undefined;
            for (let tries = 0; tries < 400 && driven !== level + 1; tries++) {
                await sleep(50);
                driven = (await board.look()).driven[2];
            }
            assert.equal(driven, level + 1);
        }
    }

    it("is keyed over the line, and moves its valve by what the server makes of its sensor", async () => {
        await stack.up(program);
        const { modules, driven, lost } = await board.look();
        assert.deepEqual([modules, driven[2], lost], [4, null, 0], "two modules and their drivers");
        // A pin is watched once the module has read its device.
        await stack.callEntry("sensor", "measure");
        await flows([5, 100, 7, 42]);
        assert.equal((await board.look()).lost, 0);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual((await stack.preview(program)).filter((step) => !step.startsWith("same ")), []);
    });

    it("is found reset when its power was cut, and repaired", async () => {
        const incarnations = () => ["sensor", "valve"].map((name) => stack.outs("Module", name)["incarnation"]);
        const before = incarnations();
        const { resets, modules } = await board.cut();
        assert.equal(modules, 0);
        assert.ok(resets > 0, "the board was reset");
        const agent = new AgentClient(folder());
        const instance = stack.outs("Module", "sensor")["instance"] as string;
        // Nobody asks the board anything meanwhile: it tells by itself.
        const state = async () => (await agent.instance(instance))?.state;
        for (let tries = 0; tries < 200 && await state() === "running"; tries++) await sleep(50);
        assert.equal(await state(), "failed");
        const found = await stack.refresh();
        for (const name of ["sensor", "valve"]) assert.ok(found.includes(`${name}: failed: the board was reset`), found.join("\n"));
        await stack.up(program);
        assert.equal((await board.look()).modules, 4);
        incarnations().forEach((incarnation, index) => { assert.notEqual(incarnation, before[index]); });
        await stack.callEntry("sensor", "measure");
        await flows([9, 60]);
        assert.deepEqual(await stack.refresh(), []);
    });
});

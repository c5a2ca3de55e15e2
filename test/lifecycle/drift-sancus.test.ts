// What others change about an emulated Sancus board, with real agents, boards and modules. The cases are the rows of docs/drift.md.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { BAUD, buildFirmware, CLOCK_HZ } from "../../provider/tee/sancus/firmware";
import * as ae from "../../resources";
import { isAlive } from "../processes";
import { type Change, drift, eachRow, listened } from "./drifting";
import { Stack } from "./stack";

const SENSOR = `
#include <authentic.h>

AUTHENTIC_DEVICE(soil, AUTHENTIC_READ)
AUTHENTIC_OUTPUT(moisture, 1)
AUTHENTIC_ENTRY(measure, 0) { uint8_t reading = (uint8_t)soil_read(); moisture(&reading, 1); }
`;
const LISTENER = `
#include <authentic.h>

AUTHENTIC_INPUT(moisture, 1) { (void)data; (void)length; }
`;

describe("what others change about a Sancus board", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;

    const program = () => {
        const deployment = new ae.Deployment("d");
        const server = new ae.Node("server", { deployment, tee: "native" });
        const field = new ae.Node("field", { deployment, tee: "sancus", backend: "emulated", vendorId: 0x1234 });
        const sensor = new ae.Module("sensor", { node: field, source: path.join(base, "sensor.c"), devices: { soil: "P1" } });
        const listener = new ae.Module("listener", { node: server, source: path.join(base, "listener.c") });
        new ae.Connection("moisture", { from: sensor.output("moisture"), to: listener.input("moisture") });
        new ae.Trigger("measure", { module: sensor, entry: "measure", every: "200ms" });
    };

    // Each row leaves everything in order, as it asserts.
    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "drift-sancus-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "sensor.c"), SENSOR);
        fs.writeFileSync(path.join(base, "listener.c"), LISTENER);
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        await stack.up(program);
    });
    after(async () => {
        await listened(() => stack.destroy());
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const agent = (node: string) => new AgentClient(stack.outs("Node", node)["folder"] as string);
    const delivered = async () => Number((await agent("server").instance(stack.outs("Module", "listener")["instance"] as string))
        ?.connections.find(({ connection }) => connection === stack.outs("Connection", "moisture")["connection"])?.delivered ?? 0);
    async function flows(): Promise<void> {
        const before = await delivered();
        for (let tries = 0; await delivered() <= before; tries++) {
            assert.ok(tries < 600, "no reading arrives");
            await sleep(50);
        }
    }

    const changes = (): Record<string, Change> => ({
        "the board was ended": {
            act: async () => {
                const { pid } = (await agent("field").board())!;
                process.kill(pid, "SIGKILL");
                while (isAlive(pid)) await sleep(10);
            },
            then: flows,
        },
        "another board was put in the place of the node's": {
            act: async () => {
                const firmware = (await buildFirmware(BAUD)).toString("base64");
                await agent("field").startBoard({ kind: "emulated", firmware, nodeKey: randomBytes(16).toString("base64"), freshness: "rng", clockHz: CLOCK_HZ });
            },
            then: flows,
        },
    });

    eachRow("Sancus boards", changes, (row, change) => drift(stack, program, row, change));
});

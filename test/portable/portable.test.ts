// The same C file on every TEE: the same inputs and requests give the same outputs, replies and state, which are those that a
// model of the module predicts.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as ae from "../../resources";
import { packageRoot } from "../../tools/setup/toolchain";
import { Stack } from "../lifecycle/stack";
import { ask } from "../lifecycle/stream";

const MODULES = path.join(packageRoot(), "test", "portable", "modules");
const LIMIT = 1000;

/** Where the module runs, and what its device is there. */
const PLACES = {
    native: { node: { tee: "native" }, tap: "tap" },
    sgx: { node: { tee: "sgx", backend: "emulated" }, tap: "tap" },
    trustzone: { node: { tee: "trustzone", backend: "emulated" }, tap: "led0" },
    sancus: { node: { tee: "sancus", backend: "emulated", vendorId: 0x1234 }, tap: "P3" },
} as const;
type Place = keyof typeof PLACES;
const ALL = Object.keys(PLACES) as Place[];

interface Operation { readonly entry: "set_to" | "level_to" | "question"; readonly data: readonly number[] }

/** A sequence that nobody chose, the same at every run: levels on both sides of the limit, questions of right and wrong length. */
const OPERATIONS: readonly Operation[] = Array.from({ length: 14 }, (_, index): Operation => {
    const bytes = [...createHash("sha256").update(`event ${index}`).digest()];
    const entry = (["set_to", "level_to", "question"] as const)[bytes[0]! % 3]!;
    return { entry, data: entry === "set_to" ? [bytes[1]! & 1] : entry === "level_to" ? [bytes[1]! % 8, bytes[2]!] : bytes.slice(3, 3 + (bytes[1]! % 4 === 0 ? 3 : 4)) };
});

/** What the module must say: its source read by a person, written in another language. */
function expected(operations: readonly Operation[]): string[] {
    const tank = { moves: 0, level: 0, open: 0 };
    const described = () => {
        const bytes = Buffer.alloc(8);
        bytes.writeUInt32BE(tank.moves);
        bytes.writeUInt16BE(tank.level, 4);
        bytes[6] = tank.open;
        bytes[7] = 1;
        return bytes.toString("hex");
    };
    return operations.map(({ entry, data }) => {
        if (entry === "question") return data.length === 4 ? `r ${Buffer.from(data).toString("hex")}${described()}` : "x ";
        if (entry === "set_to") {
            tank.open = data[0]!;
            tank.moves++;
        } else tank.level = Math.min(LIMIT, data[0]! * 256 + data[1]!);
        return `m ${described()}`;
    });
}

describe("one module on every TEE", function () {
    this.timeout(300_000);
    let base: string;
    let stack: Stack;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "portable-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        await stack.up(program);
    });
    after(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    function program(): void {
        const deployment = new ae.Deployment("d");
        const hub = new ae.Node("hub", { deployment, tee: "native" });
        const peerOf = (name: string) => {
            const peer = new ae.Module(`peer-${name}`, { node: hub, source: path.join(MODULES, "peer.c") });
            new ae.Connection(`log-${name}`, { from: deployment, to: peer.handler("log") });
            return peer;
        };
        for (const place of ALL) {
            const node = new ae.Node(place, { deployment, ...PLACES[place].node });
            const tank = new ae.Module(`tank-${place}`, { node, source: path.join(MODULES, "tank.c"), config: { limit: LIMIT }, devices: { tap: PLACES[place].tap } });
            const peer = peerOf(`tank-${place}`);
            new ae.Connection(`set-${place}`, { from: peer.output("set"), to: tank.input("set") });
            new ae.Connection(`level-${place}`, { from: peer.output("level"), to: tank.input("level") });
            new ae.Connection(`moved-${place}`, { from: tank.output("moved"), to: peer.input("moved") });
            new ae.Connection(`report-${place}`, { from: peer.request("report"), to: tank.handler("report") });
            const asking = new ae.Module(`asking-${place}`, { node, source: path.join(MODULES, "asking.c") });
            const [asker, halver] = [peerOf(`asking-${place}`), new ae.Module(`halver-${place}`, { node: hub, source: path.join(MODULES, "peer.c") })];
            new ae.Connection(`asking-set-${place}`, { from: asker.output("set"), to: asking.input("set") });
            new ae.Connection(`asking-level-${place}`, { from: asker.output("level"), to: asking.input("level") });
            new ae.Connection(`asking-halve-${place}`, { from: asking.request("halve"), to: halver.handler("halve") });
            new ae.Connection(`asking-report-${place}`, { from: asker.request("report"), to: asking.handler("report") });
        }
    }

    /** What the peer has kept, one text for each event or reply. */
    async function log(name: string): Promise<string[]> {
        const data = await ask(stack, `log-${name}`);
        const entries: string[] = [];
        for (let at = 0; at < data.length; at += 2 + data[at + 1]!) {
            entries.push(`${String.fromCharCode(data[at]!)} ${Buffer.from(data.subarray(at + 2, at + 2 + data[at + 1]!)).toString("hex")}`);
        }
        return entries;
    }

    /** Has the peer do something. */
    async function tell(name: string, { entry, data }: Operation): Promise<void> {
        await stack.deployed().call(`peer-${name}`, entry, Uint8Array.from(data));
    }

    /** Has the peer do something, and waits until it has kept what came of it. */
    async function drive(name: string, { entry, data }: Operation, kept: number): Promise<void> {
        await tell(name, { entry, data });
        for (let tries = 0; tries < 300; tries++) {
            if ((await log(name)).length > kept) return;
            await sleep(50);
        }
        assert.fail(`${name}: nothing came of ${entry} ${data.join(" ")}`);
    }

    it("is driven by a sequence that reaches every case", () => {
        assert.deepEqual([...new Set(expected(OPERATIONS).map((text) => text[0]))].sort(), ["m", "r", "x"]);
        const levels = OPERATIONS.filter(({ entry }) => entry === "level_to").map(({ data }) => data[0]! * 256 + data[1]!);
        assert.ok(levels.some((level) => level > LIMIT) && levels.some((level) => level < LIMIT));
        assert.ok(OPERATIONS.some(({ entry, data }) => entry === "set_to" && data[0] === 1) && OPERATIONS.some(({ entry, data }) => entry === "set_to" && data[0] === 0));
    });

    for (const place of ALL) {
        it(`says on ${place} what its source says`, async () => {
            assert.equal(stack.outs("Module", `tank-${place}`)["assurance"], place === "native" ? "none" : "emulated");
            for (const [index, operation] of OPERATIONS.entries()) await drive(`tank-${place}`, operation, index);
            assert.deepEqual(await log(`tank-${place}`), expected(OPERATIONS));
        });
    }

    it("was nowhere compiled from another source", () => {
        const sources = ALL.map((place) => stack.outs("Module", `tank-${place}`)["source"]);
        assert.deepEqual(sources, ALL.map(() => [path.join(MODULES, "tank.c")]));
        assert.equal(new Set(ALL.map((place) => stack.outs("Module", `tank-${place}`)["codeMeasurement"])).size, ALL.length, "but for another processor");
    });

    for (const place of ALL) {
        it(`asks on ${place} before it acts, and answers nothing meanwhile`, async () => {
            const expected: string[] = [];
            for (const [index, level] of [2, 513, 65_535, 40].entries()) {
                const bytes = Buffer.from([9, 8, 7, index, 0, index + 1, 0, 0, 0, 0, index, 1]);
                bytes.writeUInt16BE(level >> 1, 6);
                bytes.writeUInt16BE(level, 8);
                await tell(`asking-${place}`, { entry: "set_to", data: [index] });
                await tell(`asking-${place}`, { entry: "level_to", data: [level >> 8, level & 255] });
                await drive(`asking-${place}`, { entry: "question", data: [9, 8, 7, index] }, index);
                expected.push(`r ${bytes.toString("hex")}`);
            }
            assert.deepEqual(await log(`asking-${place}`), expected);
        });
    }
});

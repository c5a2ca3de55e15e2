// Keys are rotated again and again while events flow between real modules: none is lost, duplicated or reordered.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import * as ae from "../../resources";
import { Stack } from "./stack";
import { compareStreams } from "./stream-checker";

const STREAM = `
#include <authentic.h>

/* What event number n carries, so that whoever knows the seed knows every payload. */
static uint64_t payload(uint64_t n, uint64_t seed) {
    uint64_t x = (n + 1) * 0x9E3779B97F4A7C15u ^ seed;
    x ^= x >> 29;
    return x * 0xBF58476D1CE4E5B9u;
}
`;
const SOURCE = `${STREAM}
AUTHENTIC_CONFIG_INTEGER(seed)
AUTHENTIC_OUTPUT_BURST(event, 8, BURST)
static uint64_t sent;
AUTHENTIC_ENTRY(work, 0) {
    for (int i = 0; i < BURST && sent < ROOM; i++) {
        uint64_t value = payload(sent, (uint64_t)seed());
        if (event(&value, sizeof value) == AUTHENTIC_OK) sent++;
    }
}
AUTHENTIC_HANDLER(count, 0, 8) { memcpy(reply, &sent, 8); return capacity < 8 ? -1 : 8; }
`;
const SINK = `${STREAM}
static uint64_t events[ROOM], received;
AUTHENTIC_INPUT(event, 8) { memcpy(&events[received++ % ROOM], data, 8); }
AUTHENTIC_HANDLER(count, 0, 8) { memcpy(reply, &received, 8); return capacity < 8 ? -1 : 8; }
AUTHENTIC_HANDLER(read, 8, 8 * PART) {
    uint64_t first;
    if (length != 8) return -1;
    memcpy(&first, data, 8);
    uint64_t n = received - first < PART ? received - first : PART;
    if (first > received || capacity < 8 * n) return -1;
    memcpy(reply, &events[first], 8 * n);
    return (int64_t)(8 * n);
}
`;
const SEED = 20_261_124n;
const MASK = (1n << 64n) - 1n;

/** The same as `payload` of the module. */
function payload(n: bigint): string {
    let x = ((n + 1n) * 0x9E3779B97F4A7C15n ^ SEED) & MASK;
    x ^= x >> 29n;
    return (x * 0xBF58476D1CE4E5B9n & MASK).toString(16);
}

interface Place {
    readonly tee: string;
    readonly backend?: "emulated";
}

/** Where the ends are, and how much the smaller one has room for. */
interface Pair {
    readonly name: string;
    readonly ends: readonly [Place, Place];
    readonly rotations: number;
    /** Events at once, events altogether, events in one reply. */
    readonly burst: number;
    readonly room: number;
    readonly part: number;
    readonly every: string;
}

const NATIVE: Place = { tee: "native" };
const SGX: Place = { tee: "sgx", backend: "emulated" };
const BOARD: Place = { tee: "trustzone", backend: "emulated" };
const SMALL = { rotations: 4, burst: 4, room: 2048, part: 200, every: "200ms" };
const PAIRS: readonly Pair[] = [
    { name: "native modules", ends: [NATIVE, NATIVE], rotations: 8, burst: 16, room: 1 << 16, part: 4096, every: "10ms" },
    { name: "an enclave and a module on a TrustZone board", ends: [SGX, BOARD], ...SMALL },
    { name: "a module on a TrustZone board and an enclave", ends: [BOARD, SGX], ...SMALL },
];

for (const { name: between, ends, rotations, burst, room, part: most, every } of PAIRS) describe(`rotation under load between ${between}`, function () {
    this.timeout(300_000);
    let base: string;
    let stack: Stack;

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "rotation-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "source.c"), SOURCE);
        fs.writeFileSync(path.join(base, "sink.c"), SINK);
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
    });
    after(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (rotate: number, rotation: "drain" | "compromise", flowing: boolean) => () => {
        const deployment = new ae.Deployment("d");
        const [a, b] = ["a", "b"].map((name, index) => new ae.Node(name, { deployment, ...ends[index]! }));
        const defines = { BURST: String(burst), ROOM: String(room), PART: String(most) };
        const source = new ae.Module("source", { node: a!, source: path.join(base, "source.c"), config: { seed: Number(SEED) }, defines });
        const sink = new ae.Module("sink", { node: b!, source: path.join(base, "sink.c"), defines });
        new ae.Connection("events", { from: source.output("event"), to: sink.input("event"), rotate, rotation });
        new ae.Connection("sent", { from: deployment, to: source.handler("count") });
        new ae.Connection("received", { from: deployment, to: sink.handler("count") });
        new ae.Connection("read", { from: deployment, to: sink.handler("read") });
        if (flowing) new ae.Trigger("work", { module: source, entry: "work", every });
    };

    async function ask(name: string, data = new Uint8Array()): Promise<Buffer> {
        const { to, connection, ...rest } = stack.outs("Connection", name) as { to: Parameters<typeof endOf>[0] & { endpoint: number }; connection: number };
        const state = { ...rest } as unknown as Parameters<typeof endOf>[1];
        const { status, data: reply } = await (await driverOf(state)).request({ connection, name, to: { end: await endOf(to, state), endpoint: to.endpoint } }, data);
        assert.equal(status, "done");
        return Buffer.from(reply);
    }
    const count = async (name: "sent" | "received") => Number((await ask(name)).readBigUInt64LE());

    async function delivered(): Promise<string[]> {
        const all: string[] = [];
        for (;;) {
            const first = Buffer.alloc(8);
            first.writeBigUInt64LE(BigInt(all.length));
            const part = await ask("read", first);
            if (part.length === 0) return all;
            for (let at = 0; at < part.length; at += 8) all.push(part.readBigUInt64LE(at).toString(16));
        }
    }

    /** The epoch that the host at each end reports. */
    async function epochs(): Promise<string[]> {
        const { connection } = stack.outs("Connection", "events");
        return Promise.all((["source", "sink"] as const).map(async (name) => {
            const { nodeFolder, instance } = stack.outs("Module", name);
            const report = await new AgentClient(nodeFolder as string).instance(instance as string);
            return String(report!.connections.find((one) => one.connection === connection)!.epoch);
        }));
    }

    it("loses, repeats and reorders nothing in rotations of either kind", async () => {
        await stack.up(program(0, "drain", true));
        const incarnations = ["source", "sink"].map((name) => stack.outs("Module", name)["incarnation"]);
        const keys = new Set([stack.outs("Connection", "events")["keyId"]]);
        let before = 0;
        for (let rotation = 1; rotation <= rotations; rotation++) {
            // Events flowed since the rotation before.
            for (let tries = 0; await count("sent") <= before; tries++) {
                assert.ok(tries < 200, "no events flow");
                await sleep(20);
            }
            before = await count("sent");
            await stack.up(program(rotation, rotation % 3 === 0 ? "compromise" : "drain", true));
            assert.equal(stack.outs("Connection", "events")["epoch"], String(rotation + 1));
            assert.deepEqual(await epochs(), [String(rotation + 1), String(rotation + 1)]);
            keys.add(stack.outs("Connection", "events")["keyId"]);
        }
        assert.equal(keys.size, rotations + 1, "each rotation drew a key");
        assert.ok(await count("sent") >= before);
        await stack.up(program(rotations, "drain", false));
        const sent = await count("sent");
        for (let tries = 0; await count("received") < sent && tries < 200; tries++) await sleep(50);
        const counts = compareStreams(Array.from({ length: sent }, (_, n) => payload(BigInt(n))), await delivered());
        assert.deepEqual(counts, { sent, delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        assert.ok(sent > rotations * burst && sent < room, `${sent} events`);
        // Nobody was restarted for it, and no old key is left at either end.
        assert.deepEqual(["source", "sink"].map((name) => stack.outs("Module", name)["incarnation"]), incarnations);
    });
});

describe("the comparison of streams", () => {
    const sent = ["a", "b", "c", "d"];
    const cases: readonly (readonly [string, string[], Partial<ReturnType<typeof compareStreams>>])[] = [
        ["nothing", ["a", "b", "c", "d"], {}],
        ["a loss", ["a", "b", "d"], { delivered: 3, lost: 1 }],
        ["a repetition", ["a", "b", "b", "c", "d"], { delivered: 5, duplicated: 1 }],
        ["another order", ["a", "c", "b", "d"], { reordered: 1 }],
        ["what was never sent", ["a", "b", "x", "c", "d"], { delivered: 5, foreign: 1 }],
    ];
    for (const [what, delivered, found] of cases) {
        it(`sees ${what}`, () => {
            assert.deepEqual(compareStreams(sent, delivered), { sent: 4, delivered: 4, lost: 0, duplicated: 0, reordered: 0, foreign: 0, ...found });
        });
    }
});

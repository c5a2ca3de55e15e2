// A stream of events between two real modules whose payloads the test knows without asking anybody: what was sent and
// what was processed are told by the modules themselves, sealed, and compared outside every agent and host.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import * as ae from "../../resources";
import type { Stack } from "./stack";
import { compareStreams, type StreamCounts } from "./stream-checker";

const STREAM = `
#include <authentic.h>

/* What event number n carries, so that whoever knows the seed knows every payload. */
static uint64_t payload(uint64_t n, uint64_t seed) {
    uint64_t x = (n + 1) * 0x9E3779B97F4A7C15u ^ seed;
    x ^= x >> 29;
    return x * 0xBF58476D1CE4E5B9u;
}
`;
/** Emits the stream, BURST events a call of its entry and ROOM in all, and says how many it has sent. */
export const SOURCE = `${STREAM}
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
/** Keeps the payloads of ROOM events in the order in which it processed them. */
export const SINK = `${STREAM}
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
/** Events that a server has room for. */
const ROOM = 1 << 16;
/** Of the stream. */
export const SEED = 20_261_124n;
const MASK = (1n << 64n) - 1n;

/** The same as `payload` of the module: nobody between the modules has a say in it. */
export function payload(n: bigint): string {
    let x = ((n + 1n) * 0x9E3779B97F4A7C15n ^ SEED) & MASK;
    x ^= x >> 29n;
    return (x * 0xBF58476D1CE4E5B9n & MASK).toString(16);
}

/** How the stream's connection is keyed, and whether events flow. */
export interface Flow {
    readonly rotate?: number;
    readonly rotation?: "drain" | "compromise";
    readonly flowing: boolean;
    /** Whether the two are connected; default true. */
    readonly connected?: boolean;
    /** Time between calls of the source's entry. */
    readonly every?: string;
    /** Events at once, events altogether, events in one reply: what both ends have room for. */
    readonly burst?: number;
    readonly room?: number;
    readonly part?: number;
    /** Modules between the ends, in order, which pass on from their input `event` to their output `onward`. */
    readonly through?: readonly ae.Module[];
}

/** Sends a request over a connection from the deployment. @returns the reply */
export async function ask(stack: Stack, name: string, data = new Uint8Array()): Promise<Buffer> {
    const { to, connection, ...rest } = stack.outs("Connection", name) as { to: Parameters<typeof endOf>[0] & { endpoint: number }; connection: number };
    const state = { ...rest } as unknown as Parameters<typeof endOf>[1];
    const { status, data: reply } = await (await driverOf(state)).request({ connection, name, to: { end: await endOf(to, state), endpoint: to.endpoint } }, data);
    assert.equal(status, "done");
    return Buffer.from(reply);
}

/** The stream in a stack. */
export class Stream {
    /** @param folder - for the sources @param stack - in which {@link declare} is called */
    constructor(private readonly folder: string, private readonly stack: Stack) {
        fs.writeFileSync(path.join(folder, "source.c"), SOURCE);
        fs.writeFileSync(path.join(folder, "sink.c"), SINK);
    }

    /** Declares modules and connections: for the stack's program. */
    declare(deployment: ae.Deployment, [start, end]: readonly [ae.Node, ae.Node], { flowing, connected = true, every = "10ms", burst = 16, room = ROOM, part = 4096, through = [], ...options }: Flow): void {
        const defines = { BURST: String(burst), ROOM: String(room), PART: String(part) };
        const source = new ae.Module("source", { node: start, source: path.join(this.folder, "source.c"), config: { seed: Number(SEED) }, defines });
        const sink = new ae.Module("sink", { node: end, source: path.join(this.folder, "sink.c"), defines });
        const from = [source.output("event"), ...through.map((module) => module.output("onward"))];
        if (connected) [...through, sink].forEach((module, index) => new ae.Connection(index === 0 ? "events" : `events-${index}`, { from: from[index]!, to: module.input("event"), ...options }));
        new ae.Connection("sent", { from: deployment, to: source.handler("count") });
        new ae.Connection("received", { from: deployment, to: sink.handler("count") });
        new ae.Connection("read", { from: deployment, to: sink.handler("read") });
        if (flowing) new ae.Trigger("work", { module: source, entry: "work", every });
    }

    /** How many events the source has sent, or the sink has processed. */
    async count(name: "sent" | "received"): Promise<number> {
        return Number((await ask(this.stack, name)).readBigUInt64LE());
    }

    /** Payloads in the order in which the sink processed them. */
    private async delivered(): Promise<string[]> {
        const all: string[] = [];
        for (;;) {
            const first = Buffer.alloc(8);
            first.writeBigUInt64LE(BigInt(all.length));
            const part = await ask(this.stack, "read", first);
            if (part.length === 0) return all;
            for (let at = 0; at < part.length; at += 8) all.push(part.readBigUInt64LE(at).toString(16));
        }
    }

    /** Waits until more than so many events were sent, or processed; how many were. */
    async passes(name: "sent" | "received", before: number): Promise<number> {
        for (let tries = 0; tries < 600; tries++) {
            const now = await this.count(name);
            if (now > before) return now;
            await sleep(20);
        }
        return assert.fail(`no more than ${before} events ${name}`);
    }

    /** What became of all events, once the source has stopped. */
    async settled(): Promise<StreamCounts> {
        const sent = await this.count("sent");
        // As long as any arrive: what lies between the ends may be slow.
        for (let tries = 0, before = 0; tries < 200; tries++) {
            const received = await this.count("received");
            if (received >= sent) break;
            if (received > before) tries = 0;
            before = received;
            await sleep(50);
        }
        assert.ok(sent <= ROOM, `${sent} events: the sink has forgotten some`);
        return compareStreams(Array.from({ length: sent }, (_, n) => payload(BigInt(n))), await this.delivered());
    }
}

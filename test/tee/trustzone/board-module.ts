// A module on a board, driven without a module host: the test moves records through the bridge, as whoever owns the node can.
import type { MessageType, Reply } from "../../../provider/session/session";
import { type Entry, OUT, OUTCOME, type Record, RING } from "../../kit/kit-process";
import { BridgeClient, OPERATION } from "./bridge";

const MESSAGES: readonly MessageType[] = ["m1", "m3", "activate", "command", "prepare", "abort", "release", "accept", "offer"];
const REPLIES = ["m2", "m4", "activated", "result", "prepared", "aborted", "released", "accepted", "offered"] as const;
const EVIDENCE_PSA = 2;
const PINS = 512;
const DATA = 4096;
const CAPACITY = [16_384, 16_384, 32_768] as const;
const TAILS = [64, 192] as const;
const OUT_HEAD = 384;
const BODY = 1440;
const CRASHED = 0x10000;

/** How an entry ended: as at the kit, and why the firmware stopped the module, if it did. */
export interface BoardEntry extends Entry {
    readonly cause: "fault" | "time limit" | undefined;
}

/** Why a module is not loaded: protocol of the gateway. */
export const LOAD = { done: 0, argument: 1, occupied: 2, image: 3, device: 4, noSlot: 0x100 } as const;

export class BoardModule {
    /** Every record since this was emptied last. */
    readonly records: Record[] = [];
    private readonly tails = [0, 0];
    private head = 0;
    private received = 0;
    private out = Buffer.alloc(0);

    private constructor(readonly bridge: BridgeClient, readonly measurement: Buffer) {}

    /** Loads an image; a number says why it is refused. */
    static async load(folder: string, image: Uint8Array, limitMs = 10_000): Promise<BoardModule | number> {
        const bridge = await BridgeClient.connect(folder);
        const { a, body } = await bridge.call(OPERATION.load, limitMs, 0, image);
        if (a !== LOAD.done) {
            bridge.close();
            return a;
        }
        const header = Buffer.alloc(DATA);
        header.writeUInt32LE(0x52584541, 0);
        header.writeUInt32LE(1, 4);
        header.writeBigUInt64LE(BigInt(DATA + CAPACITY[0] + CAPACITY[1] + CAPACITY[2]), 8);
        [...CAPACITY, 64].forEach((value, index) => header.writeUInt32LE(value, 16 + 4 * index));
        const module = new BoardModule(bridge, body);
        await module.write(0, header);
        return module;
    }

    stop(): void {
        this.bridge.close();
    }

    private async write(offset: number, bytes: Uint8Array): Promise<void> {
        for (let at = 0; at < bytes.length; at += BODY) await this.bridge.call(OPERATION.write, offset + at, 0, bytes.subarray(at, at + BODY));
    }

    /** Sets what the module's pins read, as whoever owns the node can. */
    pins(value: number): Promise<void> {
        return this.write(PINS, new Uint8Array(4 * 64).fill(value));
    }

    /** Appends a record to a ring; the module sees it at the next entry. */
    async put(ring: 0 | 1, kind: number, argument: number, body: Uint8Array): Promise<void> {
        const record = Buffer.alloc((8 + body.length + 7) & ~7);
        record.writeUInt32LE(body.length, 0);
        record.writeUInt16LE(kind, 4);
        record.writeUInt16LE(argument, 6);
        record.set(body, 8);
        const [capacity, data] = [CAPACITY[ring], DATA + (ring === 0 ? 0 : CAPACITY[0])];
        const start = this.tails[ring]! & (capacity - 1);
        const first = record.subarray(0, capacity - start);
        await this.write(data + start, first);
        if (first.length < record.length) await this.write(data, record.subarray(first.length));
        this.tails[ring] = (this.tails[ring]! + record.length) >>> 0;
    }

    /** Enters the module once: 0 initialize, 1 run. */
    async enter(reason: number): Promise<BoardEntry> {
        const patch = (offset: number, value: number): Buffer => {
            const bytes = Buffer.alloc(10);
            bytes.writeUInt32LE(offset, 0);
            bytes.writeUInt16LE(4, 4);
            bytes.writeUInt32LE(value, 6);
            return bytes;
        };
        const patches = Buffer.concat([patch(TAILS[0], this.tails[0]!), patch(TAILS[1], this.tails[1]!), patch(OUT_HEAD, this.head)]);
        const { a, body } = await this.bridge.call(OPERATION.enter, reason, this.received, patches);
        const tail = body.readUInt32LE(8);
        const parts = [this.out, body.subarray(12)];
        this.received = (this.received + body.length - 12) >>> 0;
        while (this.received !== tail) {
            const start = this.received & (CAPACITY[2] - 1);
            const length = Math.min((tail - this.received) >>> 0, CAPACITY[2] - start, BODY);
            parts.push((await this.bridge.call(OPERATION.read, DATA + CAPACITY[0] + CAPACITY[1] + start, length)).body);
            this.received = (this.received + length) >>> 0;
        }
        this.out = Buffer.concat(parts);
        const records = this.take();
        this.records.push(...records);
        return { outcome: a === 0xffffffff ? OUTCOME.failed : a & 0xff, records, cause: (a & CRASHED) === 0 || a === 0xffffffff ? undefined : (a >> 8 & 0xff) === 2 ? "time limit" : "fault" };
    }

    private take(): Record[] {
        const records: Record[] = [];
        while (this.out.length >= 8) {
            const [length, kind, argument] = [this.out.readUInt32LE(0), this.out.readUInt16LE(4), this.out.readUInt16LE(6)];
            const size = (8 + length + 7) & ~7;
            records.push({ kind, argument, body: Buffer.from(this.out.subarray(8, 8 + length)) });
            this.out = this.out.subarray(size);
            this.head = (this.head + size) >>> 0;
        }
        return records;
    }

    /** Enters until nothing is left to do. */
    async run(): Promise<BoardEntry> {
        const all: Record[] = [];
        for (;;) {
            const { outcome, records, cause } = await this.enter(1);
            all.push(...records);
            if (outcome !== OUTCOME.more) return { outcome, records: all, cause };
        }
    }

    async events(...frames: readonly Uint8Array[]): Promise<BoardEntry> {
        for (const frame of frames) await this.put(RING.events, 2, 0, frame);
        return this.run();
    }

    async answers(...frames: readonly Uint8Array[]): Promise<BoardEntry> {
        for (const frame of frames) await this.put(RING.control, 2, 0, frame);
        return this.run();
    }

    async trigger(endpoint: number): Promise<BoardEntry> {
        await this.put(RING.events, 4, endpoint, new Uint8Array(0));
        return this.run();
    }

    /** Carries a message, as an agent would. */
    async send(type: MessageType, body: Uint8Array): Promise<Reply> {
        const number = MESSAGES.indexOf(type) + 1;
        await this.put(RING.control, 1, number, body);
        const { records } = await this.run();
        const reply = records.find((one) => one.kind === OUT.reply && one.argument === number)?.body;
        if (reply === undefined) throw new Error(`no reply to ${type}`);
        if (reply.length === 3 && reply[0] === 0xff) return { type: "refused", code: reply.readUInt16BE(1) };
        if (type !== "m1") return { type: REPLIES[number - 1] as "m4", body: Uint8Array.from(reply) };
        const core = 66 + reply.readUInt16BE(64);
        return { type: "m2", body: Uint8Array.from(reply.subarray(0, core)), evidence: { type: EVIDENCE_PSA, body: Uint8Array.from(reply.subarray(core)) } };
    }
}

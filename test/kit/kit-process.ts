// A kit running in a process of its own, seen from the side of its untrusted host.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { encodeConfiguration } from "../../provider/protocol/configuration";
import { concat } from "../../provider/protocol/bytes";
import { type Status, decodeStatus } from "../../provider/protocol/status";
import type { MessageType, Reply } from "../../provider/session/session";
import { CORE, type Program, compileProgram } from "./compile";

/** What an entry returns (docs/protocol.md section 8). */
export const OUTCOME = { idle: 0, more: 1, blocked: 2, waiting: 3, failed: 4 } as const;
/** Kinds of records of the out ring. */
export const OUT = { reply: 1, frame: 2, device: 3, acknowledged: 4, reseal: 5, processed: 6, refused: 7, connection: 8, failed: 9, log: 10, triggered: 11 } as const;
export const RING = { control: 0, events: 1 } as const;
const IN = { message: 1, frame: 2, reseal: 3, trigger: 4 } as const;
const MESSAGES: readonly MessageType[] = ["m1", "m3", "activate", "command", "prepare", "abort", "release", "accept", "offer"];
const REPLIES = { m3: "m4", activate: "activated", command: "result", prepare: "prepared", abort: "aborted", release: "released", accept: "accepted", offer: "offered" } as const;
const OPERATION = { entropy: 0, configure: 1, record: 2, enter: 3, poke: 4, peek: 5, measurement: 6, entropyFails: 7, status: 8, watch: 9, watched: 10 } as const;

/** A record of the out ring. */
export interface Record {
    readonly kind: number;
    readonly argument: number;
    readonly body: Buffer;
}

/** What one entry returned and left in the out ring. */
export interface Entry {
    readonly outcome: number;
    readonly records: readonly Record[];
}

export interface KitOptions {
    readonly deployment: Uint8Array;
    readonly instance: Uint8Array;
    readonly deployerKey: Uint8Array;
    readonly values?: ReadonlyMap<string, bigint | string>;
    readonly measurement?: Uint8Array;
    /** Drawn first: incarnation, then nonceM and skE of each M1. */
    readonly entropy?: Uint8Array;
    readonly patches?: Program["patches"];
    readonly module?: string;
    /** Counts every access to the shared region ({@link KitProcess.accesses}). */
    readonly watched?: boolean;
    /** Leaves initialization to the test. */
    readonly uninitialized?: boolean;
}

const NATIVE = ["kit/ports/native/entry.S", "kit/ports/native/port.c"];

const parseRecords = (bytes: Buffer): Record[] => {
    const records: Record[] = [];
    for (let at = 0; at < bytes.length;) {
        const length = bytes.readUInt32LE(at);
        records.push({ kind: bytes.readUInt16LE(at + 4), argument: bytes.readUInt16LE(at + 6), body: bytes.subarray(at + 8, at + 8 + length) });
        at += (8 + length + 7) & ~7;
    }
    return records;
};

export class KitProcess {
    /** Everything the kit has put into the out ring that nobody has taken yet. */
    records: Record[] = [];
    private received = Buffer.alloc(0);
    private waiting: { resolve: (body: Buffer) => void; reject: (error: Error) => void }[] = [];

    private constructor(private readonly child: ChildProcess, private readonly folder: string) {
        child.stdout?.on("data", (chunk: Buffer) => {
            this.received = Buffer.concat([this.received, chunk]);
            while (this.received.length >= 4 && this.received.length >= 4 + this.received.readUInt32LE(0)) {
                const end = 4 + this.received.readUInt32LE(0);
                this.waiting.shift()?.resolve(this.received.subarray(4, end));
                this.received = this.received.subarray(end);
            }
        });
        child.on("exit", (code, signal) => {
            for (const { reject } of this.waiting.splice(0)) reject(new Error(`the kit ended with ${signal ?? String(code)}`));
        });
    }

    /** Starts a kit with the tests' module and initializes it. */
    static async start(options: KitOptions): Promise<KitProcess> {
        const program = await compileProgram({
            sources: [...CORE, ...NATIVE, "harness.c", "watch.c", options.module ?? "module.c"],
            own: { "kit/ports/native/port.c": ["-Dport_random=native_random", "-Dport_measurement=native_measurement"] },
            crypto: true,
            ...(options.patches === undefined ? {} : { patches: options.patches }),
        });
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-kit-"));
        const file = path.join(folder, "kit");
        await writeFile(file, program, { mode: 0o700 });
        const kit = new KitProcess(spawn(file, [], { stdio: ["pipe", "pipe", "inherit"] }), folder);
        const { deployment, instance, deployerKey, values = new Map() } = options;
        await kit.call(OPERATION.configure, encodeConfiguration({ deployment, instance, deployerKey, values }));
        if (options.measurement !== undefined) await kit.call(OPERATION.measurement, options.measurement);
        if (options.entropy !== undefined) await kit.call(OPERATION.entropy, options.entropy);
        if (options.watched === true) await kit.call(OPERATION.watch, new Uint8Array(0));
        if (options.uninitialized !== true) await kit.enter(0n);
        return kit;
    }

    async stop(): Promise<void> {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            const gone = new Promise((resolve) => this.child.once("exit", resolve));
            this.child.kill("SIGKILL");
            await gone;
        }
        await rm(this.folder, { recursive: true, force: true });
    }

    private call(operation: number, body: Uint8Array): Promise<Buffer> {
        const header = Buffer.alloc(5);
        header.writeUInt32LE(1 + body.length);
        header.writeUInt8(operation, 4);
        return new Promise((resolve, reject) => {
            if (this.child.exitCode !== null || this.child.signalCode !== null) {
                reject(new Error("the kit has ended"));
                return;
            }
            this.waiting.push({ resolve, reject });
            this.child.stdin?.write(Buffer.concat([header, body]));
        });
    }

    entropy(bytes: Uint8Array): Promise<Buffer> {
        return this.call(OPERATION.entropy, bytes);
    }

    /** Accesses of aligned words of eight bytes in the shared region, all others, and the machine code of the first of these. */
    async accesses(): Promise<{ words: number; others: number; first: string }> {
        const seen = await this.call(OPERATION.watched, new Uint8Array(0));
        return { words: seen.readUInt32LE(0), others: seen.readUInt32LE(4), first: seen.subarray(8).toString("hex") };
    }

    entropyFails(fails: boolean): Promise<Buffer> {
        return this.call(OPERATION.entropyFails, Uint8Array.of(Number(fails)));
    }

    /** What the kit would attest now; unlike a challenge this disturbs no session. */
    async status(): Promise<Status> {
        return decodeStatus(Uint8Array.from(await this.call(OPERATION.status, new Uint8Array(0))));
    }

    /** Overwrites bytes of the shared region. */
    poke(offset: number, bytes: Uint8Array): Promise<Buffer> {
        const at = Buffer.alloc(4);
        at.writeUInt32LE(offset);
        return this.call(OPERATION.poke, concat(at, bytes));
    }

    peek(offset: number, length: number): Promise<Buffer> {
        const at = Buffer.alloc(8);
        at.writeUInt32LE(offset);
        at.writeUInt32LE(length, 4);
        return this.call(OPERATION.peek, at);
    }

    /** Puts a record into a ring, as a host would. */
    async put(ring: number, kind: number, argument: number, body: Uint8Array): Promise<void> {
        const head = Buffer.alloc(5);
        head.writeUInt8(ring);
        head.writeUInt16LE(kind, 1);
        head.writeUInt16LE(argument, 3);
        const [done] = await this.call(OPERATION.record, concat(head, body));
        if (done !== 1) throw new Error("the ring is full");
    }

    async enter(reason: bigint, size = 0n): Promise<Entry> {
        const body = Buffer.alloc(16);
        body.writeBigUInt64LE(reason);
        body.writeBigUInt64LE(size, 8);
        const answer = await this.call(OPERATION.enter, body);
        const records = parseRecords(answer.subarray(1));
        this.records.push(...records);
        return { outcome: answer[0] ?? -1, records };
    }

    /** Enters until the kit has nothing more to do at once. */
    async run(): Promise<Entry> {
        const all: Record[] = [];
        for (;;) {
            const { outcome, records } = await this.enter(1n);
            all.push(...records);
            if (outcome !== OUTCOME.more) return { outcome, records: all };
        }
    }

    /** Frames of the events ring: events and requests, without their length prefix. */
    async events(...frames: readonly Uint8Array[]): Promise<Entry> {
        for (const frame of frames) await this.put(RING.events, IN.frame, 0, frame);
        return this.run();
    }

    /** Frames of the control ring: acks and replies. */
    async answers(...frames: readonly Uint8Array[]): Promise<Entry> {
        for (const frame of frames) await this.put(RING.control, IN.frame, 0, frame);
        return this.run();
    }

    async reseal(...frames: readonly Uint8Array[]): Promise<Entry> {
        for (const frame of frames) await this.put(RING.control, IN.reseal, 0, frame);
        return this.run();
    }

    async trigger(endpoint: number): Promise<Entry> {
        await this.put(RING.events, IN.trigger, endpoint, new Uint8Array(0));
        return this.run();
    }

    /** Carries one message of the deployer, as an agent does. */
    async send(type: MessageType, body: Uint8Array): Promise<Reply> {
        const number = MESSAGES.indexOf(type) + 1;
        await this.put(RING.control, IN.message, number, body);
        const { records } = await this.run();
        const reply = records.find((one) => one.kind === OUT.reply && one.argument === number)?.body;
        if (reply === undefined) throw new Error(`no reply to ${type}`);
        if (reply.length === 3 && reply[0] === 0xff) return { type: "refused", code: reply.readUInt16BE(1) };
        // Copies, and no Buffers, whose slice() is a view.
        if (type === "m1") return { type: "m2", body: Uint8Array.from(reply.subarray(0, -64)), evidence: { type: 0, body: Uint8Array.from(reply.subarray(-64)) } };
        return { type: REPLIES[type], body: Uint8Array.from(reply) };
    }
}

/** Bodies of the records of one kind. */
export const bodies = (entry: Entry, kind: number): Buffer[] => entry.records.filter((one) => one.kind === kind).map(({ body }) => body);
/** Why frames were refused. */
export const refusals = (entry: Entry): number[] => entry.records.filter((one) => one.kind === OUT.refused).map(({ argument }) => argument);
/** Lines that the module published. */
export const logs = (entry: Entry): string[] => bodies(entry, OUT.log).map((body) => body.toString());

// A function on a board that waits for a reply: what is processed meanwhile, what ends the wait, and what an attacker's bytes do to it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { packageFolder } from "../../../provider/build/folders";
import { sancusModuleKey, sancusVendorKey } from "../../../provider/crypto/sancus-keys";
import { decodeCompact, openCompact, sealCompact } from "../../../provider/protocol/compact-frame";
import { KIND, type ConnectionKey, type Kind } from "../../../provider/protocol/keys";
import { PURPOSE } from "../../../provider/protocol/m1";
import { encodeUpdate, type TableRecord } from "../../../provider/protocol/records";
import { decodeS2, encodeS1, encodeSancusActivate, provisioningKey, s4, sealS3 } from "../../../provider/protocol/sancus-session";
import { decodeStatus, type Status } from "../../../provider/protocol/status";
import { decodeSancusImage } from "../../../provider/tee/sancus/image";
import { sancus } from "../../../provider/tee/sancus/sancus";
import type { Build } from "../../../provider/tee/tee";
import { TestBoard, type BoardModule, type Output } from "./bridge";
import { IN, INSTANCE, NODE_KEY, OUT, VENDOR } from "./tap";

const DEPLOYMENT = new Uint8Array(16).fill(3);
const CONNECTIONS = { level: [0x101, 2], set: [0x102, 2], halve: [0x103, 3], report: [0x104, 4] } as const;
type Name = keyof typeof CONNECTIONS;
const NAMES = Object.keys(CONNECTIONS) as Name[];
const QUESTION = Uint8Array.of(9, 8, 7, 6);

const kinds = (outputs: readonly Output[]): number[] => outputs.map(({ kind }) => kind);

/** A text that is not empty ends in its padding, of which the last byte says how much there is. */
const padded = (kind: Kind, data: Uint8Array): Uint8Array =>
    kind === KIND.ack ? data : Uint8Array.from([...data, ...data.length % 2 === 0 ? [0, 2] : [1]]);

/** The module of test/portable that asks, on a board, and its deployer and peers. */
class Asking {
    private readonly key32 = new Uint8Array(32);
    private readonly counters: Record<Name, number> = { level: 0, set: 0, halve: 0, report: 0 };

    private constructor(private readonly build: Build, private readonly image: Uint8Array, private readonly moduleKey: Uint8Array, private readonly board: BoardModule) {
        this.key32.set(randomBytes(16));
    }

    static async start(bridge: TestBoard): Promise<Asking> {
        const source = path.join(packageFolder(), "test", "portable", "modules", "asking.c");
        const build = await sancus.build({ name: "asking", sources: [source], board: { security: 128, freshness: "rng", vendorId: VENDOR, slot: 0, devices: {} } });
        const { image } = sancus.finalize(build, { deployment: DEPLOYMENT, instance: INSTANCE, deployerKey: new Uint8Array(32), values: {} });
        const [part] = decodeSancusImage(image).parts;
        if (part === undefined) throw new Error("the image is empty");
        const asking = new Asking(build, image, sancusModuleKey(sancusVendorKey(new Uint8Array(NODE_KEY), VENDOR), part.identity), await bridge.connect());
        await asking.board.open(INSTANCE, asking.image);
        await asking.update(NAMES.map((name) => asking.set(name, 1n, false)));
        return asking;
    }

    /** The record that keys a connection. */
    set(name: Name, epoch: bigint, reset: boolean): TableRecord {
        const [connection, direction] = CONNECTIONS[name];
        const endpoint = this.build.interface.findIndex((one) => one.name === name);
        return { type: "set", connection, endpoint, direction, delivery: 1, suite: 3, reset, window: 4, epoch, key: this.key32.slice(0, 16), firstCounter: epoch === 1n ? 1n : 0n, lastCounter: 0xffff_ffff_ffff_ffffn };
    }

    async attest(purpose: 1 | 2 = PURPOSE.attest): Promise<{ status: Status; nonceD: Uint8Array; nonceM: Uint8Array }> {
        const nonceD = new Uint8Array(randomBytes(16));
        const s1 = encodeS1(this.moduleKey, { purpose, nonceD });
        const [reply] = await this.board.step(IN.message, 1, s1);
        const { nonceM, status } = decodeS2(this.moduleKey, s1, new Uint8Array(reply?.body ?? []));
        return { status: decodeStatus(status), nonceD, nonceM };
    }

    /** A session that changes the table; what its last message left. */
    async update(records: readonly TableRecord[]): Promise<Output[]> {
        const { status, nonceD, nonceM } = await this.attest(PURPOSE.configure);
        const p = provisioningKey(this.moduleKey, nonceD, nonceM);
        const s3 = sealS3(p, nonceD, nonceM, encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records }, 16));
        const outputs = await this.board.step(IN.message, 2, s3);
        return records.some(({ type }) => type === "set") ? this.board.step(IN.message, 3, encodeSancusActivate(p, s4(p, s3))) : outputs;
    }

    private keyOf(name: Name): ConnectionKey {
        return { deployment: DEPLOYMENT, connection: CONNECTIONS[name][0], epoch: 1n, suite: 3, key32: this.key32 };
    }

    /** A frame for the module, under the next counter of its connection unless told. */
    frame(name: Name, kind: Kind, data: Uint8Array, counter = ++this.counters[name]): Uint8Array {
        return sealCompact(this.keyOf(name), kind, counter, padded(kind, data)).subarray(2);
    }

    step(frame: Uint8Array): Promise<Output[]> {
        return this.board.step(IN.frame, 0, frame);
    }

    /** What the frame among these outputs says to the peer of that connection. */
    said(name: Name, outputs: readonly Output[]): number[] | undefined {
        const frame = outputs.find(({ kind, body }) => kind === OUT.frame && body.readUInt16BE(2) === CONNECTIONS[name][0])?.body;
        if (frame === undefined) return undefined;
        const text = openCompact(this.keyOf(name), decodeCompact(Buffer.concat([Buffer.from([frame.length >> 8, frame.length & 255]), frame])));
        return text === undefined ? undefined : [...text.subarray(0, text.length - (text.at(-1) ?? 0))];
    }

    /** What the module reports of itself, without the question: times u16 | half u16 | level u16 | set u8 | answered u8. */
    async report(): Promise<number[] | undefined> {
        return this.said("report", await this.step(this.frame("report", KIND.request, QUESTION)))?.slice(5);
    }

    close(): void {
        this.board.close();
    }
}

describe("a function on a Sancus board that waits for a reply", function () {
    this.timeout(120_000);
    let bridge: TestBoard;
    let asking: Asking;

    beforeEach(async () => {
        bridge = await TestBoard.start(NODE_KEY);
        asking = await Asking.start(bridge);
        const asked = await asking.step(asking.frame("level", KIND.event, Uint8Array.of(2, 1)));
        assert.deepEqual(asking.said("halve", asked), [2, 1]);
        assert.equal(asked.find(({ kind }) => kind === OUT.frame)?.argument, 1, "the host keeps the request until there is a reply");
        assert.ok(!kinds(asked).includes(OUT.processed), "the event is not done");
    });
    afterEach(async () => {
        asking.close();
        await bridge.stop();
    });

    it("goes on with the reply, once, with what it had seen", async () => {
        const reply = asking.frame("halve", KIND.reply, Uint8Array.of(0, 1, 0));
        assert.ok(kinds(await asking.step(reply)).includes(OUT.processed));
        assert.deepEqual(await asking.report(), [0, 1, 1, 0, 2, 1, 0, 1]);
        assert.ok(!kinds(await asking.step(reply)).includes(OUT.processed), "the same reply again does nothing");
        assert.deepEqual(await asking.report(), [0, 1, 1, 0, 2, 1, 0, 1]);
    });

    it("has everything else but sessions wait", async () => {
        const [set, report] = [asking.frame("set", KIND.event, Uint8Array.of(5)), asking.frame("report", KIND.request, QUESTION)];
        for (const waits of [set, report]) assert.deepEqual(kinds(await asking.step(waits)), [OUT.blocked]);
        const { status } = await asking.attest();
        assert.deepEqual(status.connections.filter(({ direction }) => direction === 3).map(({ next, acknowledged }) => [next, acknowledged]), [[2n, 0n]]);
        await asking.update([asking.set("set", 2n, false)]);
        assert.ok(kinds(await asking.step(asking.frame("halve", KIND.reply, Uint8Array.of(0, 1, 0)))).includes(OUT.processed));
        assert.ok(kinds(await asking.step(set)).includes(OUT.processed));
        assert.deepEqual(asking.said("report", await asking.step(report))?.slice(5), [0, 1, 1, 0, 2, 1, 5, 1]);
    });

    it("takes no reply that was altered, cut short, early, or made for something else", async () => {
        const reply = asking.frame("halve", KIND.reply, Uint8Array.of(0, 1, 0));
        const forged = Array.from(reply, (_, at) => Buffer.from(reply).fill((reply[at] ?? 0) ^ 1, at, at + 1));
        const others = [
            reply.subarray(0, reply.length - 2), asking.frame("halve", KIND.reply, Uint8Array.of(0, 1, 0), 2), asking.frame("halve", KIND.ack, new Uint8Array(0), 1),
            asking.frame("halve", KIND.request, Uint8Array.of(2, 1), 1), asking.frame("level", KIND.reply, Uint8Array.of(0, 1, 0), 1),
        ];
        for (const [index, frame] of [...forged, ...others].entries()) {
            assert.ok(!kinds(await asking.step(frame)).includes(OUT.processed), `frame ${index}`);
        }
        assert.ok(kinds(await asking.step(reply)).includes(OUT.processed));
        assert.deepEqual(await asking.report(), [0, 1, 1, 0, 2, 1, 0, 1]);
    });

    it("is told when the handler refuses, lost its state, or is connected no more", async () => {
        const endings: readonly (() => Promise<Output[]>)[] = [
            () => asking.step(asking.frame("halve", KIND.reply, Uint8Array.of(1))),
            () => asking.update([asking.set("halve", 2n, true)]),
            () => asking.update([{ type: "close", connection: CONNECTIONS.halve[0], retire: false }]),
        ];
        for (const [index, end] of endings.entries()) {
            if (index === 2) await asking.step(asking.frame("level", KIND.event, Uint8Array.of(2, 1)));
            if (index === 1) assert.ok(kinds(await asking.step(asking.frame("level", KIND.event, Uint8Array.of(2, 1)))).includes(OUT.frame));
            assert.ok(kinds(await end()).includes(OUT.processed), `ending ${index}`);
            assert.deepEqual(await asking.report(), [0, index + 1, 0, 0, 2, 1, 0, 0]);
        }
    });
});

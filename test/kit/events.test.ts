// Events and acks through the kit: what is accepted, what is refused and why, and what leaves the module.
import assert from "node:assert/strict";
import { DELIVERY, DIRECTION, SUITE } from "../../provider/protocol/status";
import { KIND } from "../../provider/protocol/keys";
import type { SetRecord } from "../../provider/protocol/records";
import { ENDPOINT, type Peer, Rig, altered } from "./deployment";
import { OUT, OUTCOME, RING, bodies, logs, refusals } from "./kit-process";

const REASON = { malformed: 1, unknown: 2, epoch: 3, tag: 4, old: 5, gap: 6, kind: 7, long: 8, inactive: 9 } as const;
const IN = 1;
const OUTGOING = 2;

describe("the kit's events", () => {
    let rig: Rig;
    let input: SetRecord;
    let output: SetRecord;
    let sender: Peer;
    let receiver: Peer;

    const begin = async (change: { input?: Partial<SetRecord>; output?: Partial<SetRecord> } = {}): Promise<void> => {
        rig = await Rig.start();
        input = rig.set(IN, ENDPOINT.input, DIRECTION.receiver, change.input);
        output = rig.set(OUTGOING, ENDPOINT.output, DIRECTION.sender, change.output);
        await rig.configure(input, output);
        [sender, receiver] = [rig.peer(input), rig.peer(output)];
    };
    afterEach(() => rig.kit.stop());

    for (const [name, suite] of [["ChaCha20-Poly1305", SUITE.chacha20Poly1305], ["AES-128-GCM", SUITE.aes128Gcm]] as const) {
        it(`processes an event, acknowledges it and seals its output (${name})`, async () => {
            await begin({ input: { suite }, output: { suite } });
            const entry = await rig.kit.events(sender.seal(1, "hello"));
            assert.equal(entry.outcome, OUTCOME.idle);
            const frames = entry.records.filter(({ kind }) => kind === OUT.frame);
            const [event, ack] = [receiver.open(frames.find((one) => one.argument === 1)!.body), sender.open(frames.find((one) => one.argument === 0)!.body)];
            assert.equal(event?.text, "hello");
            assert.equal(event.frame.counter, 1n);
            assert.equal(ack?.frame.kind, KIND.ack);
            assert.equal(ack.frame.counter, 1n);
            const [processed] = bodies(entry, OUT.processed);
            assert.deepEqual([processed?.readUInt32LE(0), processed?.readBigUInt64LE(4), processed?.readBigUInt64LE(12)], [IN, 1n, 0n]);
        });
    }

    it("acknowledges all events of an entry once", async () => {
        await begin();
        const entry = await rig.kit.events(...[1, 2, 3, 4].map((counter) => sender.seal(counter, "x")));
        const acks = bodies(entry, OUT.frame).flatMap((body) => sender.open(body)?.frame.counter ?? []);
        assert.deepEqual(acks, [4n]);
    });

    it("answers an old frame with the current ack, and never delivers it again", async () => {
        await begin();
        await rig.kit.events(sender.seal(1, "one"), sender.seal(2, "two"));
        const entry = await rig.kit.events(sender.seal(1, "one"));
        assert.deepEqual(refusals(entry), [REASON.old]);
        const frames = bodies(entry, OUT.frame);
        assert.equal(frames.length, 1);
        assert.equal(sender.open(frames[0]!)?.frame.counter, 2n);
    });

    it("refuses a frame that skips one, and then takes the one that was skipped", async () => {
        await begin();
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(2, "two"))), [REASON.gap]);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(1, "one"))), []);
        assert.equal((await rig.connection(IN)).next, 2n);
    });

    const forgeries: readonly (readonly [name: string, reason: number, make: () => Uint8Array])[] = [
        ["an altered ciphertext", REASON.tag, () => altered(sender.seal(1, "hello"), 24)],
        ["an altered tag", REASON.tag, () => altered(sender.seal(1, "hello"), -1)],
        ["an altered counter", REASON.tag, () => altered(sender.seal(3, "hello"), 21)],
        ["an altered version", REASON.malformed, () => altered(sender.seal(1, "hello"), 0)],
        ["an altered epoch", REASON.epoch, () => altered(sender.seal(1, "hello"), 12)],
        ["an unknown connection", REASON.unknown, () => altered(sender.seal(1, "hello"), 4)],
        ["an event that says it is a request", REASON.kind, () => Uint8Array.from(sender.seal(1, "hello"), (byte, at) => (at === 1 ? KIND.request : byte))],
        ["an ack among the events", REASON.kind, () => receiver.ack(1)],
        ["a frame of another connection's key", REASON.tag, () => rig.peer({ ...input, key: output.key }).seal(1, "hello")],
        ["a frame of another deployment", REASON.tag, () => { const { key } = sender; return new (sender.constructor as typeof Peer)({ ...key, deployment: new Uint8Array(16) }).seal(1, "hello"); }],
        ["an ack sealed as an event", REASON.tag, () => Uint8Array.from(sender.ack(1), (byte, at) => (at === 1 ? KIND.event : byte))],
        ["more than the input takes", REASON.long, () => sender.seal(1, "x".repeat(65))],
        ["a frame cut short", REASON.tag, () => sender.seal(1, "hello").subarray(0, -1)],
        ["less than a frame of its suite", REASON.tag, () => sender.seal(1, "").subarray(0, -1)],
        ["less than any frame", REASON.malformed, () => sender.seal(1, "").subarray(0, -9)],
        ["counter 0", REASON.malformed, () => Uint8Array.from(sender.seal(1, "hello"), (byte, at) => (at === 21 ? 0 : byte))],
        ["the last counter of all", REASON.malformed, () => Uint8Array.from(sender.seal(1, "hello"), (byte, at) => (at >= 14 && at < 22 ? 255 : byte))],
        ["nothing", REASON.malformed, () => new Uint8Array(0)],
    ];
    for (const [name, reason, make] of forgeries) {
        it(`refuses ${name}, and the stream goes on`, async () => {
            await begin();
            const entry = await rig.kit.events(make());
            assert.deepEqual(refusals(entry), [reason]);
            assert.equal(bodies(entry, OUT.frame).length, 0);
            assert.deepEqual(refusals(await rig.kit.events(sender.seal(1, "hello"))), []);
        });
    }

    it("refuses a ciphertext under the header of another connection", async () => {
        rig = await Rig.start();
        const [a, b] = [rig.set(1, ENDPOINT.input, DIRECTION.receiver), rig.set(2, ENDPOINT.input, DIRECTION.receiver)];
        await rig.configure(a, b);
        const spliced = Buffer.concat([rig.peer(b).seal(1, "hello").subarray(0, 22), rig.peer(a).seal(1, "hello").subarray(22)]);
        assert.deepEqual(refusals(await rig.kit.events(spliced)), [REASON.tag]);
    });

    it("takes no events before the connection is activated, unless they show that the sender was", async () => {
        rig = await Rig.start();
        input = rig.set(IN, ENDPOINT.input, DIRECTION.receiver);
        assert.equal((await rig.propose([input])).refused, undefined);
        assert.deepEqual(refusals(await rig.kit.events(rig.peer({ ...input, epoch: 2n }).seal(1, "x"))), [REASON.inactive]);
        assert.deepEqual(refusals(await rig.kit.events(altered(rig.peer(input).seal(1, "x"), 24))), [REASON.tag]);
        assert.equal((await rig.connection(IN)).flags, 2);
        assert.deepEqual(refusals(await rig.kit.events(rig.peer(input).seal(1, "x"))), []);
        assert.equal((await rig.connection(IN)).flags, 1);
    });

    it("emits nothing on a connection that is not activated", async () => {
        rig = await Rig.start();
        assert.equal((await rig.propose([rig.set(OUTGOING, ENDPOINT.output, DIRECTION.sender)])).refused, undefined);
        const entry = await rig.kit.trigger(ENDPOINT.entry);
        assert.deepEqual(logs(entry), ["result -03"]);
        assert.equal(bodies(entry, OUT.frame).length, 0);
    });

    it("keeps events waiting while a window is full, and goes on with the ack", async () => {
        await begin({ output: { window: 2 } });
        const frames = [1, 2, 3, 4].map((counter) => sender.seal(counter, String(counter)));
        const first = await rig.kit.events(...frames);
        assert.equal(first.outcome, OUTCOME.blocked);
        assert.deepEqual(bodies(first, OUT.frame).flatMap((body) => receiver.open(body)?.text ?? []), ["1", "2"]);
        const full = await rig.kit.run();
        assert.equal(full.outcome, OUTCOME.blocked);
        const second = await rig.kit.answers(receiver.ack(1));
        assert.deepEqual(bodies(second, OUT.acknowledged).map((body) => body.readBigUInt64LE(4)), [1n]);
        assert.deepEqual(bodies(second, OUT.frame).flatMap((body) => receiver.open(body)?.text ?? []), ["3"]);
        assert.equal((await rig.kit.answers(receiver.ack(3))).outcome, OUTCOME.idle);
    });

    it("tells a trigger that a window is full", async () => {
        await begin({ output: { window: 1 } });
        assert.deepEqual(bodies(await rig.kit.trigger(ENDPOINT.entry), OUT.triggered).map(([result]) => result), [0]);
        const full = await rig.kit.trigger(ENDPOINT.entry);
        assert.deepEqual(bodies(full, OUT.triggered).map(([result]) => result), [1]);
        assert.equal(bodies(full, OUT.frame).length, 0);
    });

    const acks: readonly (readonly [name: string, reason: number, make: () => Uint8Array])[] = [
        ["a forged ack", REASON.tag, () => altered(receiver.ack(1), -1)],
        ["an ack for what was not sent", REASON.gap, () => receiver.ack(2)],
        ["an ack of another connection", REASON.tag, () => rig.peer({ ...output, key: input.key }).ack(1)],
        ["an ack for the receiver's side", REASON.kind, () => sender.ack(1)],
        ["an event among the acks", REASON.kind, () => receiver.seal(1, "x")],
        ["an ack with a byte more", REASON.tag, () => Buffer.concat([receiver.ack(1), Buffer.of(0)])],
        ["an event sealed as an ack", REASON.tag, () => Uint8Array.from(receiver.seal(1, ""), (byte, at) => (at === 1 ? KIND.ack : byte))],
        ["an ack of another epoch", REASON.epoch, () => rig.peer({ ...output, epoch: 2n }).ack(1)],
    ];
    for (const [name, reason, make] of acks) {
        it(`refuses ${name}: the window stays closed`, async () => {
            await begin({ output: { window: 1 } });
            await rig.kit.events(sender.seal(1, "one"));
            assert.deepEqual(refusals(await rig.kit.answers(make())), [reason]);
            assert.equal((await rig.kit.events(sender.seal(2, "two"))).outcome, OUTCOME.blocked);
            assert.equal((await rig.connection(OUTGOING)).acknowledged, 0n);
        });
    }

    it("lets an output emit no more than its declared burst", async () => {
        await begin();
        const burst = rig.set(3, ENDPOINT.burst, DIRECTION.sender);
        await rig.configure(burst);
        const entry = await rig.kit.events(sender.seal(1, "b"));
        assert.deepEqual(logs(entry), ["result +00", "result +00", "result +00", "result -02"]);
        assert.equal(bodies(entry, OUT.frame).filter((body) => rig.peer(burst).open(body) !== undefined).length, 3);
        assert.equal((await rig.kit.events(sender.seal(2, "x"))).outcome, OUTCOME.blocked, "a burst of 3 does not fit a window of 4 with 3 in flight");
    });

    it("refuses a window that the burst does not fit", async () => {
        await begin();
        assert.equal((await rig.propose([rig.set(3, ENDPOINT.burst, DIRECTION.sender, { window: 2 })])).refused, 8);
    });

    it("refuses an output longer than declared, and one without a connection", async () => {
        await begin();
        assert.deepEqual(logs(await rig.kit.events(sender.seal(1, "l"))), ["result -01"]);
        await rig.configure({ type: "close", connection: OUTGOING, retire: false });
        assert.deepEqual(logs(await rig.kit.events(sender.seal(2, "x"))), ["result -03"]);
    });

    it("emits on every connection of an output, or on none", async () => {
        await begin({ output: { window: 1 } });
        const other = rig.set(4, ENDPOINT.output, DIRECTION.sender);
        await rig.configure(other);
        const entry = await rig.kit.events(sender.seal(1, "x"), sender.seal(2, "y"));
        assert.equal(entry.outcome, OUTCOME.blocked);
        assert.deepEqual(bodies(entry, OUT.frame).flatMap((body) => receiver.open(body)?.text ?? []), ["x"]);
        assert.deepEqual(bodies(entry, OUT.frame).flatMap((body) => rig.peer(other).open(body)?.text ?? []), ["x"]);
    });

    it("takes any later frame of a latest connection, and shows and counts the gap", async () => {
        await begin({ input: { delivery: DELIVERY.latest } });
        const about = async (counter: number): Promise<Buffer> => {
            const entry = await rig.kit.events(sender.seal(counter, "e"));
            assert.equal(bodies(entry, OUT.frame).filter((body) => sender.open(body) !== undefined).length, 0, "latest frames are not acknowledged");
            return Buffer.from(receiver.open(bodies(entry, OUT.frame)[0]!)!.text, "latin1");
        };
        assert.equal((await about(1)).readBigUInt64LE(14), 0n);
        const skipped = await about(5);
        assert.deepEqual([skipped[0], skipped.readUInt32LE(2), skipped.readBigUInt64LE(6), skipped.readBigUInt64LE(14)], [1, IN, 5n, 3n]);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "e"))), [REASON.old]);
        const { gaps, next } = await rig.connection(IN);
        assert.deepEqual([gaps, next], [3n, 6n]);
    });

    it("never waits for a latest output", async () => {
        await begin({ output: { delivery: DELIVERY.latest, window: 1 } });
        const entry = await rig.kit.events(sender.seal(1, "x"), sender.seal(2, "y"), sender.seal(3, "z"));
        assert.equal(entry.outcome, OUTCOME.idle);
        assert.deepEqual(entry.records.filter((one) => one.kind === OUT.frame && one.argument === 1), [], "the host does not keep latest frames");
    });

    it("tells authentic events from triggers", async () => {
        await begin();
        const open = (body: Buffer): Buffer => Buffer.from(receiver.open(body)!.text, "latin1");
        assert.equal(open(bodies(await rig.kit.events(sender.seal(1, "e")), OUT.frame)[0]!)[0], 1);
        assert.equal(open(bodies(await rig.kit.trigger(ENDPOINT.entry), OUT.frame)[0]!).length, 0);
    });

    it("writes a device only while it is granted", async () => {
        await begin();
        const { incarnation } = await rig.status();
        assert.deepEqual(logs(await rig.kit.events(sender.seal(1, "d"))), ["result -09"]);
        await rig.configure(rig.grant(ENDPOINT.device, incarnation));
        await rig.kit.poke(512 + 4 * ENDPOINT.device, Uint8Array.of(41, 0, 0, 0));
        const granted = await rig.kit.events(sender.seal(2, "d"));
        assert.deepEqual(granted.records.filter(({ kind }) => kind === OUT.device).map(({ argument, body }) => [argument, body.readUInt32LE()]), [[ENDPOINT.device, 42]]);
        await rig.configure({ type: "revoke", endpoint: ENDPOINT.device });
        const revoked = await rig.kit.events(sender.seal(3, "d"));
        assert.deepEqual([logs(revoked), bodies(revoked, OUT.device).length], [["result -09"], 0]);
    });

    it("carries events of 64 KiB and no more", async () => {
        rig = await Rig.start();
        const [bulk, large] = [rig.set(1, ENDPOINT.bulk, DIRECTION.receiver), rig.set(2, ENDPOINT.large, DIRECTION.sender)];
        await rig.configure(bulk, large);
        const text = "y".repeat(65_536);
        const entry = await rig.kit.events(rig.peer(bulk).seal(1, text));
        assert.equal(rig.peer(large).open(bodies(entry, OUT.frame).find((body) => body.length > 1000)!)?.text, text);
        assert.deepEqual(refusals(await rig.kit.events(Buffer.concat([rig.peer(bulk).seal(2, text), Buffer.of(0)]))), [REASON.malformed]);
    });

    it("puts frames and acks of its own only where they belong", async () => {
        await begin();
        const entry = await rig.kit.events(sender.seal(1, "x"));
        for (const { argument, body } of entry.records.filter(({ kind }) => kind === OUT.frame)) assert.equal(argument, sender.open(body) === undefined ? 1 : 0);
        await rig.kit.put(RING.events, 2, 0, receiver.ack(1));
        assert.deepEqual(refusals(await rig.kit.run()), [REASON.kind]);
    });
});

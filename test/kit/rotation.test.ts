// New epochs, retired and restarted ends, and closed connections, as the kit sees them.
import assert from "node:assert/strict";
import { DIRECTION, FLAG } from "../../provider/protocol/status";
import type { SetRecord } from "../../provider/protocol/records";
import { ENDPOINT, type Peer, Rig, altered } from "./deployment";
import { OUT, OUTCOME, bodies, refusals } from "./kit-process";

const REASON = { epoch: 3, tag: 4, old: 5, gap: 6, inactive: 9 } as const;
const IN = 1;
const OUTGOING = 2;

describe("the kit's epochs", () => {
    let rig: Rig;
    let input: SetRecord;
    let output: SetRecord;
    let sender: Peer;
    let receiver: Peer;
    let sent: Buffer[];

    /** Keys both connections, lets three events through and keeps the frames they caused. */
    beforeEach(async () => {
        rig = await Rig.start();
        input = rig.set(IN, ENDPOINT.input, DIRECTION.receiver, { window: 8 });
        output = rig.set(OUTGOING, ENDPOINT.output, DIRECTION.sender, { window: 8 });
        await rig.configure(input, output);
        [sender, receiver] = [rig.peer(input), rig.peer(output)];
        const entry = await rig.kit.events(...[1, 2, 3].map((counter) => sender.seal(counter, `packet ${counter}`)));
        sent = bodies(entry, OUT.frame).filter((body) => receiver.open(body) !== undefined);
        assert.equal(sent.length, 3);
    });
    afterEach(() => rig.kit.stop());

    const rotateOutput = async (change: Partial<SetRecord> = {}): Promise<Peer> => {
        const next = await rig.rotate(OUTGOING, change);
        await rig.configure(next);
        return rig.peer(next);
    };

    it("asks for the unacknowledged frames and seals each once under the new epoch", async () => {
        await rig.kit.answers(receiver.ack(1));
        const next = await rotateOutput();
        const [wanted] = rig.kit.records.filter(({ kind }) => kind === OUT.reseal);
        assert.deepEqual([wanted?.body.readUInt32LE(0), wanted?.body.readBigUInt64LE(4), wanted?.body.readBigUInt64LE(12)], [OUTGOING, 2n, 3n]);
        const entry = await rig.kit.reseal(sent[1]!, sent[2]!);
        assert.deepEqual(refusals(entry), []);
        assert.deepEqual(bodies(entry, OUT.frame).map((body) => { const opened = next.open(body); return [opened?.text, opened?.frame.counter]; }), [["packet 2", 2n], ["packet 3", 3n]]);
    });

    it("re-seals nothing twice, nothing out of order, nothing altered and nothing of the new epoch", async () => {
        const next = await rotateOutput();
        assert.deepEqual(refusals(await rig.kit.reseal(sent[1]!)), [REASON.gap]);
        assert.deepEqual(refusals(await rig.kit.reseal(altered(sent[0]!, 24))), [REASON.tag]);
        const first = await rig.kit.reseal(sent[0]!);
        assert.deepEqual(refusals(await rig.kit.reseal(sent[0]!)), [REASON.old]);
        assert.deepEqual(refusals(await rig.kit.reseal(bodies(first, OUT.frame)[0]!)), [REASON.epoch]);
        assert.equal(next.open(bodies(first, OUT.frame)[0]!)?.text, "packet 1");
    });

    it("takes acks of the old epoch for old frames only, until the last of them is acknowledged", async () => {
        const next = await rotateOutput();
        const entry = await rig.kit.events(sender.seal(4, "packet 4"));
        assert.equal(next.open(bodies(entry, OUT.frame).find((body) => next.open(body) !== undefined)!)?.frame.counter, 4n);
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(4))), [REASON.epoch]);
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(3))), []);
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(3))), [REASON.epoch], "the old epoch is over");
        assert.deepEqual(refusals(await rig.kit.answers(next.ack(4))), []);
        assert.equal((await rig.connection(OUTGOING)).acknowledged, 4n);
    });

    it("takes no acks of the old epoch beyond the set record's lastCounter", async () => {
        await rotateOutput({ lastCounter: 1n });
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(2))), [REASON.epoch]);
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(1))), []);
    });

    it("does not take an ack of a pending epoch for its activation", async () => {
        const next = await rig.rotate(OUTGOING);
        assert.equal((await rig.propose([next])).refused, undefined);
        assert.deepEqual(refusals(await rig.kit.answers(rig.peer(next).ack(3))), [REASON.epoch]);
        assert.equal((await rig.connection(OUTGOING)).epoch, 1n);
    });

    it("refuses to activate while frames of the epoch before are still to be re-sealed", async () => {
        await rotateOutput();
        const again = await rig.propose([await rig.rotate(OUTGOING)]);
        assert.ok(again.refused === undefined);
        assert.deepEqual(await rig.kit.send("activate", again.activate), { type: "refused", code: 13 });
        await rig.kit.reseal(...sent);
        assert.equal((await rig.kit.send("activate", again.activate)).type, "activated");
    });

    it("drains the old epoch of a receiver until a frame of the new one is accepted", async () => {
        const next = await rig.rotate(IN);
        await rig.configure(next);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "old epoch"))), []);
        const acks = rig.kit.records.filter(({ kind, body }) => kind === OUT.frame && sender.open(body)?.frame.counter === 4n);
        assert.equal(acks.length, 1, "an ack under the epoch of the frame that it answers");
        assert.deepEqual(refusals(await rig.kit.events(rig.peer(next).seal(5, "new epoch"))), []);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(6, "old epoch"))), [REASON.epoch]);
    });

    it("closes the old epoch of a receiver at lastCounter", async () => {
        const next = await rig.rotate(IN, { lastCounter: 4n });
        await rig.configure(next);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "last"))), []);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(5, "too late"))), [REASON.epoch]);
    });

    it("closes the old epoch of a receiver at once where it was compromised", async () => {
        const next = await rig.rotate(IN, { lastCounter: 3n });
        await rig.configure(next);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "old epoch"))), [REASON.epoch]);
        assert.deepEqual(refusals(await rig.kit.events(rig.peer(next).seal(4, "new epoch"))), []);
    });

    it("activates a receiver by data of the pending epoch", async () => {
        const next = await rig.rotate(IN);
        const proposed = await rig.propose([next]);
        assert.deepEqual(refusals(await rig.kit.events(rig.peer(next).seal(4, "x"))), []);
        assert.equal((await rig.connection(IN)).epoch, 2n);
        assert.ok(proposed.refused === undefined);
    });

    it("answers the same Activate with the same bytes, and counts what data has activated as done", async () => {
        const next = await rig.rotate(IN);
        const proposed = await rig.propose([next]);
        assert.ok(proposed.refused === undefined);
        await rig.kit.events(rig.peer(next).seal(4, "x"));
        for (let i = 0; i < 2; i++) {
            const reply = await rig.kit.send("activate", proposed.activate);
            assert.ok(reply.type === "activated");
            assert.deepEqual(Buffer.from(reply.body), Buffer.from(proposed.expected));
        }
    });

    const refused: readonly (readonly [name: string, change: (record: SetRecord) => Partial<SetRecord>])[] = [
        ["an epoch that is not greater", () => ({ epoch: 1n })],
        ["an epoch that is not greater than the pending one", () => ({ epoch: 2n })],
        ["an epoch more than 2^32 ahead", () => ({ epoch: 2n + (1n << 32n) + 1n })],
        ["another endpoint", () => ({ endpoint: ENDPOINT.burst })],
        ["another direction", () => ({ direction: DIRECTION.receiver })],
        ["another delivery", () => ({ delivery: 2 })],
        ["a first counter for a record that exists", () => ({ firstCounter: 9n })],
    ];
    for (const [name, change] of refused) {
        it(`refuses ${name}`, async () => {
            assert.equal((await rig.propose([await rig.rotate(OUTGOING)])).refused, undefined);
            const record = await rig.rotate(OUTGOING, { epoch: 3n });
            assert.equal((await rig.propose([{ ...record, ...change(record) }])).refused, 8);
            assert.equal((await rig.propose([record])).refused, undefined, "the record itself is good");
        });
    }

    it("leaves a connection untouched while its M3 is not activated, and after one that was refused", async () => {
        const before = await rig.connection(OUTGOING);
        const record = await rig.rotate(OUTGOING);
        assert.equal((await rig.propose([record, { type: "close", connection: 99, retire: false }])).refused, 8);
        assert.deepEqual(await rig.connection(OUTGOING), before);
        assert.equal((await rig.propose([record])).refused, undefined);
        const { pendingEpoch, flags, ...rest } = await rig.connection(OUTGOING);
        assert.deepEqual([pendingEpoch, flags, rest.epoch, rest.next], [2n, FLAG.active | FLAG.pending, 1n, 4n]);
    });

    it("emits and accepts nothing on retired connections, keeps their counters, and goes on after the restart", async () => {
        await rig.kit.answers(receiver.ack(1));
        await rig.configure({ type: "close", connection: IN, retire: true }, { type: "close", connection: OUTGOING, retire: true });
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(2))), [REASON.inactive]);
        assert.deepEqual(bodies(await rig.kit.trigger(ENDPOINT.entry), OUT.triggered).map(([result]) => result), [1], "an output waits for its new peer");
        const [a, b] = [await rig.connection(IN), await rig.connection(OUTGOING)];
        assert.deepEqual([a.flags, a.next, b.flags, b.next, b.acknowledged], [FLAG.retired, 4n, FLAG.retired, 4n, 1n]);

        const [again, onward] = [await rig.rotate(IN, { reset: true }), await rig.rotate(OUTGOING, { reset: true })];
        await rig.configure(again, onward);
        const resealed = await rig.kit.reseal(sent[1]!, sent[2]!);
        assert.deepEqual(bodies(resealed, OUT.frame).map((body) => rig.peer(onward).open(body)?.text), ["packet 2", "packet 3"]);
        assert.deepEqual(refusals(await rig.kit.answers(receiver.ack(2))), [REASON.epoch], "keys of before the retirement open nothing");
        const about = Buffer.from(rig.peer(onward).open(bodies(await rig.kit.events(rig.peer(again).seal(4, "e")), OUT.frame).find((body) => rig.peer(onward).open(body) !== undefined)!)!.text, "latin1");
        assert.equal(about[1], 1, "the module sees the reset");
        const later = Buffer.from(rig.peer(onward).open(bodies(await rig.kit.events(rig.peer(again).seal(5, "e")), OUT.frame).find((body) => rig.peer(onward).open(body) !== undefined)!)!.text, "latin1");
        assert.equal(later[1], 0, "once");
    });

    it("loses no frame of a sender that is retired in the middle of re-sealing", async () => {
        const second = await rotateOutput();
        const [one] = bodies(await rig.kit.reseal(sent[0]!), OUT.frame);
        await rig.configure({ type: "close", connection: OUTGOING, retire: true });
        const third = await rig.rotate(OUTGOING, { reset: true });
        const proposed = await rig.propose([third]);
        assert.ok(proposed.refused === undefined);
        assert.deepEqual(await rig.kit.send("activate", proposed.activate), { type: "refused", code: 13 });
        const rest = bodies(await rig.kit.reseal(sent[1]!, sent[2]!), OUT.frame);
        assert.equal((await rig.kit.send("activate", proposed.activate)).type, "activated");
        const again = bodies(await rig.kit.reseal(one!, ...rest), OUT.frame);
        assert.deepEqual(again.map((body) => rig.peer(third).open(body)?.text), ["packet 1", "packet 2", "packet 3"]);
        assert.ok(second.key.epoch === 2n);
    });

    it("refuses events of a retired connection", async () => {
        await rig.configure({ type: "close", connection: IN, retire: true });
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "x"))), [REASON.inactive]);
    });

    it("forgets a closed connection, and tells the host", async () => {
        await rig.configure({ type: "close", connection: IN, retire: false });
        assert.equal(rig.kit.records.some(({ kind, argument, body }) => kind === OUT.connection && argument === 3 && body.readUInt32LE() === IN), true);
        assert.deepEqual(refusals(await rig.kit.events(sender.seal(4, "x"))), [2]);
        assert.deepEqual((await rig.status()).connections.map(({ connection }) => connection), [OUTGOING]);
    });

    it("erases its keys when a function faults or takes too long, and says so", async () => {
        await rig.kit.events(sender.seal(4, "x"));
        const entry = await rig.kit.enter(2n, 2n);
        assert.equal(entry.outcome, OUTCOME.failed);
        assert.deepEqual(entry.records.filter(({ kind }) => kind === OUT.failed).map(({ argument }) => argument), [2]);
        const status = await rig.status();
        assert.deepEqual([status.state, status.connections.length], [4, 0]);
        assert.equal((await rig.propose([input])).refused, 10);
        assert.equal((await rig.kit.events(sender.seal(5, "x"))).outcome, OUTCOME.failed);
    });
});

// Hand-over between two kits: what moves, what is refused, and that a release cannot be undone or redirected.
import assert from "node:assert/strict";
import { concat } from "../../provider/protocol/bytes";
import { acceptReceipt, encodeAbort, encodeAborted, encodeAccept, encodePrepare, encodeRelease, type Prepare } from "../../provider/protocol/hand-over";
import { PURPOSE } from "../../provider/protocol/m1";
import { sign } from "../../provider/protocol/signature";
import { DIRECTION } from "../../provider/protocol/status";
import type { SetRecord } from "../../provider/protocol/records";
import { ENDPOINT, type Peer, Rig, type Session, altered } from "./deployment";
import { OUT, OUTCOME, bodies, refusals } from "./kit-process";

const IN = 1;
const OUTGOING = 2;
const HANDLER = 4;
const refused = (code: number): { type: "refused"; code: number } => ({ type: "refused", code });

describe("the kit's hand-over", () => {
    let old: Rig;
    let next: Rig;
    let sender: Peer;
    let receiver: Peer;
    let asker: Peer;
    let output: SetRecord;
    let reply: Buffer;

    beforeEach(async () => {
        old = await Rig.start();
        next = await Rig.start({}, old);
        const [input, handler] = [old.set(IN, ENDPOINT.input, DIRECTION.receiver), old.set(HANDLER, ENDPOINT.handler, DIRECTION.handler)];
        output = old.set(OUTGOING, ENDPOINT.output, DIRECTION.sender);
        await old.configure(input, output, handler, old.set(9, ENDPOINT.input, DIRECTION.deployer));
        [sender, receiver, asker] = [old.peer(input), old.peer(output), old.peer(handler)];
        await old.kit.events(sender.seal(1, "s one"));
        [reply] = bodies(await old.kit.events(asker.seal(1, "abc")), OUT.frame) as [Buffer];
    });
    afterEach(async () => {
        await old.kit.stop();
        await next.kit.stop();
    });

    /** Sessions with both, and the Prepare that names them. */
    const sessions = async (change: Partial<Prepare> = {}): Promise<{ prepare: Uint8Array; h: Uint8Array; target: Session }> => {
        const [source, target] = [await old.challenge(PURPOSE.handOver), await next.challenge(PURPOSE.handOver)];
        const prepare = encodePrepare({
            h: source.nonceM, oldIncarnation: source.status.incarnation, oldMeasurement: old.measurement, newIncarnation: target.status.incarnation, newMeasurement: next.measurement,
            targetHash: target.hash, targetKey: target.pkE, schema: 3, ...change,
        }, old.secretKey);
        return { prepare, h: change.h ?? source.nonceM, target };
    };

    const bytesOf = async (rig: Rig, type: "prepare" | "release" | "abort" | "accept", message: Uint8Array): Promise<Uint8Array> => {
        const answer = await rig.kit.send(type, message);
        assert.ok(answer.type !== "refused", `${type} was refused with ${"code" in answer ? answer.code : 0}`);
        return answer.body;
    };

    it("moves state, counters, keys and cached replies, and ends the old instance", async () => {
        const { prepare, h, target } = await sessions();
        const state = await bytesOf(old, "prepare", prepare);
        assert.deepEqual(await bytesOf(old, "prepare", prepare), state, "the same Prepare, the same bytes");
        assert.equal((await old.kit.events(sender.seal(2, "x"))).outcome, OUTCOME.blocked);
        const release = encodeRelease({ h, targetHash: target.hash }, old.secretKey);
        const released = await bytesOf(old, "release", release);
        assert.deepEqual(await bytesOf(old, "release", release), released);
        const accept = encodeAccept({ prepare, release, released, state });
        assert.deepEqual(Buffer.from(await bytesOf(next, "accept", accept)), Buffer.from(acceptReceipt(accept)));

        const status = await next.status();
        assert.deepEqual(status.connections.map(({ connection, next: counter, acknowledged, flags }) => [connection, counter, acknowledged, flags]), [[IN, 2n, 1n, 1], [OUTGOING, 2n, 0n, 1], [HANDLER, 2n, 1n, 1], [9, 1n, 0n, 1]]);
        const entry = await next.kit.events(sender.seal(2, "s two"));
        const memory = Buffer.from(bodies(entry, OUT.frame).map((body) => receiver.open(body)?.text).find((text) => text !== undefined) ?? "", "latin1");
        assert.deepEqual([memory.readBigUInt64LE(0), memory.readBigUInt64LE(8)], [2n, 10n], "events and bytes counted over both lives");
        assert.deepEqual(bodies(await next.kit.events(asker.seal(1, "abc")), OUT.frame), [reply]);
        assert.deepEqual(refusals(await next.kit.answers(receiver.ack(2))), []);

        const dead = await old.status();
        assert.deepEqual([dead.state, dead.connections.length], [3, 0]);
        assert.deepEqual(await old.kit.send("abort", encodeAbort(h, old.secretKey)), refused(12));
        assert.deepEqual(await next.kit.send("accept", accept), refused(12), "once");
    });

    it("goes on as before after an abort, and releases nothing for that hand-over any more", async () => {
        const { prepare, h, target } = await sessions();
        await bytesOf(old, "prepare", prepare);
        assert.equal((await old.propose([])).refused, 12);
        assert.deepEqual(refusals(await old.kit.answers(receiver.ack(1))), [9], "nothing changes while prepared");
        assert.deepEqual(Buffer.from(await bytesOf(old, "abort", encodeAbort(h, old.secretKey))), Buffer.from(encodeAborted(h)));
        assert.deepEqual(await old.kit.send("release", encodeRelease({ h, targetHash: target.hash }, old.secretKey)), refused(12));
        await old.challenge(PURPOSE.handOver);
        assert.deepEqual(await old.kit.send("prepare", prepare), refused(4));
        assert.deepEqual(refusals(await old.kit.events(sender.seal(2, "x"))), []);
        assert.equal((await old.status()).state, 1);
    });

    const prepares: readonly (readonly [name: string, code: number, change: () => Partial<Prepare>])[] = [
        ["of another session", 4, () => ({ h: new Uint8Array(32) })],
        ["for another incarnation", 7, () => ({ oldIncarnation: new Uint8Array(16) })],
        ["for another measurement", 7, () => ({ oldMeasurement: new Uint8Array(32) })],
        ["of another schema", 12, () => ({ schema: 4 })],
    ];
    for (const [name, code, change] of prepares) {
        it(`refuses a Prepare ${name}`, async () => {
            const { prepare } = await sessions(change());
            assert.deepEqual(await old.kit.send("prepare", prepare), refused(code));
            assert.equal((await old.status()).state, 1);
        });
    }

    it("refuses a Prepare that the deployer did not sign, that is cut, or that comes outside of a hand-over session", async () => {
        const { prepare } = await sessions();
        assert.deepEqual(await old.kit.send("prepare", altered(prepare, -1)), refused(2));
        assert.deepEqual(await old.kit.send("prepare", prepare.subarray(1)), refused(1));
        await old.challenge(PURPOSE.attest);
        assert.deepEqual(await old.kit.send("prepare", prepare), refused(5));
    });

    it("refuses a Prepare while frames are being re-sealed", async () => {
        await old.configure(await old.rotate(OUTGOING));
        const { prepare } = await sessions();
        assert.deepEqual(await old.kit.send("prepare", prepare), refused(13));
    });

    it("releases for the prepared target only, on the deployer's signature", async () => {
        const { prepare, h, target } = await sessions();
        await bytesOf(old, "prepare", prepare);
        assert.deepEqual(await old.kit.send("release", encodeRelease({ h, targetHash: new Uint8Array(32) }, old.secretKey)), refused(12));
        assert.deepEqual(await old.kit.send("release", encodeRelease({ h: new Uint8Array(32), targetHash: target.hash }, old.secretKey)), refused(12));
        assert.deepEqual(await old.kit.send("release", altered(encodeRelease({ h, targetHash: target.hash }, old.secretKey), -1)), refused(2));
        assert.deepEqual(await old.kit.send("abort", altered(encodeAbort(h, old.secretKey), -1)), refused(2));
        assert.deepEqual(await old.kit.send("abort", encodeAbort(new Uint8Array(32), old.secretKey)), refused(12));
        assert.equal((await old.status()).state, 2);
    });

    const accepts: readonly (readonly [name: string, code: number, make: (parts: { prepare: Uint8Array; release: Uint8Array; released: Uint8Array; state: Uint8Array }) => Uint8Array])[] = [
        ["whose Prepare is not signed", 2, (parts) => encodeAccept({ ...parts, prepare: altered(parts.prepare, -1) })],
        ["whose Release is not signed", 2, (parts) => encodeAccept({ ...parts, release: altered(parts.release, -1) })],
        ["whose state key is altered", 6, (parts) => encodeAccept({ ...parts, released: altered(parts.released, -1) })],
        ["whose state is altered", 6, (parts) => encodeAccept({ ...parts, state: altered(parts.state, -1) })],
        ["whose state says another hand-over", 12, (parts) => encodeAccept({ ...parts, state: altered(parts.state, 6) })],
        ["whose state is cut", 1, (parts) => encodeAccept({ ...parts, state: parts.state.subarray(0, -1) })],
        ["that is cut short", 1, (parts) => encodeAccept(parts).subarray(0, 400)],
    ];
    for (const [name, code, make] of accepts) {
        it(`refuses an Accept ${name}`, async () => {
            const { prepare, h, target } = await sessions();
            const state = await bytesOf(old, "prepare", prepare);
            const release = encodeRelease({ h, targetHash: target.hash }, old.secretKey);
            const released = await bytesOf(old, "release", release);
            const parts = { prepare, release, released, state };
            assert.deepEqual(await next.kit.send("accept", make(parts)), refused(code));
            assert.equal((await bytesOf(next, "accept", encodeAccept(parts))).length, 32, "the genuine one still is accepted");
        });
    }

    it("refuses an Accept in another session, in another incarnation and after a configuration", async () => {
        const { prepare, h, target } = await sessions();
        const state = await bytesOf(old, "prepare", prepare);
        const release = encodeRelease({ h, targetHash: target.hash }, old.secretKey);
        const accept = encodeAccept({ prepare, release, released: await bytesOf(old, "release", release), state });
        await next.challenge(PURPOSE.handOver);
        assert.deepEqual(await next.kit.send("accept", accept), refused(4));
        await next.configure(next.set(5, ENDPOINT.input, DIRECTION.deployer));
        await next.challenge(PURPOSE.handOver);
        assert.deepEqual(await next.kit.send("accept", accept), refused(12));
    });

    it("does not take another type's signature", async () => {
        const { prepare, h } = await sessions();
        const body = prepare.subarray(0, -64);
        assert.deepEqual(await old.kit.send("prepare", concat(body, sign("release", body, old.secretKey))), refused(2));
        assert.equal(h.length, 32);
    });
});

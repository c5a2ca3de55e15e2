// Hand-over between two kits: what moves, what is refused, and that a release cannot be undone or redirected.
import assert from "node:assert/strict";
import { concat } from "../../provider/protocol/bytes";
import { sealState } from "../../provider/protocol/exported-state";
import { CONFIRMATION_LENGTH, encodeAbort, encodeAborted, encodeAccept, encodeOffer, encodeRelease, makePrepare, receipt, stateConfirmation, type Prepare } from "../../provider/protocol/hand-over";
import { PURPOSE } from "../../provider/protocol/m1";
import { sign } from "../../provider/protocol/signature";
import { DIRECTION } from "../../provider/protocol/status";
import type { SetRecord } from "../../provider/protocol/records";
import { ENDPOINT, type Peer, Rig, altered } from "./deployment";
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
        await old.configure(input, output, handler, old.set(9, ENDPOINT.input, DIRECTION.deployer), old.grant(ENDPOINT.device, (await old.status()).incarnation));
        [sender, receiver, asker] = [old.peer(input), old.peer(output), old.peer(handler)];
        await old.kit.events(sender.seal(1, "s one"));
        [reply] = bodies(await old.kit.events(asker.seal(1, "abc")), OUT.frame) as [Buffer];
    });
    afterEach(async () => {
        await old.kit.stop();
        await next.kit.stop();
    });

    /** Sessions with both, and the Prepare that names them. */
    const sessions = async (change: Partial<Prepare> = {}) => {
        const [source, target] = [await old.challenge(PURPOSE.handOver), await next.challenge(PURPOSE.handOver)];
        const { message: prepare, context } = makePrepare({
            h: source.nonceM, oldIncarnation: source.status.incarnation, oldMeasurement: old.measurement, newIncarnation: target.status.incarnation, newMeasurement: next.measurement,
            targetHash: target.hash, targetKey: target.pkE, ...change,
        }, source.hash, source.pkE, old.secretKey);
        return { prepare, context, h: change.h ?? source.nonceM, target };
    };

    const bytesOf = async (rig: Rig, type: "prepare" | "offer" | "release" | "abort" | "accept", message: Uint8Array): Promise<Uint8Array> => {
        const answer = await rig.kit.send(type, message);
        assert.ok(answer.type !== "refused", `${type} was refused with ${"code" in answer ? answer.code : 0}`);
        return answer.body;
    };

    /** Prepares the old instance; the Offer that follows from its reply. */
    const prepared = async () => {
        const made = await sessions();
        const reply = await bytesOf(old, "prepare", made.prepare);
        const state = reply.subarray(0, -CONFIRMATION_LENGTH);
        assert.deepEqual(Buffer.from(reply.subarray(-CONFIRMATION_LENGTH)), Buffer.from(stateConfirmation(made.context, made.prepare, state)));
        const release = encodeRelease({ h: made.h, targetHash: made.target.hash }, old.secretKey);
        return { ...made, reply, state, release, offer: encodeOffer(made.prepare, state, old.secretKey) };
    };

    it("moves state, counters, keys and cached replies, and ends the old instance", async () => {
        const { prepare, reply: sealed, offer, release, h, target } = await prepared();
        assert.deepEqual(await bytesOf(old, "prepare", prepare), sealed, "the same Prepare, the same bytes");
        assert.equal((await old.kit.events(sender.seal(2, "x"))).outcome, OUTCOME.blocked);
        assert.deepEqual(Buffer.from(await bytesOf(next, "offer", offer)), Buffer.from(receipt(offer)));
        assert.deepEqual(Buffer.from(await bytesOf(next, "offer", offer)), Buffer.from(receipt(offer)), "the same Offer, the same answer");
        const offered = await next.status();
        assert.deepEqual([offered.state, offered.connections.length, Buffer.from(offered.handOver?.h ?? []), Buffer.from(offered.handOver?.targetHash ?? [])], [5, 0, Buffer.from(h), Buffer.from(target.hash)]);
        assert.equal((await next.propose([])).refused, 12, "it is no module yet");
        const released = await bytesOf(old, "release", release);
        assert.deepEqual(await bytesOf(old, "release", release), released);
        const accept = encodeAccept({ release, released });
        assert.deepEqual(Buffer.from(await bytesOf(next, "accept", accept)), Buffer.from(receipt(accept)));

        const status = await next.status();
        assert.deepEqual([status.state, Buffer.from(status.handOver?.h ?? [])], [1, Buffer.from(h)], "where it came from");
        assert.deepEqual(status.connections.map(({ connection, next: counter, acknowledged, flags }) => [connection, counter, acknowledged, flags]), [[IN, 2n, 1n, 1], [OUTGOING, 2n, 0n, 1], [HANDLER, 2n, 1n, 1], [9, 1n, 0n, 1]]);
        assert.deepEqual(status.grants, [ENDPOINT.device]);
        const entry = await next.kit.events(sender.seal(2, "s two"));
        const memory = Buffer.from(bodies(entry, OUT.frame).map((body) => receiver.open(body)?.text).find((text) => text !== undefined) ?? "", "latin1");
        assert.deepEqual([memory.readBigUInt64LE(0), memory.readBigUInt64LE(8)], [2n, 10n], "events and bytes counted over both lives");
        assert.deepEqual(bodies(await next.kit.events(asker.seal(1, "abc")), OUT.frame), [reply]);
        assert.deepEqual(refusals(await next.kit.answers(receiver.ack(2))), []);

        const dead = await old.status();
        assert.deepEqual([dead.state, dead.connections.length, Buffer.from(dead.handOver?.h ?? [])], [3, 0, Buffer.from(h)]);
        assert.deepEqual(await old.kit.send("abort", encodeAbort(h, old.secretKey)), refused(12));
        assert.deepEqual(await next.kit.send("accept", accept), refused(12), "once");
    });

    it("lets no challenge in between disturb the new instance", async () => {
        const { offer, release } = await prepared();
        await bytesOf(next, "offer", offer);
        await next.challenge(PURPOSE.handOver);
        const accept = encodeAccept({ release, released: await bytesOf(old, "release", release) });
        await next.challenge(PURPOSE.attest);
        await bytesOf(next, "accept", accept);
        assert.equal((await next.status()).connections.length, 4);
    });

    it("goes on as before after an abort, and releases nothing for that hand-over any more", async () => {
        const { prepare, h, release } = await prepared();
        assert.equal((await old.propose([])).refused, 12);
        assert.deepEqual(refusals(await old.kit.answers(receiver.ack(1))), [9], "nothing changes while prepared");
        assert.deepEqual(Buffer.from(await bytesOf(old, "abort", encodeAbort(h, old.secretKey))), Buffer.from(encodeAborted(h)));
        assert.deepEqual(await old.kit.send("release", release), refused(12));
        assert.equal((await old.status()).handOver, undefined);
        await old.challenge(PURPOSE.handOver);
        assert.deepEqual(await old.kit.send("prepare", prepare), refused(4));
        assert.deepEqual(refusals(await old.kit.events(sender.seal(2, "x"))), []);
        assert.equal((await old.status()).state, 1);
    });

    const prepares: readonly (readonly [name: string, code: number, change: () => Partial<Prepare>])[] = [
        ["of another session", 4, () => ({ h: new Uint8Array(32) })],
        ["for another incarnation", 7, () => ({ oldIncarnation: new Uint8Array(16) })],
        ["for another measurement", 7, () => ({ oldMeasurement: new Uint8Array(32) })],
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
        const { h, target } = await prepared();
        assert.deepEqual(await old.kit.send("release", encodeRelease({ h, targetHash: new Uint8Array(32) }, old.secretKey)), refused(12));
        assert.deepEqual(await old.kit.send("release", encodeRelease({ h: new Uint8Array(32), targetHash: target.hash }, old.secretKey)), refused(12));
        assert.deepEqual(await old.kit.send("release", altered(encodeRelease({ h, targetHash: target.hash }, old.secretKey), -1)), refused(2));
        assert.deepEqual(await old.kit.send("abort", altered(encodeAbort(h, old.secretKey), -1)), refused(2));
        assert.deepEqual(await old.kit.send("abort", encodeAbort(new Uint8Array(32), old.secretKey)), refused(12));
        assert.equal((await old.status()).state, 2);
    });

    interface Parts { readonly prepare: Uint8Array; readonly state: Uint8Array; readonly offer: Uint8Array }
    const offers: readonly (readonly [name: string, code: number, make: (parts: Parts) => Uint8Array])[] = [
        ["that is not signed", 2, ({ offer }) => altered(offer, -1)],
        ["whose Prepare is altered", 2, ({ offer }) => altered(offer, 6)],
        ["whose state is altered", 2, ({ offer }) => altered(offer, 320)],
        ["of a state that does not open", 6, ({ prepare, state }) => encodeOffer(prepare, altered(state, -1), old.secretKey)],
        ["of a state that is cut", 6, ({ prepare, state }) => encodeOffer(prepare, state.subarray(0, -1), old.secretKey)],
        ["of another magic", 1, ({ prepare, state }) => encodeOffer(prepare, altered(state, 0), old.secretKey)],
        ["that is cut short", 1, ({ offer }) => offer.subarray(0, 400)],
    ];
    for (const [name, code, make] of offers) {
        it(`refuses an Offer ${name}`, async () => {
            const parts = await prepared();
            assert.deepEqual(await next.kit.send("offer", make(parts)), refused(code));
            assert.equal((await bytesOf(next, "offer", parts.offer)).length, 32, "the genuine one still is accepted");
        });
    }

    it("refuses an Accept without an Offer, with another Release, or with keys that are not those of the old instance", async () => {
        const { offer, release, h } = await prepared();
        const released = await bytesOf(old, "release", release);
        assert.deepEqual(await next.kit.send("accept", encodeAccept({ release, released })), refused(12));
        await bytesOf(next, "offer", offer);
        assert.deepEqual(await next.kit.send("accept", encodeAccept({ release: altered(release, -1), released })), refused(2));
        assert.deepEqual(await next.kit.send("accept", encodeAccept({ release: encodeRelease({ h, targetHash: new Uint8Array(32) }, old.secretKey), released })), refused(12));
        assert.deepEqual(await next.kit.send("accept", encodeAccept({ release, released: altered(released, -1) })), refused(6));
        assert.deepEqual(await next.kit.send("accept", encodeAccept({ release, released: released.subarray(0, 40) })), refused(1));
        await bytesOf(next, "accept", encodeAccept({ release, released }));
    });

    it("refuses an Offer in another session, for another incarnation and after a configuration", async () => {
        const { offer } = await prepared();
        await next.challenge(PURPOSE.handOver);
        assert.deepEqual(await next.kit.send("offer", offer), refused(4));
        await next.configure(next.set(5, ENDPOINT.input, DIRECTION.deployer));
        await next.challenge(PURPOSE.handOver);
        assert.deepEqual(await next.kit.send("offer", offer), refused(12));
    });

    describe("to another version of the module", () => {
        const replaceBy = async (module: string): Promise<void> => {
            await next.kit.stop();
            next = await Rig.start({ module }, old);
        };

        it("migrates state and finds connections by name", async () => {
            await replaceBy("module-next.c");
            const { offer, release } = await prepared();
            await bytesOf(next, "offer", offer);
            await bytesOf(next, "accept", encodeAccept({ release, released: await bytesOf(old, "release", release) }));
            const status = await next.status();
            assert.deepEqual(status.connections.map(({ connection, endpoint }) => [connection, endpoint]), [[IN, 3], [OUTGOING, 1], [9, 3]], "the handler is gone with its connection");
            assert.deepEqual(status.grants, [4], "the device has another number too");
            const frames = bodies(await next.kit.events(sender.seal(2, "x")), OUT.frame).map((body) => receiver.open(body)?.text).filter((text) => text !== undefined);
            const numbers = Buffer.from(frames[0] ?? "", "latin1");
            assert.deepEqual([numbers.readBigUInt64LE(0), numbers.readBigUInt64LE(8), numbers.readBigUInt64LE(16)], [2n, 1n, 7n], "the old events, the new one, and what is new");
        });

        it("leaves the old instance as it was where nothing takes its state, or the migration refuses", async () => {
            for (const [module, state] of [["module-stateless.c", 0], ["module-refusing.c", 4]] as const) {
                await replaceBy(module);
                const { offer, h } = await prepared();
                assert.deepEqual(await next.kit.send("offer", offer), refused(8));
                assert.equal((await next.status()).state, state, module);
                await bytesOf(old, "abort", encodeAbort(h, old.secretKey));
            }
            assert.deepEqual(refusals(await old.kit.events(sender.seal(2, "x"))), []);
        });
    });

    it("is not deceived by a host that seals a state of its own", async () => {
        const { prepare, target } = await prepared();
        const forged = sealState(prepare, target.pkE, new Uint8Array(38));
        const offer = Buffer.concat([prepare, forged, new Uint8Array(64)]);
        assert.deepEqual(await next.kit.send("offer", offer), refused(2));
    });

    it("does not take another type's signature", async () => {
        const { prepare, h } = await sessions();
        const body = prepare.subarray(0, -64);
        assert.deepEqual(await old.kit.send("prepare", concat(body, sign("release", body, old.secretKey))), refused(2));
        assert.equal(h.length, 32);
    });
});

// Vectors of the hand-over: Prepare, exported state, Abort, Release, Accept (docs/protocol.md section 9).
import assert from "node:assert/strict";
import { concat, equalBytes } from "../../../provider/protocol/bytes";
import { decodeKeys, decodeState, encodeKeys, encodeState, keyCommitment, openState, sealState, type ExportedState } from "../../../provider/protocol/exported-state";
import { decodeAbort, decodeAccept, decodeOffer, decodePrepare, decodeRelease, encodeAbort, encodeAborted, encodeAccept, encodeOffer, encodeRelease, makePrepare, openKeys, receipt, sealKeys, stateConfirmation } from "../../../provider/protocol/hand-over";
import { setupReceiver } from "../../../provider/protocol/hpke";
import { ProtocolError, type RefusalCode } from "../../../provider/protocol/refusal";
import { sign, type SignatureType } from "../../../provider/protocol/signature";
import { deployerKey, deployerSecretKey, fixed, fixedPair } from "../fixed";
import { addGroupOrder } from "./session-refused";

type Vector = { name: string; notes: string } & Record<string, unknown>;
type Refused = Vector & { expect: "refused" };

const content = {
    h: fixed("hand-over/h", 32),
    oldIncarnation: fixed("hand-over/old incarnation", 16),
    oldMeasurement: fixed("hand-over/old measurement", 32),
    newIncarnation: fixed("hand-over/new incarnation", 16),
    newMeasurement: fixed("hand-over/new measurement", 32),
    targetHash: fixed("hand-over/target hash", 32),
    targetKey: fixedPair("hand-over/target").publicKey,
};

/** The session with the old instance, whose `nonceM` is h. */
const source = { session: fixed("hand-over/session", 32), pair: () => fixedPair("hand-over/source"), ephemeral: () => fixedPair("hand-over/ephemeral 1") };

const keys = [
    { connection: 0x01020304, key: fixed("hand-over/key 1", 32) },
    { connection: 0x05060708, key: fixed("hand-over/key 2", 32) },
];

const state: ExportedState = {
    objects: [
        { name: "model", version: 3, bytes: fixed("hand-over/model", 24) },
        { name: "count", version: 1, bytes: Uint8Array.of(1, 2, 3, 4) },
    ],
    grants: ["valve"],
    commitment: keyCommitment(encodeKeys(keys)),
    connections: [
        {
            name: "reading", connection: 0x01020304, endpoint: 0, direction: 2, delivery: 1, suite: 1, flags: 1, window: 8, epoch: 5n,
            firstCounter: 42n, lastCounter: 0xffff_ffff_ffff_ffffn, acknowledged: 41n, gaps: 0n, cached: new Uint8Array(0),
        },
        {
            name: "ask", connection: 0x05060708, endpoint: 4, direction: 4, delivery: 1, suite: 2, flags: 1 | 8, window: 1, epoch: 2n,
            firstCounter: 7n, lastCounter: 0xffff_ffff_ffff_ffffn, acknowledged: 6n, gaps: 0n, cached: fixed("hand-over/cached reply", 45),
        },
    ],
};

const prepareOf = (change: Partial<typeof content> = {}): ReturnType<typeof makePrepare> =>
    makePrepare({ ...content, ...change }, source.session, source.pair().publicKey, deployerSecretKey, source.ephemeral());

const parts = () => {
    const { message: prepare, context } = prepareOf();
    const statePlaintext = encodeState(state);
    const stateMessage = sealState(prepare, content.targetKey, statePlaintext, fixedPair("hand-over/ephemeral 2"));
    const confirmation = stateConfirmation(context, prepare, stateMessage);
    context.wipe();
    const release = encodeRelease(content, deployerSecretKey);
    const encodedKeys = encodeKeys(keys);
    const released = sealKeys(prepare, release, content.targetKey, encodedKeys, fixedPair("hand-over/ephemeral 3"));
    return {
        prepare, statePlaintext, stateMessage, confirmation, offer: encodeOffer(prepare, stateMessage, deployerSecretKey), abort: encodeAbort(content.h, deployerSecretKey),
        release, keys: encodedKeys, released, accept: encodeAccept({ release, released }),
    };
};

export function handOverVectors(): Vector[] {
    const made = parts();
    const target = (): ReturnType<typeof fixedPair> => fixedPair("hand-over/target");
    const { prepare, state: stateMessage } = decodeOffer(made.offer, deployerKey);
    const { release, released } = decodeAccept(made.accept);
    const { enc, tag, ...decoded } = decodePrepare(prepare, deployerKey);
    assert.deepEqual(decoded, content);
    const context = setupReceiver(enc, source.pair(), source.session);
    assert.equal(context.open(tag).length, 0);
    assert.ok(equalBytes(stateConfirmation(context, prepare, stateMessage), made.confirmation));
    assert.deepEqual(decodeRelease(release, deployerKey), { h: content.h, targetHash: content.targetHash });
    assert.ok(equalBytes(decodeAbort(made.abort, deployerKey), content.h));
    const opened = decodeState(openState(prepare, target(), stateMessage));
    assert.deepEqual(opened, state);
    assert.deepEqual(decodeKeys(openKeys(prepare, release, target(), released), opened.commitment), keys);
    return [
        {
            name: "update",
            notes: "`abort` and `release` exclude each other; both are answers to the same Prepare. The reply to Prepare is `stateMessage`, then `confirmation`.",
            ...content,
            session: source.session,
            sourceSecretKey: source.pair().secretKey,
            targetSecretKey: target().secretKey,
            state,
            prepareEphemeral: source.ephemeral().secretKey,
            stateEphemeral: fixedPair("hand-over/ephemeral 2").secretKey,
            releaseEphemeral: fixedPair("hand-over/ephemeral 3").secretKey,
            ...made,
            offerReceipt: receipt(made.offer),
            aborted: encodeAborted(content.h),
            receipt: receipt(made.accept),
        },
    ];
}

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte));

export function refusedHandOvers(): Refused[] {
    const made = parts();
    const { prepare, offer, abort, release, released, stateMessage } = made;
    const signedAs = (message: Uint8Array, type: SignatureType): Uint8Array => concat(message.subarray(0, -64), sign(type, message.subarray(0, -64), deployerSecretKey));
    const cases: [string, string, Uint8Array, () => unknown, RefusalCode][] = [];
    const add = (name: string, type: string, message: Uint8Array, decode: (message: Uint8Array) => unknown, code: RefusalCode): void => void cases.push([name, type, message, () => decode(message), code]);
    const messages = [
        ["prepare", prepare, (m: Uint8Array) => decodePrepare(m, deployerKey)],
        ["offer", offer, (m: Uint8Array) => decodeOffer(m, deployerKey)],
        ["abort", abort, (m: Uint8Array) => decodeAbort(m, deployerKey)],
        ["release", release, (m: Uint8Array) => decodeRelease(m, deployerKey)],
    ] as const;
    for (const [type, message, decode] of messages) {
        // The parts of an Offer are looked at on their own.
        const code = type === "offer" ? 2 : 1;
        add(`${type} cut by one byte`, type, message.subarray(0, -1), decode, code);
        add(`${type} with one more byte`, type, concat(message, Uint8Array.of(0)), decode, code);
        add(`${type} with another magic`, type, flip(message, 3), decode, code);
        add(`${type} of version 0`, type, flip(message, 4), decode, code);
        add(`${type} with an altered h`, type, flip(message, 6), decode, 2);
        add(`${type} signed as m1`, type, signedAs(message, "m1"), decode, 2);
        add(`${type} whose S is not below the group order`, type, addGroupOrder(message), decode, 2);
    }
    const target = (): ReturnType<typeof fixedPair> => fixedPair("hand-over/target");
    const another = (): ReturnType<typeof fixedPair> => fixedPair("hand-over/another target");
    const otherPrepare = (): Uint8Array => prepareOf({ newMeasurement: fixed("hand-over/another measurement", 32) }).message;
    add("keys with an altered ciphertext", "released", flip(released, -1), (m) => openKeys(prepare, release, target(), m), 6);
    add("keys whose enc has a small order", "released", concat(new Uint8Array(32), released.subarray(32)), (m) => openKeys(prepare, release, target(), m), 6);
    add("keys cut by one byte", "released", released.subarray(0, -1), (m) => openKeys(prepare, release, target(), m), 6);
    add("keys to another target", "released", released, (m) => openKeys(prepare, release, another(), m), 6);
    add("keys of another Release", "released", released, (m) => openKeys(prepare, encodeRelease({ ...content, targetHash: fixed("another", 32) }, deployerSecretKey), target(), m), 6);
    const foreign = encodeKeys(keys.map((one) => ({ ...one, key: fixed("hand-over/foreign key", 32) })));
    add("keys that are not those of the old instance", "keys", sealKeys(prepare, release, content.targetKey, foreign, fixedPair("hand-over/ephemeral 4")), (m) => decodeKeys(openKeys(prepare, release, target(), m), state.commitment), 6);
    add("state with an altered ciphertext", "state", flip(stateMessage, 50), (m) => openState(prepare, target(), m), 6);
    add("state with another magic", "state", flip(stateMessage, 3), (m) => openState(prepare, target(), m), 1);
    add("state to another target", "state", stateMessage, (m) => openState(prepare, another(), m), 6);
    add("state of another Prepare", "state", stateMessage, (m) => openState(otherPrepare(), target(), m), 6);
    return cases.map(([name, type, message, decode, code]) => {
        assert.throws(decode, (error) => error instanceof ProtocolError && error.refusal === code, name);
        return { name, notes: "with the values of `update`, but for what the name says", expect: "refused", type, message, code };
    });
}

// Vectors of the hand-over: Prepare, exported state, Abort, Release, Accept (docs/protocol.md section 9).
import assert from "node:assert/strict";
import { concat, equalBytes } from "../../../provider/protocol/bytes";
import { decodeState, encodeState, openState, sealState, type ExportedState } from "../../../provider/protocol/exported-state";
import { acceptReceipt, decodeAbort, decodeAccept, decodePrepare, decodeRelease, encodeAbort, encodeAborted, encodeAccept, encodePrepare, encodeRelease, openStateKey, sealStateKey } from "../../../provider/protocol/hand-over";
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
    schema: 3,
};

const state: ExportedState = {
    schema: 3,
    objects: [
        { name: "model", bytes: fixed("hand-over/model", 24) },
        { name: "count", bytes: Uint8Array.of(1, 2, 3, 4) },
    ],
    connections: [
        {
            connection: 0x01020304, endpoint: 0, direction: 2, delivery: 1, suite: 1, flags: 1, window: 8, epoch: 5n, key: fixed("hand-over/key 1", 32),
            firstCounter: 42n, lastCounter: 0xffff_ffff_ffff_ffffn, acknowledged: 41n, gaps: 0n, cached: new Uint8Array(0),
        },
        {
            connection: 0x05060708, endpoint: 4, direction: 4, delivery: 1, suite: 2, flags: 1 | 8, window: 1, epoch: 2n, key: fixed("hand-over/key 2", 32),
            firstCounter: 7n, lastCounter: 0xffff_ffff_ffff_ffffn, acknowledged: 6n, gaps: 0n, cached: fixed("hand-over/cached reply", 45),
        },
    ],
};

const parts = (): Record<"prepare" | "stateKey" | "statePlaintext" | "stateMessage" | "abort" | "release" | "released" | "accept", Uint8Array> => {
    const prepare = encodePrepare(content, deployerSecretKey);
    const stateKey = fixed("hand-over/state key", 32);
    const statePlaintext = encodeState(state);
    const stateMessage = sealState(content.h, prepare, stateKey, statePlaintext);
    const release = encodeRelease(content, deployerSecretKey);
    const released = sealStateKey(prepare, release, content.targetKey, stateKey, fixedPair("hand-over/ephemeral"));
    const accept = encodeAccept({ prepare, release, released, state: stateMessage });
    return { prepare, stateKey, statePlaintext, stateMessage, abort: encodeAbort(content.h, deployerSecretKey), release, released, accept };
};

export function handOverVectors(): Vector[] {
    const made = parts();
    const { prepare, release, released, state: stateMessage } = decodeAccept(made.accept);
    assert.deepEqual(decodePrepare(prepare, deployerKey), content);
    assert.deepEqual(decodeRelease(release, deployerKey), { h: content.h, targetHash: content.targetHash });
    assert.ok(equalBytes(decodeAbort(made.abort, deployerKey), content.h));
    const key = openStateKey(prepare, release, fixedPair("hand-over/target"), released);
    assert.deepEqual(decodeState(openState(content.h, prepare, key, stateMessage)), state);
    return [
        {
            name: "update",
            notes: "`abort` and `release` exclude each other; both are answers to the same Prepare",
            ...content,
            targetSecretKey: fixedPair("hand-over/target").secretKey,
            state,
            ephemeralSecretKey: fixedPair("hand-over/ephemeral").secretKey,
            ...made,
            aborted: encodeAborted(content.h),
            receipt: acceptReceipt(made.accept),
        },
    ];
}

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte));

export function refusedHandOvers(): Refused[] {
    const made = parts();
    const { prepare, abort, release, released, stateKey, stateMessage } = made;
    const signedAs = (message: Uint8Array, type: SignatureType): Uint8Array => concat(message.subarray(0, -64), sign(type, message.subarray(0, -64), deployerSecretKey));
    const cases: [string, string, Uint8Array, () => unknown, RefusalCode][] = [];
    const add = (name: string, type: string, message: Uint8Array, decode: (message: Uint8Array) => unknown, code: RefusalCode): void => void cases.push([name, type, message, () => decode(message), code]);
    const messages = [
        ["prepare", prepare, (m: Uint8Array) => decodePrepare(m, deployerKey)],
        ["abort", abort, (m: Uint8Array) => decodeAbort(m, deployerKey)],
        ["release", release, (m: Uint8Array) => decodeRelease(m, deployerKey)],
    ] as const;
    for (const [type, message, decode] of messages) {
        add(`${type} cut by one byte`, type, message.subarray(0, -1), decode, 1);
        add(`${type} with one more byte`, type, concat(message, Uint8Array.of(0)), decode, 1);
        add(`${type} with another magic`, type, flip(message, 3), decode, 1);
        add(`${type} of version 0`, type, flip(message, 4), decode, 1);
        add(`${type} with an altered h`, type, flip(message, 6), decode, 2);
        add(`${type} signed as m1`, type, signedAs(message, "m1"), decode, 2);
        add(`${type} whose S is not below the group order`, type, addGroupOrder(message), decode, 2);
    }
    const target = (): ReturnType<typeof fixedPair> => fixedPair("hand-over/target");
    add("state key with an altered ciphertext", "released", flip(released, -1), (m) => openStateKey(prepare, release, target(), m), 6);
    add("state key whose enc has a small order", "released", concat(new Uint8Array(32), released.subarray(32)), (m) => openStateKey(prepare, release, target(), m), 6);
    add("state key cut by one byte", "released", released.subarray(0, -1), (m) => openStateKey(prepare, release, target(), m), 1);
    add("state key to another target", "released", released, (m) => openStateKey(prepare, release, fixedPair("hand-over/another target"), m), 6);
    add("state key of another Release", "released", released, (m) => openStateKey(prepare, encodeRelease({ ...content, targetHash: fixed("another", 32) }, deployerSecretKey), target(), m), 6);
    add("state with an altered ciphertext", "state", flip(stateMessage, 50), (m) => openState(content.h, prepare, stateKey, m), 6);
    add("state with an altered length", "state", flip(stateMessage, 40), (m) => openState(content.h, prepare, stateKey, m), 1);
    add("state of another h", "state", flip(stateMessage, 5), (m) => openState(content.h, prepare, stateKey, m), 12);
    add("state of another Prepare", "state", stateMessage, (m) => openState(content.h, encodePrepare({ ...content, schema: 4 }, deployerSecretKey), stateKey, m), 6);
    return cases.map(([name, type, message, decode, code]) => {
        assert.throws(decode, (error) => error instanceof ProtocolError && error.refusal === code, name);
        return { name, notes: "with the values of `update`, but for what the name says", expect: "refused", type, message, code };
    });
}

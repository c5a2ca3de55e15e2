// Vectors of the key schedule and of frames: events, acks, requests, replies, compact frames (docs/protocol.md
// sections 5 and 6).
import assert from "node:assert/strict";
import { concat, equalBytes } from "../../../provider/protocol/bytes";
import { decodeCompact, expandCompact, openCompact, sealCompact } from "../../../provider/protocol/compact-frame";
import { decodeFrame, encodeFrame, encodeHeader, openFrame, sealFrame } from "../../../provider/protocol/frame";
import { KIND, KIND_NAME, deriveKey, keyId, type ConnectionKey, type Kind } from "../../../provider/protocol/keys";
import { ProtocolError } from "../../../provider/protocol/refusal";
import { SUITE, type CipherSuite } from "../../../provider/protocol/status";
import { deployment, fixed } from "../fixed";

const LENGTH: Readonly<Record<CipherSuite, number>> = { 1: 32, 2: 32, 3: 16, 4: 8 };

/** A connection of a suite, as the vectors use it. */
export const keyOf = (suite: CipherSuite, epoch = 0x1_0000_0002n): ConnectionKey => ({
    deployment,
    connection: 0x0a0b0c0d,
    epoch,
    suite,
    key32: concat(fixed(`frame/key/${suite}`, LENGTH[suite]), new Uint8Array(32 - LENGTH[suite])),
});

const given = (key: ConnectionKey): Record<string, unknown> => ({ suite: key.suite, connection: key.connection, epoch: key.epoch, key32: key.key32 });

export const keyVectors = (): ({ name: string; notes: string } & Record<string, unknown>)[] =>
    Object.values(SUITE).flatMap((suite) => {
        if (suite === SUITE.none) return [];
        const key = keyOf(suite);
        const keys = Object.fromEntries(Object.values(KIND).map((kind) => [`${KIND_NAME[kind]}Key`, deriveKey(key, kind)]));
        return [{ name: `suite ${suite}`, notes: "all keys of one epoch of a connection", ...given(key), keyId: keyId(suite, key.key32), ...keys }];
    });

interface FrameCase {
    readonly name: string;
    readonly notes: string;
    readonly suite: CipherSuite;
    readonly kind: Kind;
    readonly counter: bigint;
    readonly plaintext: Uint8Array;
}

const CASES: readonly FrameCase[] = [
    { name: "event", notes: "the first event", suite: 1, kind: KIND.event, counter: 1n, plaintext: fixed("event", 12) },
    { name: "empty event", notes: "an event without data", suite: 1, kind: KIND.event, counter: 2n, plaintext: new Uint8Array(0) },
    { name: "event with a high counter", notes: "all 8 bytes of the counter are in the nonce", suite: 1, kind: KIND.event, counter: 0xffff_ffff_ffff_fffen, plaintext: fixed("high", 100) },
    { name: "ack", notes: "acknowledges everything up to counter 7", suite: 1, kind: KIND.ack, counter: 7n, plaintext: new Uint8Array(0) },
    { name: "request", notes: "", suite: 1, kind: KIND.request, counter: 3n, plaintext: fixed("request", 20) },
    { name: "reply", notes: "has the counter of its request; status 0, then the data", suite: 1, kind: KIND.reply, counter: 3n, plaintext: concat(Uint8Array.of(0), fixed("reply", 33)) },
    { name: "refused reply", notes: "status 1: the handler refused", suite: 1, kind: KIND.reply, counter: 4n, plaintext: Uint8Array.of(1) },
    { name: "event, AES-128-GCM", notes: "", suite: 2, kind: KIND.event, counter: 1n, plaintext: fixed("event", 12) },
    { name: "ack, AES-128-GCM", notes: "", suite: 2, kind: KIND.ack, counter: 7n, plaintext: new Uint8Array(0) },
    { name: "request, AES-128-GCM", notes: "", suite: 2, kind: KIND.request, counter: 3n, plaintext: fixed("request", 20) },
    { name: "reply, AES-128-GCM", notes: "", suite: 2, kind: KIND.reply, counter: 3n, plaintext: concat(Uint8Array.of(0), fixed("reply", 33)) },
];

export const frameVectors = (): ({ name: string; notes: string } & Record<string, unknown>)[] =>
    CASES.map(({ name, notes, suite, kind, counter, plaintext }) => {
        const key = keyOf(suite);
        const frame = sealFrame(key, kind, counter, plaintext);
        const decoded = decodeFrame(frame);
        assert.ok(equalBytes(openFrame(key, decoded)!, plaintext));
        const header = encodeHeader(decoded);
        return { name, notes, ...given(key), kind, counter, frameKey: deriveKey(key, kind), nonce: concat(new Uint8Array(4), header.subarray(14)), aad: header, plaintext, frame };
    });

const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at < 0 ? bytes.length + at : at]! ^= 1;
    return copy;
};

export function refusedFrames(): ({ name: string; notes: string; expect: "refused" } & Record<string, unknown>)[] {
    const key = keyOf(SUITE.chacha20Poly1305);
    const good = sealFrame(key, KIND.event, 5n, fixed("event", 12));
    const header = decodeFrame(good);
    const ack = sealFrame(key, KIND.ack, 5n, new Uint8Array(0));
    const cases: [string, string, Uint8Array][] = [
        ["altered version", "malformed", flip(good, 4)],
        ["unknown kind", "malformed", good.map((byte, i) => (i === 5 ? 9 : byte))],
        ["event as a request", "tag: another key", good.map((byte, i) => (i === 5 ? KIND.request : byte))],
        ["altered counter", "tag", flip(good, 25)],
        ["altered ciphertext", "tag", flip(good, 27)],
        ["altered tag", "tag", flip(good, -1)],
        ["cut by one byte", "malformed: the length does not fit", good.subarray(0, good.length - 1)],
        ["one more byte", "malformed: the length does not fit", concat(good, Uint8Array.of(0))],
        ["cut by one byte, length adjusted", "tag", encodeFrame({ ...header, sealed: header.sealed.slice(0, -1) })],
        ["shorter than any frame", "malformed", encodeFrame({ ...header, sealed: new Uint8Array(7) })],
        ["longer than any frame", "malformed: a length of 65,575, of which only the header follows", concat(Uint8Array.of(0, 1, 0, 0x27), encodeHeader(header))],
        ["ack sealed as an event", "tag: kinds have their own keys", ack.map((byte, i) => (i === 5 ? KIND.event : byte))],
        ["another connection's event", "unknown connection, or tag under this connection's key", sealFrame({ ...key, connection: key.connection + 1 }, KIND.event, 5n, fixed("event", 12))],
        ["spliced: another connection's ciphertext", "tag", encodeFrame({ ...header, sealed: decodeFrame(sealFrame({ ...key, connection: key.connection + 1 }, KIND.event, 5n, fixed("event", 12))).sealed })],
        ["an older epoch's event", "wrong epoch", sealFrame({ ...key, epoch: key.epoch - 1n }, KIND.event, 5n, fixed("event", 12))],
    ];
    return cases.map(([name, notes, frame]) => {
        let opened: Uint8Array | undefined;
        try {
            opened = openFrame(key, decodeFrame(frame));
        } catch (error) {
            assert.ok(error instanceof ProtocolError, name);
        }
        assert.equal(opened, undefined, name);
        return { name, notes, expect: "refused", ...given(key), frame };
    });
}

export const compactVectors = (): ({ name: string; notes: string } & Record<string, unknown>)[] =>
    ([1, 2, 3, 4] as const).flatMap((suite) =>
        [
            { kind: KIND.event, counter: 1, plaintext: fixed("compact event", 12) },
            { kind: KIND.ack, counter: 0x01020304, plaintext: new Uint8Array(0) },
            { kind: KIND.request, counter: 3, plaintext: fixed("compact request", 20) },
            { kind: KIND.reply, counter: 3, plaintext: concat(Uint8Array.of(0), fixed("compact reply", 33)) },
        ].map(({ kind, counter, plaintext }) => {
            const key = keyOf(suite);
            const frame = sealCompact(key, kind, counter, plaintext);
            const decoded = decodeCompact(frame);
            assert.ok(equalBytes(openCompact(key, decoded)!, plaintext));
            const aad = encodeHeader({ kind, connection: key.connection, epoch: key.epoch, counter: BigInt(counter) });
            return { name: `${KIND_NAME[kind]}, suite ${suite}`, notes: "`expanded` is the same frame with the full header", ...given(key), kind, counter, frameKey: deriveKey(key, kind), aad, plaintext, frame, expanded: expandCompact(key, decoded) };
        }),
    );

export function refusedCompact(): ({ name: string; notes: string; expect: "refused" } & Record<string, unknown>)[] {
    const key = keyOf(SUITE.spongeWrap64);
    const good = sealCompact(key, KIND.event, 5, fixed("compact event", 12));
    const cases: [string, Uint8Array][] = [
        ["altered length", flip(good, 1)],
        ["version 2", good.map((byte, i) => (i === 2 ? 0x21 : byte))],
        ["kind 5", good.map((byte, i) => (i === 2 ? 0x15 : byte))],
        ["altered epoch", flip(good, 3)],
        ["altered connection", flip(good, 5)],
        ["altered counter", flip(good, 9)],
        ["altered ciphertext", flip(good, 10)],
        ["altered tag", flip(good, -1)],
        ["cut by one byte", good.subarray(0, good.length - 1)],
        ["one more byte", concat(good, Uint8Array.of(0))],
        ["odd ciphertext", Uint8Array.from([0, good.length - 3, ...good.subarray(2, good.length - 1)])],
        ["another epoch with the same low bits", sealCompact({ ...key, epoch: key.epoch + 256n }, KIND.event, 5, fixed("compact event", 12))],
        ["another connection with the same low bits", sealCompact({ ...key, connection: key.connection + 0x10000 }, KIND.event, 5, fixed("compact event", 12))],
    ];
    return cases.map(([name, frame]) => {
        let opened: Uint8Array | undefined;
        try {
            opened = openCompact(key, decodeCompact(frame));
        } catch (error) {
            assert.ok(error instanceof ProtocolError, name);
        }
        assert.equal(opened, undefined, name);
        return { name, notes: "SpongeWrap-64", expect: "refused", ...given(key), frame };
    });
}

// The key schedule of a connection (docs/protocol.md section 5) and key ids (section 1).
import { hkdf } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { spongentMac } from "../crypto/spongent";
import { Writer, ascii, concat, isZero, label, requireLength, requireU64, requireUint } from "./bytes";
import { SUITE, type CipherSuite } from "./status";

/** Kinds of keys, and of the frames they protect, by the number of the frame kind. */
export const KIND = { event: 1, request: 2, reply: 3, ack: 4 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Names of the kinds as the key schedule writes them. */
export const KIND_NAME: Readonly<Record<Kind, keyof typeof KIND>> = { 1: "event", 2: "request", 3: "reply", 4: "ack" };

/** Bytes of a suite's key. */
export const KEY_LENGTH: Readonly<Record<CipherSuite, number>> = { 1: 32, 2: 16, 3: 16, 4: 8 };

/** Whether a suite is SpongeWrap, whose keys need no SHA-256. */
export const isSpongeWrap = (suite: CipherSuite): suite is 3 | 4 => suite === SUITE.spongeWrap128 || suite === SUITE.spongeWrap64;

/** What a connection's keys are derived from. */
export interface ConnectionKey {
    /** 16 bytes. */
    readonly deployment: Uint8Array;
    readonly connection: number;
    readonly epoch: bigint;
    readonly suite: CipherSuite;
    /** The session key that the deployer drew, 32 bytes; with SpongeWrap-128 and -64 only its first 16 or 8 are used. */
    readonly key32: Uint8Array;
}

const requireKey = (suite: CipherSuite, key32: Uint8Array): Uint8Array => {
    requireLength("key32", key32, 32);
    if (!isSpongeWrap(suite)) return key32;
    const length = KEY_LENGTH[suite];
    if (!isZero(key32.subarray(length))) throw new RangeError(`key32 must be zero after its first ${length} bytes`);
    return key32.subarray(0, length);
};

/** 1 from the sender or client, 2 back to it. */
export const flowOf = (kind: Kind): 1 | 2 => (kind === KIND.event || kind === KIND.request ? 1 : 2);

/**
 * Derives the key of one kind of frames.
 *
 * @returns 32, 16 or 8 bytes, by the suite; the caller clears them
 * @throws RangeError naming an argument of another length
 * @example
 * const eventKey = deriveKey({ deployment, connection: 7, epoch: 1n, suite: SUITE.chacha20Poly1305, key32 }, KIND.event);
 */
export function deriveKey(key: ConnectionKey, kind: Kind): Uint8Array {
    const { deployment, connection, epoch, suite } = key;
    requireLength("deployment", deployment, 16);
    requireUint("connection", connection, 32);
    requireU64("epoch", epoch);
    const ikm = requireKey(suite, key.key32);
    if (isSpongeWrap(suite)) {
        const message = new Writer()
            .bytes(ascii("K1"))
            .u8(kind)
            .u8(flowOf(kind))
            .bytes(deployment)
            .u32(connection)
            .u64(epoch)
            .u8(suite)
            .u8(0)
            .finish();
        return spongentMac(ikm, message);
    }
    const info = new Writer()
        .bytes(label(`aex/v1/${KIND_NAME[kind]}`))
        .bytes(deployment)
        .u32(connection)
        .u8(flowOf(kind))
        .u64(epoch)
        .u8(suite)
        .finish();
    return hkdf(sha256, ikm, new Uint8Array(0), info, KEY_LENGTH[suite]);
}

/**
 * The public name of a session key.
 *
 * @param key32 - 32 bytes
 * @returns 8 bytes
 * @throws RangeError for another length, or a SpongeWrap key with bytes after its length
 * @example
 * const id = keyId(SUITE.chacha20Poly1305, key32);
 */
export function keyId(suite: CipherSuite, key32: Uint8Array): Uint8Array {
    const key = requireKey(suite, key32);
    if (isSpongeWrap(suite)) return spongentMac(key, ascii("K2")).slice(0, 8);
    return sha256(concat(label("aex/v1/key-id"), key)).slice(0, 8);
}

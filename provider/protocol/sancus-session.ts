// The symmetric session with a Sancus module: S1 to S4 and the activation (docs/protocol.md section 10).
import { spongeUnwrap, spongeWrap, spongentMac } from "../crypto/spongent";
import { Reader, Writer, ascii, concat, equalBytes, requireLength } from "./bytes";
import { PURPOSE } from "./m1";
import { ProtocolError, REFUSAL, malformed } from "./refusal";

/** Purposes a board takes. */
export type SancusPurpose = typeof PURPOSE.attest | typeof PURPOSE.configure;

const requireKey = (key: Uint8Array): void => {
    if (key.length !== 8 && key.length !== 16) throw new RangeError(`key must have 8 or 16 bytes, not ${key.length}`);
};

const mac = (key: Uint8Array, tag: string, ...message: readonly Uint8Array[]): Uint8Array => spongentMac(key, concat(ascii(tag), ...message));

const requireMac = (expected: Uint8Array, received: Uint8Array, message: string): void => {
    if (!equalBytes(expected, received)) throw new ProtocolError(REFUSAL.signature, `${message}: the MAC is wrong`);
};

export interface S1 {
    readonly purpose: SancusPurpose;
    /** Fresh, 16 bytes. */
    readonly nonceD: Uint8Array;
}

/**
 * Encodes S1, the challenge.
 *
 * @param key - the module key, 8 or 16 bytes
 * @throws RangeError naming an argument of another length
 */
export function encodeS1(key: Uint8Array, s1: S1): Uint8Array {
    requireKey(key);
    const body = new Writer().bytes(ascii("S1")).u8(1).u8(s1.purpose).field("nonceD", s1.nonceD, 16).finish();
    return concat(body, mac(key, "L1", body));
}

/** Decodes S1 and checks its MAC (the module's side). @throws ProtocolError */
export function decodeS1(key: Uint8Array, bytes: Uint8Array): S1 {
    requireKey(key);
    const reader = new Reader(bytes, "S1");
    reader.magic("S1");
    reader.version();
    const purpose = reader.oneOf(reader.u8("purpose"), [PURPOSE.attest, PURPOSE.configure], "purpose");
    const nonceD = reader.bytes(16, "nonceD");
    const tag = reader.bytes(key.length, "MAC");
    reader.end();
    requireMac(mac(key, "L1", bytes.subarray(0, 20)), tag, "S1");
    return { purpose, nonceD };
}

export interface S2 {
    /** From the node's freshness source, 8 bytes. */
    readonly nonceM: Uint8Array;
    readonly status: Uint8Array;
}

/** Encodes S2 (the module's side). @throws RangeError for a status of odd length */
export function encodeS2(key: Uint8Array, s1: Uint8Array, s2: S2): Uint8Array {
    requireKey(key);
    const body = new Writer().field("nonceM", s2.nonceM, 8).u16(s2.status.length, "length of the status").bytes(s2.status).finish();
    return concat(body, mac(key, "L2", s1, body));
}

/** Decodes S2 and checks that the module made it for this S1. @throws ProtocolError */
export function decodeS2(key: Uint8Array, s1: Uint8Array, bytes: Uint8Array): S2 {
    requireKey(key);
    const reader = new Reader(bytes, "S2");
    const nonceM = reader.bytes(8, "nonceM");
    const length = reader.u16("length of the status");
    if (length % 2 !== 0) throw malformed(`S2: a status of odd length ${length}`);
    const status = reader.bytes(length, "status");
    const tag = reader.bytes(key.length, "MAC");
    reader.end();
    requireMac(mac(key, "L2", s1, bytes.subarray(0, 10 + length)), tag, "S2");
    return { nonceM, status };
}

/**
 * The provisioning key of a session: `MAC(K, "L3" ‖ nonceD ‖ nonceM)`.
 *
 * @returns as long as the module key; the caller clears it
 */
export function provisioningKey(key: Uint8Array, nonceD: Uint8Array, nonceM: Uint8Array): Uint8Array {
    requireKey(key);
    requireLength("nonceD", nonceD, 16);
    requireLength("nonceM", nonceM, 8);
    return mac(key, "L3", nonceD, nonceM);
}

const s3Ad = (nonceD: Uint8Array, nonceM: Uint8Array, length: number): Uint8Array =>
    new Writer().bytes(ascii("W4")).field("nonceD", nonceD, 16).field("nonceM", nonceM, 8).u16(length, "length of S3").finish();

/**
 * Wraps a table update; one zero byte follows a plaintext of odd length.
 *
 * @param p - the provisioning key
 */
export function sealS3(p: Uint8Array, nonceD: Uint8Array, nonceM: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const even = plaintext.length % 2 === 0 ? plaintext.slice() : concat(plaintext, new Uint8Array(1));
    const { ciphertext, tag } = spongeWrap(p, s3Ad(nonceD, nonceM, even.length), even);
    even.fill(0);
    return new Writer().u16(ciphertext.length).bytes(ciphertext).bytes(tag).finish();
}

/** Unwraps S3 (the module's side): the plaintext with its padding byte, if any. @throws ProtocolError */
export function openS3(p: Uint8Array, nonceD: Uint8Array, nonceM: Uint8Array, s3: Uint8Array): Uint8Array {
    const reader = new Reader(s3, "S3");
    const length = reader.u16("length");
    if (length % 2 !== 0) throw malformed(`S3: odd length ${length}`);
    const ciphertext = reader.bytes(length, "ciphertext");
    const tag = reader.bytes(p.length, "tag");
    reader.end();
    const plaintext = spongeUnwrap(p, s3Ad(nonceD, nonceM, length), ciphertext, tag);
    if (plaintext === undefined) throw new ProtocolError(REFUSAL.decryption, "S3 does not authenticate");
    return plaintext;
}

/** S4: `MAC(P, "L5" ‖ tag of S3)`. */
export const s4 = (p: Uint8Array, s3: Uint8Array): Uint8Array => mac(p, "L5", s3.subarray(s3.length - p.length));

/** The activation: `"SA" | S4 | MAC(P, "L6" ‖ S4)`. */
export const encodeSancusActivate = (p: Uint8Array, confirmed: Uint8Array): Uint8Array => concat(ascii("SA"), confirmed, mac(p, "L6", confirmed));

/** Checks an activation against the S4 of this session (the module's side). @throws ProtocolError */
export function decodeSancusActivate(p: Uint8Array, confirmed: Uint8Array, bytes: Uint8Array): void {
    const reader = new Reader(bytes, "activation");
    reader.magic("SA");
    const named = reader.bytes(p.length, "S4");
    const tag = reader.bytes(p.length, "MAC");
    reader.end();
    requireMac(concat(confirmed, mac(p, "L6", confirmed)), concat(named, tag), "activation");
}

/** The reply to an activation: `MAC(P, "L7" ‖ S4)`. */
export const sancusActivated = (p: Uint8Array, confirmed: Uint8Array): Uint8Array => mac(p, "L7", confirmed);

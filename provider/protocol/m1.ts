// M1: the deployer's signed challenge that opens a session (docs/protocol.md section 4).
import { Reader, Writer, ascii } from "./bytes";
import { malformed } from "./refusal";
import { SIGNATURE_LENGTH, requireSignature, sign } from "./signature";

/** What a session is for; a module takes only messages of that purpose in it. */
export const PURPOSE = { attest: 1, configure: 2, command: 3, handOver: 4 } as const;
export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

/** Suite 1: X25519, HKDF-SHA256, ChaCha20-Poly1305, Ed25519. */
export const SESSION_SUITE = 1;

/** Bytes of an M1. */
export const M1_LENGTH = 168;

export interface M1 {
    readonly purpose: Purpose;
    /** 16 bytes. */
    readonly deployment: Uint8Array;
    /** 16 bytes. */
    readonly instance: Uint8Array;
    /** Fresh, 32 bytes. */
    readonly nonceD: Uint8Array;
    /** Hash of the canonical trust policy that will appraise the evidence, 32 bytes. */
    readonly policyHash: Uint8Array;
}

/**
 * Encodes and signs an M1.
 *
 * @param secretKey - the deployer's Ed25519 seed, 32 bytes
 * @returns 168 bytes
 * @throws RangeError naming a field of another length
 * @example
 * const m1 = encodeM1({ purpose: PURPOSE.attest, deployment, instance, nonceD: randomBytes(32), policyHash }, secretKey);
 */
export function encodeM1(m1: M1, secretKey: Uint8Array): Uint8Array {
    const body = new Writer()
        .bytes(ascii("AEX1"))
        .u8(1)
        .u8(m1.purpose, "purpose")
        .u16(SESSION_SUITE)
        .field("deployment", m1.deployment, 16)
        .field("instance", m1.instance, 16)
        .field("nonceD", m1.nonceD, 32)
        .field("policyHash", m1.policyHash, 32)
        .finish();
    return new Writer().bytes(body).bytes(sign("m1", body, secretKey)).finish();
}

/**
 * Decodes an M1 and checks its signature (the module's side).
 *
 * @param deployerKey - the measured public key, 32 bytes
 * @throws ProtocolError (malformed or signature)
 */
export function decodeM1(bytes: Uint8Array, deployerKey: Uint8Array): M1 {
    const reader = new Reader(bytes, "M1");
    reader.magic("AEX1");
    reader.version();
    const purpose = reader.oneOf(reader.u8("purpose"), Object.values(PURPOSE), "purpose");
    const suite = reader.u16("suite");
    if (suite !== SESSION_SUITE) throw malformed(`M1: suite ${suite} is not ${SESSION_SUITE}`);
    const m1: M1 = {
        purpose,
        deployment: reader.bytes(16, "deployment"),
        instance: reader.bytes(16, "instance"),
        nonceD: reader.bytes(32, "nonceD"),
        policyHash: reader.bytes(32, "policyHash"),
    };
    const signature = reader.bytes(SIGNATURE_LENGTH, "signature");
    reader.end();
    requireSignature("m1", bytes.subarray(0, M1_LENGTH - SIGNATURE_LENGTH), signature, deployerKey);
    return m1;
}

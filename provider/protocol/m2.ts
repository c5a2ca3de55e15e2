// M2: the module's answer to M1, the report data that evidence binds and the transcript that later messages cover
// (docs/protocol.md section 4).
import { sha256, sha512 } from "@noble/hashes/sha2";
import { Reader, Writer, concat, label, requireLength } from "./bytes";
import { malformed } from "./refusal";

export const EVIDENCE = { none: 0, sgx: 1, psa: 2, sancus: 3, sevSnp: 4, tdx: 5, keystone: 6, opTee: 7 } as const;

/** Bytes of report data. */
export const REPORT_DATA_LENGTH = 64;
/** Longest evidence that is read: far above every type (an SGX quote with its PCK chain has about 5 KiB). */
export const MAX_EVIDENCE = 65_536;

/** The part of M2 that transcripts cover. */
export interface M2Core {
    /** 32 bytes. */
    readonly nonceM: Uint8Array;
    /** Fresh X25519 public key, 32 bytes. */
    readonly pkE: Uint8Array;
    /** Encoded status. */
    readonly status: Uint8Array;
}

/**
 * Encodes the core of an M2 (the module's side).
 *
 * @returns 66 bytes and the status
 * @throws RangeError naming a field of another length
 */
export function encodeM2Core(core: M2Core): Uint8Array {
    return new Writer()
        .field("nonceM", core.nonceM, 32)
        .field("pkE", core.pkE, 32)
        .u16(core.status.length, "length of the status")
        .bytes(core.status)
        .finish();
}

const readCore = (reader: Reader): M2Core => ({
    nonceM: reader.bytes(32, "nonceM"),
    pkE: reader.bytes(32, "pkE"),
    status: reader.bytes(reader.u16("length of the status"), "status"),
});

/**
 * Decodes the core of an M2.
 *
 * @throws ProtocolError (malformed)
 */
export function decodeM2Core(bytes: Uint8Array): M2Core {
    const reader = new Reader(bytes, "M2");
    const core = readCore(reader);
    reader.end();
    return core;
}

export interface M2 {
    readonly core: M2Core;
    readonly evidenceType: number;
    readonly evidence: Uint8Array;
}

/** Encodes a whole M2: core, evidence type, evidence. */
export function encodeM2({ core, evidenceType, evidence }: M2): Uint8Array {
    return new Writer()
        .bytes(encodeM2Core(core))
        .u16(evidenceType, "evidenceType")
        .u32(evidence.length, "length of the evidence")
        .bytes(evidence)
        .finish();
}

/**
 * Decodes a whole M2.
 *
 * @throws ProtocolError for another layout or evidence of more than 64 KiB
 */
export function decodeM2(bytes: Uint8Array): M2 {
    const reader = new Reader(bytes, "M2");
    const core = readCore(reader);
    const evidenceType = reader.u16("evidence type");
    const length = reader.u32("length of the evidence");
    if (length > MAX_EVIDENCE) throw malformed(`M2: evidence of ${length} bytes is longer than ${MAX_EVIDENCE}`);
    const evidence = reader.bytes(length, "evidence");
    reader.end();
    return { core, evidenceType, evidence };
}

/**
 * What the evidence binds: `SHA-512("aex/v1/report-data\0" ‖ SHA-256(M1) ‖ nonceM ‖ pkE ‖ SHA-256(status))`.
 *
 * @param m1 - the encoded M1, signature included
 * @returns 64 bytes, to be compared at full width
 */
export function reportData(m1: Uint8Array, core: M2Core): Uint8Array {
    requireLength("nonceM", core.nonceM, 32);
    requireLength("pkE", core.pkE, 32);
    return sha512(concat(label("aex/v1/report-data"), sha256(m1), core.nonceM, core.pkE, sha256(core.status)));
}

/** `SHA-256(M1 ‖ M2core)`: what M3, commands and hand-overs are bound to. */
export const sessionHash = (m1: Uint8Array, m2Core: Uint8Array): Uint8Array => sha256(concat(m1, m2Core));

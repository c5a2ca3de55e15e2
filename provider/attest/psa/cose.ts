// COSE_Sign1 (RFC 9052, section 4.2) with ES256 and nothing else.
import { concat } from "../bytes";
import { malformed, refuse } from "../refusal";
import { CborTag, cborHead, cborString, decodeCbor, type CborMap } from "./cbor";

/** A signed message, its parts as they stood in the input. */
export interface CoseSign1 {
    readonly payload: Uint8Array;
    /** r ‖ s, 32 bytes each. */
    readonly signature: Uint8Array;
    /** The Sig_structure that the signature covers, with the protected header as it was received. */
    readonly signed: Uint8Array;
}

const TAG_SIGN1 = 18;
const TAG_MAC0 = 17;
const LABEL_ALGORITHM = 1;
const ES256 = -7;

/**
 * Parses a tagged COSE_Sign1.
 *
 * The algorithm must be ES256 and stand in the protected header; the unprotected header must be empty, because nothing
 * in it is authenticated and a verifier with an enrolled key needs nothing from it.
 *
 * @param bytes - one message, with tag 18
 * @throws EvidenceRefused for everything else, COSE_Mac0 (tag 17) included
 */
export function parseSign1(bytes: Uint8Array): CoseSign1 {
    const message = decodeCbor(bytes, "COSE");
    if (!(message instanceof CborTag) || message.tag !== TAG_SIGN1) {
        const found = message instanceof CborTag ? `tag ${message.tag}${message.tag === TAG_MAC0 ? " (COSE_Mac0)" : ""}` : "no tag";
        throw refuse("AE-ATTEST-UNSUPPORTED", "COSE: message type", found, "tag 18 (COSE_Sign1)");
    }
    const parts = message.value;
    if (!Array.isArray(parts) || parts.length !== 4) {
        throw malformed("COSE: COSE_Sign1", "another structure", "an array of four elements");
    }
    const [protectedHeader, unprotectedHeader, payload, signature] = parts as readonly unknown[];
    if (!(protectedHeader instanceof Uint8Array) || !(payload instanceof Uint8Array) || !(signature instanceof Uint8Array)) {
        throw malformed("COSE: COSE_Sign1", "elements of other types", "protected header, payload and signature as byte strings");
    }
    requireEs256(protectedHeader, unprotectedHeader);
    if (signature.length !== 64) {
        throw malformed("COSE: signature", `${signature.length} bytes`, "64 bytes");
    }
    return { payload, signature, signed: sigStructure(protectedHeader, payload) };
}

function requireEs256(protectedBytes: Uint8Array, unprotectedHeader: unknown): void {
    if (!(unprotectedHeader instanceof Map) || unprotectedHeader.size !== 0) {
        throw refuse("AE-ATTEST-UNSUPPORTED", "COSE: unprotected header", "header parameters without protection", "an empty map");
    }
    // An empty header may be written as an empty byte string (RFC 9052, section 3).
    const header = protectedBytes.length === 0 ? null : decodeCbor(protectedBytes, "COSE: protected header");
    const parameters = header instanceof Map ? (header as CborMap) : (new Map() as CborMap);
    const algorithm = parameters.get(LABEL_ALGORITHM);
    if (parameters.size !== 1 || algorithm !== ES256) {
        const found = algorithm === undefined ? "no algorithm" : `algorithm ${typeof algorithm === "number" ? algorithm : "of another type"} and ${parameters.size - 1} other parameters`;
        throw refuse("AE-ATTEST-UNSUPPORTED", "COSE: protected header", found, "algorithm -7 (ES256) alone");
    }
}

/** `["Signature1", protected, external_aad, payload]` with an empty external_aad (RFC 9052, section 4.4). */
export function sigStructure(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
    return concat(
        cborHead(4, 4),
        cborString(new TextEncoder().encode("Signature1"), true),
        cborString(protectedHeader, false),
        cborString(new Uint8Array(0), false),
        cborString(payload, false),
    );
}

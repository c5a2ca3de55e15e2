// Sancus evidence: a challenge of fixed length and the module's MAC over it.
//
// evidence = challenge64 | MAC(K_module, "LE" ‖ challenge), the tag being as long as the node's keys: 8 or 16 bytes.
// "LE" is the label of evidence outside a session; no other use of the module key has it (docs/protocol.md, section 10).
import { ByteReader, concat } from "../bytes";
import { malformed } from "../refusal";

/** Bytes of the challenge: the report data of the protocol, whole. */
export const SANCUS_CHALLENGE_LENGTH = 64;

const LABEL = new TextEncoder().encode("LE");

/** Every field of the evidence. */
export interface SancusEvidence {
    readonly challenge: Uint8Array;
    readonly tag: Uint8Array;
    /** label ‖ challenge: what the module authenticates. */
    readonly message: Uint8Array;
}

/**
 * Parses evidence.
 *
 * @param bytes - challenge (64 bytes) ‖ tag (8 or 16 bytes)
 * @throws EvidenceRefused for every other length
 */
export function parseSancusEvidence(bytes: Uint8Array): SancusEvidence {
    const reader = new ByteReader(bytes, "Sancus evidence");
    const challenge = reader.take(SANCUS_CHALLENGE_LENGTH, "challenge");
    if (reader.remaining !== 8 && reader.remaining !== 16) {
        throw malformed("Sancus evidence: tag", `${reader.remaining} bytes`, "8 or 16 bytes");
    }
    const tag = reader.take(reader.remaining, "tag");
    reader.end();
    return { challenge, tag, message: sancusEvidenceMessage(challenge) };
}

/**
 * What a module authenticates for a challenge.
 *
 * @param challenge - 64 bytes
 */
export function sancusEvidenceMessage(challenge: Uint8Array): Uint8Array {
    if (challenge.length !== SANCUS_CHALLENGE_LENGTH) {
        throw new RangeError(`a challenge has ${SANCUS_CHALLENGE_LENGTH} bytes, not ${challenge.length}`);
    }
    return concat(LABEL, challenge);
}

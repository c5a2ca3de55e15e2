// Evidence of the OP-TEE attestation PTA, with the nonce that it was asked for.
//
// OP-TEE, lib/libutee/include/pta_attestation.h: the PTA returns hash32 ‖ signature, where the signature is RSASSA-PSS with
// SHA-256 and a 32-byte salt over nonce ‖ hash. The nonce is not part of its output, nor is the command that made the hash;
// so evidence here is nonce64 ‖ hash32 ‖ signature, and the length of the nonce is fixed: otherwise the boundary between
// nonce and hash could be moved.
import { ByteReader, concat } from "../bytes";
import { malformed } from "../refusal";

/** Bytes of the nonce: the report data of the protocol. */
export const OPTEE_NONCE_LENGTH = 64;

// RSA with 2048, 3072 (the PTA's default) and 4096 bits.
const SIGNATURE_LENGTHS: readonly number[] = [256, 384, 512];

/** Every field of the evidence. */
export interface OpteeEvidence {
    readonly nonce: Uint8Array;
    /** SHA-256 of the memory of a trusted application or of OP-TEE itself. */
    readonly hash: Uint8Array;
    /** As long as the modulus of the device's key. */
    readonly signature: Uint8Array;
    /** nonce ‖ hash. */
    readonly signed: Uint8Array;
}

/**
 * Parses evidence.
 *
 * @param bytes - nonce (64 bytes) ‖ hash (32 bytes) ‖ signature (256, 384 or 512 bytes)
 * @throws EvidenceRefused for every other length
 */
export function parseOpteeEvidence(bytes: Uint8Array): OpteeEvidence {
    const reader = new ByteReader(bytes, "OP-TEE evidence");
    const nonce = reader.take(OPTEE_NONCE_LENGTH, "nonce");
    const hash = reader.take(32, "hash");
    if (!SIGNATURE_LENGTHS.includes(reader.remaining)) {
        throw malformed("OP-TEE evidence: signature", `${reader.remaining} bytes`, `${SIGNATURE_LENGTHS.join(", ")} bytes`);
    }
    const signature = reader.take(reader.remaining, "signature");
    reader.end();
    return { nonce, hash, signature, signed: concat(nonce, hash) };
}

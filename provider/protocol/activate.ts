// Activate: the deployer's word that both ends have confirmed the same keys (docs/protocol.md section 4).
import { sha256 } from "@noble/hashes/sha2";
import { Reader, Writer, ascii, concat, label } from "./bytes";
import type { HpkeContext } from "./hpke";
import { malformed } from "./refusal";
import { SIGNATURE_LENGTH, requireSignature, sign } from "./signature";

/** A connection and the key both of its ends hold. */
export interface Activation {
    readonly connection: number;
    /** 8 bytes. */
    readonly keyId: Uint8Array;
}

/** `SHA-256(M1 ‖ M2core ‖ M3 ‖ M4)`. */
export const configurationTranscript = (m1: Uint8Array, m2Core: Uint8Array, m3: Uint8Array, m4: Uint8Array): Uint8Array => sha256(concat(m1, m2Core, m3, m4));

/**
 * Encodes and signs an Activate.
 *
 * @param transcript - {@link configurationTranscript}, 32 bytes
 * @param activations - every connection the M3 set with a key, in its order
 * @param secretKey - the deployer's Ed25519 seed
 * @throws RangeError naming a field of another length
 */
export function encodeActivate(transcript: Uint8Array, activations: readonly Activation[], secretKey: Uint8Array): Uint8Array {
    const writer = new Writer()
        .bytes(ascii("AEXA"))
        .u8(1)
        .field("transcript", transcript, 32)
        .u16(activations.length, "number of activations");
    for (const { connection, keyId } of activations) writer.u32(connection, "connection").field("keyId", keyId, 8);
    const body = writer.finish();
    return concat(body, sign("activate", body, secretKey));
}

/**
 * Decodes an Activate and checks its signature (the module's side, which then compares transcript and key ids).
 *
 * @throws ProtocolError (malformed or signature)
 */
export function decodeActivate(bytes: Uint8Array, deployerKey: Uint8Array): { transcript: Uint8Array; activations: readonly Activation[] } {
    const reader = new Reader(bytes, "Activate");
    reader.magic("AEXA");
    reader.version();
    const transcript = reader.bytes(32, "transcript");
    const count = reader.u16("number of activations");
    if (reader.remaining !== 12 * count + SIGNATURE_LENGTH) throw malformed(`Activate: ${count} activations do not make ${bytes.length} bytes`);
    const activations = Array.from({ length: count }, () => ({ connection: reader.u32("connection"), keyId: reader.bytes(8, "keyId") }));
    const signature = reader.bytes(SIGNATURE_LENGTH, "signature");
    reader.end();
    requireSignature("activate", bytes.subarray(0, bytes.length - SIGNATURE_LENGTH), signature, deployerKey);
    return { transcript, activations };
}

/**
 * The reply to an Activate: 32 bytes from the exporter of the M3's context, the same for the same Activate.
 *
 * @param context - of the M3
 */
export const activated = (context: HpkeContext, activate: Uint8Array): Uint8Array => context.exportSecret(concat(label("aex/v1/activated"), sha256(activate)));

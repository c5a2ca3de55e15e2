// M3 and M4: a table update, HPKE-sealed to the module's fresh key and signed, and its confirmation
// (docs/protocol.md section 4).
import { sha256 } from "@noble/hashes/sha2";
import { Reader, Writer, concat, label, requireLength } from "./bytes";
import { setupReceiver, setupSender, type HpkeContext, type KeyPair } from "./hpke";
import { SIGNATURE_LENGTH, requireSignature, sign } from "./signature";

/** A message that was sealed in a session, and the context that the reply is exported from. */
export interface Sealed {
    readonly message: Uint8Array;
    readonly context: HpkeContext;
}

/** A message that was opened: its plaintext (cleared by the caller) and the context to export from. */
export interface Opened {
    readonly plaintext: Uint8Array;
    readonly context: HpkeContext;
}

/**
 * Seals and signs an M3.
 *
 * @param session - `SHA-256(M1 ‖ M2core)`, 32 bytes
 * @param pkE - the module's fresh key, 32 bytes
 * @param plaintext - an encoded table update, at most 65,519 bytes
 * @param secretKey - the deployer's Ed25519 seed
 * @param ephemeral - for vectors only
 * @throws RangeError for another length; ProtocolError for a pkE of small order
 */
export function sealM3(session: Uint8Array, pkE: Uint8Array, plaintext: Uint8Array, secretKey: Uint8Array, ephemeral?: KeyPair): Sealed {
    requireLength("session", session, 32);
    const { enc, context } = setupSender(pkE, session, ephemeral);
    const ciphertext = context.seal(plaintext);
    const body = new Writer().bytes(enc).u16(ciphertext.length, "length of M3").bytes(ciphertext).finish();
    return { message: concat(body, sign("m3", concat(session, body), secretKey)), context };
}

/**
 * Checks the signature of an M3 and opens it (the module's side).
 *
 * @param recipient - the session's key pair; the caller erases it in every case
 * @param deployerKey - the measured public key
 * @throws ProtocolError (malformed, signature or decryption)
 */
export function openM3(session: Uint8Array, m3: Uint8Array, recipient: KeyPair, deployerKey: Uint8Array): Opened {
    requireLength("session", session, 32);
    const reader = new Reader(m3, "M3");
    const enc = reader.bytes(32, "enc");
    const ciphertext = reader.bytes(reader.u16("length"), "ciphertext");
    const signature = reader.bytes(SIGNATURE_LENGTH, "signature");
    reader.end();
    requireSignature("m3", concat(session, m3.subarray(0, m3.length - SIGNATURE_LENGTH)), signature, deployerKey);
    const context = setupReceiver(enc, recipient, session);
    return { plaintext: context.open(ciphertext), context };
}

/**
 * M4: the confirmation that only the holder of pkE's secret key can compute.
 *
 * @param context - of the M3
 * @returns 32 bytes; the deployer compares in constant time
 */
export const confirmation = (context: HpkeContext, m1: Uint8Array, m2Core: Uint8Array, m3: Uint8Array): Uint8Array =>
    context.exportSecret(concat(label("aex/v1/confirm"), sha256(concat(m1, m2Core, m3))));

// What an M3 and a command have in common: sealed to the session's fresh key with HPKE, and signed by the deployer
// (docs/protocol.md section 4): enc32 | length | ciphertext | sig64.
import { Reader, Writer, concat, requireLength } from "./bytes";
import { setupReceiver, setupSender, type HpkeContext, type KeyPair } from "./hpke";
import { SIGNATURE_LENGTH, requireSignature, sign } from "./signature";

/** Which message it is: the label of its signature, and the width of its length. */
export type SealedType = Readonly<{ label: "m3"; length: "u16"; name: string }> | Readonly<{ label: "command"; length: "u32"; name: string }>;

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
 * Seals and signs a message.
 *
 * @param session - `SHA-256(M1 ‖ M2core)`, 32 bytes
 * @param pkE - the module's fresh key, 32 bytes
 * @param secretKey - the deployer's Ed25519 seed
 * @param ephemeral - for vectors only
 * @throws RangeError for another length; ProtocolError for a pkE of small order
 */
export function sealSigned(type: SealedType, session: Uint8Array, pkE: Uint8Array, plaintext: Uint8Array, secretKey: Uint8Array, ephemeral?: KeyPair): Sealed {
    requireLength("session", session, 32);
    const { enc, context } = setupSender(pkE, session, ephemeral);
    const ciphertext = context.seal(plaintext);
    const body = new Writer().bytes(enc)[type.length](ciphertext.length, `length of ${type.name}`).bytes(ciphertext).finish();
    return { message: concat(body, sign(type.label, concat(session, body), secretKey)), context };
}

/**
 * Checks the signature of a message and opens it (the module's side).
 *
 * @param recipient - the session's key pair; the caller erases it in every case
 * @param deployerKey - the measured public key
 * @throws ProtocolError (malformed, signature or decryption)
 */
export function openSigned(type: SealedType, session: Uint8Array, message: Uint8Array, recipient: KeyPair, deployerKey: Uint8Array): Opened {
    requireLength("session", session, 32);
    const reader = new Reader(message, type.name);
    const enc = reader.bytes(32, "enc");
    const ciphertext = reader.bytes(reader[type.length]("length"), "ciphertext");
    const signature = reader.bytes(SIGNATURE_LENGTH, "signature");
    reader.end();
    requireSignature(type.label, concat(session, message.subarray(0, message.length - SIGNATURE_LENGTH)), signature, deployerKey);
    const context = setupReceiver(enc, recipient, session);
    return { plaintext: context.open(ciphertext), context };
}

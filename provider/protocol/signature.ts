// Signatures of the deployer: strict Ed25519 over a label and a body (docs/protocol.md section 1; RFC 8032).
import { ed25519 } from "@noble/curves/ed25519";
import { publicKey, signEd25519 } from "../crypto/curve25519";
import { concat, label, requireLength } from "./bytes";
import { ProtocolError, REFUSAL } from "./refusal";

/** What a signature is for. A signature of one type is never valid as another. */
export type SignatureType = "m1" | "m3" | "activate" | "command" | "prepare" | "offer" | "abort" | "release";

/** Bytes of a signature. */
export const SIGNATURE_LENGTH = 64;

/** The bytes that are signed: `"aex/v1/<type>\0" ‖ body`. */
export const signedBytes = (type: SignatureType, body: Uint8Array): Uint8Array => concat(label(`aex/v1/${type}`), body);

/**
 * Signs a body as a type of message.
 *
 * @param secretKey - Ed25519 seed, 32 bytes
 * @returns the signature, 64 bytes
 * @throws RangeError for another length of the key
 * @example
 * const signature = sign("m1", body, deployer.secretKey);
 */
export function sign(type: SignatureType, body: Uint8Array, secretKey: Uint8Array): Uint8Array {
    return signEd25519(signedBytes(type, body), secretKey);
}

/**
 * Whether a signature is valid, by the strict rules: canonical encodings, no key of small order, S below the group order.
 *
 * @param publicKey - the deployer's public key, 32 bytes
 */
export function verify(type: SignatureType, body: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
    requireLength("publicKey", publicKey, 32);
    if (signature.length !== SIGNATURE_LENGTH) return false;
    try {
        // noble's default follows ZIP 215, which accepts keys of small order.
        return ed25519.verify(signature, signedBytes(type, body), publicKey, { zip215: false });
    } catch {
        return false;
    }
}

/**
 * Requires a valid signature.
 *
 * @throws ProtocolError (signature)
 */
export function requireSignature(type: SignatureType, body: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): void {
    if (!verify(type, body, signature, publicKey)) throw new ProtocolError(REFUSAL.signature, `the signature is not the deployer's (${type})`);
}

/** The public key of a secret key. */
export const publicKeyOf = (secretKey: Uint8Array): Uint8Array => publicKey("Ed25519", secretKey);

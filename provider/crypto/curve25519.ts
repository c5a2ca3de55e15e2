// Ed25519 (RFC 8032) and X25519 (RFC 7748) with the keys as 32 bytes, by OpenSSL: a session takes several of each, and
// in JavaScript they were most of the time that `pulumi up` spent on a connection.
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, sign } from "node:crypto";
import { requireLength } from "../protocol/bytes";

type Curve = "Ed25519" | "X25519";

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** As JWK (RFC 8037), which Node.js takes ten times faster than DER. It derives `x` itself, and only asks that there is one. */
function secretKeyOf(curve: Curve, secretKey: Uint8Array): KeyObject {
    requireLength("secretKey", secretKey, 32);
    return createPrivateKey({ key: { kty: "OKP", crv: curve, d: base64(secretKey), x: "" }, format: "jwk" });
}

/**
 * The public key of a secret key.
 *
 * @param secretKey - 32 bytes
 * @returns 32 bytes
 * @throws RangeError for another length
 */
export function publicKey(curve: Curve, secretKey: Uint8Array): Uint8Array {
    const { x } = createPublicKey(secretKeyOf(curve, secretKey)).export({ format: "jwk" });
    return new Uint8Array(Buffer.from(x ?? "", "base64url"));
}

/**
 * The signature of a message, 64 bytes; the same each time.
 *
 * @param secretKey - Ed25519 seed, 32 bytes
 * @throws RangeError for another length
 */
export function signEd25519(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, secretKeyOf("Ed25519", secretKey)));
}

/**
 * What two X25519 key pairs have in common, 32 bytes.
 *
 * @param secretKey - 32 bytes
 * @param peer - the other's public key, 32 bytes
 * @throws RangeError for another length; Error for a public key of small order
 */
export function sharedSecret(secretKey: Uint8Array, peer: Uint8Array): Uint8Array {
    requireLength("publicKey", peer, 32);
    const other = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: base64(peer) }, format: "jwk" });
    return new Uint8Array(diffieHellman({ privateKey: secretKeyOf("X25519", secretKey), publicKey: other }));
}

// The vendor's key: RSA with 3072 bits and exponent 3, which is what SGX takes (Intel SDM vol. 3D, "MRSIGNER – Sealing
// Authority").
import { createHash, createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { AuthenticError } from "../../errors";

/** Bytes of a modulus. */
export const MODULUS = 384;
const BITS = 3072;
const EXPONENT = 3;

const unusable = (what: string): AuthenticError => new AuthenticError("AE-SGX-VENDOR-KEY", `the vendor key ${what}`,
    "make one with `openssl genrsa -3 3072`, or omit `vendorKey` to have one generated");

/**
 * Draws a key.
 *
 * @returns PKCS #8 in PEM; a secret
 */
export async function generateVendorKey(): Promise<string> {
    const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: BITS, publicExponent: EXPONENT });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A vendor key, ready to sign. */
export interface VendorKey {
    readonly key: KeyObject;
    /** Little-endian, as SGX has all its integers; 384 bytes. */
    readonly modulus: Uint8Array;
}

/**
 * Reads a key.
 *
 * @param pem - an unencrypted private key
 * @throws AuthenticError `AE-SGX-VENDOR-KEY`, which tells nothing of the key
 */
export function readVendorKey(pem: string): VendorKey {
    let key: KeyObject;
    try {
        key = createPrivateKey(pem);
    } catch {
        // Without a cause: it may quote the text.
        throw unusable("is not an unencrypted private key in PEM");
    }
    const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
    if (key.asymmetricKeyType !== "rsa" || modulusLength !== BITS || publicExponent !== BigInt(EXPONENT)) {
        throw unusable(`is not an RSA key of ${BITS} bits with exponent ${EXPONENT}`);
    }
    const modulus = Buffer.from(key.export({ format: "jwk" }).n ?? "", "base64url");
    return { key, modulus: new Uint8Array(modulus).reverse() };
}

/**
 * What reports name the vendor by: SHA-256 of the modulus as SIGSTRUCT has it.
 *
 * @returns 32 bytes
 */
export function mrsigner({ modulus }: Pick<VendorKey, "modulus">): Uint8Array {
    return new Uint8Array(createHash("sha256").update(modulus).digest());
}

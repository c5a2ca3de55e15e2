// The signature algorithms and public keys of the supported profiles, and nothing else.

import { constants, createPublicKey, verify, type JsonWebKey, type KeyObject } from "node:crypto";
import { concat, hex } from "../bytes";
import { DerReader, Tag } from "./der";

/** Algorithms that certificates and revocation lists are signed with. */
export type SignatureAlgorithm = "ecdsa-sha256" | "ecdsa-sha384" | "rsa-pss-sha384";

/** Key types, with their sizes. */
export type KeyType = "P-256" | "P-384" | "RSA-4096";

/** A public key, ready for use. */
export interface PublicKey {
    readonly type: KeyType;
    /** SubjectPublicKeyInfo, DER. */
    readonly spki: Uint8Array;
    /** Uncompressed point 04 ‖ X ‖ Y, or the RSA modulus, big-endian. */
    readonly raw: Uint8Array;
    readonly key: KeyObject;
}

// Whole AlgorithmIdentifiers. RSASSA-PSS appears in AMD's certificates with SHA-384, a 48-byte salt and, against
// DER, the default trailer field written out; that one encoding is taken, and no other parameters.
const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
    "300a06082a8648ce3d040302": "ecdsa-sha256",
    "300a06082a8648ce3d040303": "ecdsa-sha384",
    ["304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108"
        + "300d06096086480165030402020500a203020130a303020101"]: "rsa-pss-sha384",
};

const CURVES: Readonly<Record<string, { type: KeyType; size: number }>> = {
    "06082a8648ce3d030107": { type: "P-256", size: 32 },
    "06052b81040022": { type: "P-384", size: 48 },
};

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const RSA_MODULUS_BYTES = 512;
const RSA_EXPONENT = "010001";

/** Reads an AlgorithmIdentifier. */
export function readSignatureAlgorithm(reader: DerReader, field: string): SignatureAlgorithm {
    const { encoded } = reader.read(Tag.sequence, field);
    const algorithm = ALGORITHMS[hex(encoded)];
    if (algorithm === undefined) {
        throw reader.error(field, hex(encoded), "ECDSA with SHA-256 or SHA-384, or RSASSA-PSS with SHA-384 and a 48-byte salt");
    }
    return algorithm;
}

/** Reads a SubjectPublicKeyInfo; points off the curve are refused. */
export function readPublicKey(reader: DerReader, field: string): PublicKey {
    const element = reader.read(Tag.sequence, field);
    const info = new DerReader(element.content, reader.document);
    const algorithm = info.enter(Tag.sequence, field);
    const oid = algorithm.oid(field);
    if (oid === EC_PUBLIC_KEY) {
        const curve = CURVES[hex(algorithm.read(Tag.oid, field).encoded)];
        algorithm.end(field);
        const point = info.bitStringBytes(field);
        info.end(field);
        if (curve === undefined || point.length !== 1 + 2 * curve.size || point[0] !== 0x04) {
            throw reader.error(field, "another curve or point form", "an uncompressed point on P-256 or P-384");
        }
        return { type: curve.type, spki: element.encoded, raw: point, key: importKey(ecJwk(point, curve), reader, field) };
    }
    if (oid === RSA_ENCRYPTION) {
        algorithm.read(Tag.null, field);
        algorithm.end(field);
        const key = new DerReader(info.bitStringBytes(field), reader.document).only(Tag.sequence, field);
        info.end(field);
        const modulus = key.unsigned(field, RSA_MODULUS_BYTES);
        const exponent = key.unsigned(field, 4);
        key.end(field);
        if (modulus.length !== RSA_MODULUS_BYTES || (modulus[0] ?? 0) < 0x80 || hex(exponent) !== RSA_EXPONENT) {
            throw reader.error(field, "another RSA key size or exponent", "RSA with 4096 bits and exponent 65537");
        }
        return { type: "RSA-4096", spki: element.encoded, raw: modulus, key: importKey(rsaJwk(modulus, exponent), reader, field) };
    }
    throw reader.error(field, oid, "an EC or RSA public key");
}

/** Reads a document that is one SubjectPublicKeyInfo. */
export function parsePublicKey(der: Uint8Array, document: string): PublicKey {
    const reader = new DerReader(der, document);
    const key = readPublicKey(reader, "public key");
    reader.end("public key");
    return key;
}

/**
 * The P-256 key of a raw X ‖ Y, as quotes carry it.
 *
 * @param point - 64 bytes
 * @throws EvidenceRefused when the point is not on the curve
 */
export function p256Key(point: Uint8Array, document: string): PublicKey {
    const header = Uint8Array.from(Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex"));
    return parsePublicKey(concat(header, point), document);
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

function ecJwk(point: Uint8Array, { type, size }: { type: KeyType; size: number }): JsonWebKey {
    return { kty: "EC", crv: type, x: base64url(point.subarray(1, 1 + size)), y: base64url(point.subarray(1 + size)) };
}

function rsaJwk(modulus: Uint8Array, exponent: Uint8Array): JsonWebKey {
    return { kty: "RSA", n: base64url(modulus), e: base64url(exponent) };
}

/** OpenSSL imports JWK twice as fast as DER, and checks that points are on their curve. */
function importKey(key: JsonWebKey, reader: DerReader, field: string): KeyObject {
    try {
        return createPublicKey({ key, format: "jwk" });
    } catch {
        throw reader.error(field, "not a point of the curve, or no RSA modulus", "a valid public key");
    }
}

/**
 * Verifies a raw ECDSA signature r ‖ s. Both s and n − s are valid: evidence is never identified by its hash.
 *
 * @param key - P-256 (with SHA-256) or P-384 (with SHA-384)
 */
export function verifyEcdsa(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
    const [hash, length] = key.type === "P-256" ? ["sha256", 64] as const : ["sha384", 96] as const;
    return key.type !== "RSA-4096" && signature.length === length
        && verify(hash, message, { key: key.key, dsaEncoding: "ieee-p1363" }, signature);
}

/**
 * Verifies the signature of a certificate or revocation list: the algorithm has to be the one of the key type.
 *
 * @param signature - content of the signature bit string: a DER ECDSA-Sig-Value, or the RSA value
 */
export function verifySigned(key: PublicKey, algorithm: SignatureAlgorithm, message: Uint8Array, signature: Uint8Array, document: string): boolean {
    switch (algorithm) {
        case "ecdsa-sha256":
            return key.type === "P-256" && verifyEcdsa(key, message, rawEcdsa(signature, 32, document));
        case "ecdsa-sha384":
            return key.type === "P-384" && verifyEcdsa(key, message, rawEcdsa(signature, 48, document));
        case "rsa-pss-sha384":
            return key.type === "RSA-4096" && signature.length === RSA_MODULUS_BYTES
                && verify("sha384", message, { key: key.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature);
    }
}

/** Converts a strict ECDSA-Sig-Value to r ‖ s. */
function rawEcdsa(signature: Uint8Array, size: number, document: string): Uint8Array {
    const value = new DerReader(signature, document).only(Tag.sequence, "signature");
    const raw = new Uint8Array(2 * size);
    for (const index of [1, 2]) {
        const integer = value.unsigned("signature", size);
        raw.set(integer, index * size - integer.length);
    }
    value.end("signature");
    return raw;
}

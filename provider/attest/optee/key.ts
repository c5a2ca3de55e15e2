// RSA public keys of OP-TEE devices: strict SubjectPublicKeyInfo of 2048, 3072 or 4096 bits, exponent 65537.

import { createPublicKey, type KeyObject } from "node:crypto";
import { hex } from "../bytes";
import { DerReader, Tag } from "../x509/der";

const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const MODULUS_LENGTHS: readonly number[] = [256, 384, 512];

/** An enrolled RSA key. */
export interface RsaKey {
    /** SubjectPublicKeyInfo, DER. */
    readonly spki: Uint8Array;
    /** Length of the modulus, and of signatures, bytes. */
    readonly length: number;
    readonly key: KeyObject;
}

/**
 * Reads a SubjectPublicKeyInfo.
 *
 * @throws EvidenceRefused for another algorithm, size, exponent or encoding
 */
export function parseRsaKey(spki: Uint8Array, document: string): RsaKey {
    const info = new DerReader(spki, document).only(Tag.sequence, "public key");
    const algorithm = info.enter(Tag.sequence, "algorithm");
    const oid = algorithm.oid("algorithm");
    if (oid !== RSA_ENCRYPTION) {
        throw algorithm.error("algorithm", oid, "rsaEncryption");
    }
    if (algorithm.read(Tag.null, "parameters").content.length !== 0) {
        throw algorithm.error("parameters", "content", "NULL");
    }
    algorithm.end("algorithm");
    const key = new DerReader(info.bitStringBytes("key"), document).only(Tag.sequence, "key");
    info.end("public key");
    const modulus = key.unsigned("modulus", 512);
    const exponent = key.unsigned("exponent", 4);
    key.end("key");
    const [first, last] = [modulus[0] ?? 0, modulus[modulus.length - 1] ?? 0];
    if (!MODULUS_LENGTHS.includes(modulus.length) || first < 0x80 || (last & 1) === 0 || hex(exponent) !== "010001") {
        throw key.error("key", `${modulus.length * 8} bits, exponent 0x${hex(exponent)}`, "2048, 3072 or 4096 bits and exponent 65537");
    }
    return { spki, length: modulus.length, key: createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }) };
}

// OP-TEE verification: the signature of one enrolled device over nonce and hash.

import { constants, verify } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2";
import { hex } from "../bytes";
import type { Assurance, VerificationContext } from "../evidence";
import { malformed, refuse } from "../refusal";
import { refuseTestKey } from "../test-keys";
import { decodePem } from "../x509/pem";
import { parseRsaKey, type RsaKey } from "./key";
import type { OpteeEvidence } from "./parse";
import type { OpteePolicy } from "./policy";

/** Evidence that an enrolled device signed. */
export interface VerifiedOptee {
    readonly evidence: OpteeEvidence;
    readonly assurance: Assurance;
    /** SHA-256 of the device key's SubjectPublicKeyInfo, hexadecimal. */
    readonly device: string;
}

/**
 * Verifies evidence. It carries no certificate, so the device is the enrolled key under which it verifies.
 *
 * @throws EvidenceRefused at the first check that fails
 */
export function verifyOptee(evidence: OpteeEvidence, _collateral: null, { roots, policy }: VerificationContext<OpteePolicy>): VerifiedOptee {
    const keys = roots.assurance === "hardware"
        ? policy.devices.map(enrolledKey)
        : roots.anchors.map((spki) => parseRsaKey(spki, "OP-TEE device key"));
    keys.forEach(({ spki }, index) => { refuseTestKey(`authentic:trust.optee.devices[${index}]`, spki); });
    const signer = keys.find((key) => signed(key, evidence));
    if (signer === undefined) {
        throw refuse("AE-ATTEST-SIGNATURE", "OP-TEE evidence: signature", "invalid under every enrolled key", "a signature of an enrolled device", "authentic:trust.optee.devices");
    }
    return { evidence, assurance: roots.assurance, device: hex(sha256(signer.spki)) };
}

function enrolledKey(pem: string, index: number): RsaKey {
    const document = `authentic:trust.optee.devices[${index}]`;
    const [der, ...more] = decodePem(pem, "PUBLIC KEY", document);
    if (der === undefined || more.length > 0) {
        throw malformed(document, `${1 + more.length} keys`, "one public key");
    }
    return parseRsaKey(der, document);
}

function signed({ key, length }: RsaKey, { signed: message, signature }: OpteeEvidence): boolean {
    return signature.length === length
        && verify("sha256", message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
}

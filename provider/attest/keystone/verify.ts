// Keystone verification: device → security monitor → enclave, both signatures strict Ed25519.

import { ed25519 } from "@noble/curves/ed25519";
import { concat, hex } from "../bytes";
import type { Assurance, VerificationContext } from "../evidence";
import { malformed, refuse } from "../refusal";
import { refuseTestKey } from "../test-keys";
import type { KeystoneReport } from "./parse";
import type { KeystonePolicy } from "./policy";

/** A report whose two signatures hold under an enrolled device. */
export interface VerifiedKeystone {
    readonly report: KeystoneReport;
    readonly assurance: Assurance;
}

// DER of an Ed25519 SubjectPublicKeyInfo up to the key (RFC 8410).
const SPKI_PREFIX = Uint8Array.from(Buffer.from("302a300506032b6570032100", "hex"));

/** SubjectPublicKeyInfo of a raw Ed25519 key. */
export function ed25519Spki(key: Uint8Array): Uint8Array {
    return concat(SPKI_PREFIX, key);
}

/** The raw key of an Ed25519 SubjectPublicKeyInfo. */
export function ed25519Key(spki: Uint8Array, document: string): Uint8Array {
    const key = spki.subarray(SPKI_PREFIX.length);
    if (key.length !== 32 || hex(ed25519Spki(key)) !== hex(spki)) {
        throw malformed(document, "another key type or encoding", "an Ed25519 public key (RFC 8410)");
    }
    return key;
}

/**
 * Verifies a report.
 *
 * @throws EvidenceRefused at the first check that fails
 */
export function verifyKeystone(report: KeystoneReport, _collateral: null, { roots, policy }: VerificationContext<KeystonePolicy>): VerifiedKeystone {
    const devices = roots.assurance === "hardware" ? policy.devices : roots.anchors.map((spki) => hex(ed25519Key(spki, "Keystone device key")));
    if (!devices.includes(hex(report.deviceKey))) {
        throw refuse("AE-ATTEST-BINDING", "Keystone report: device key", hex(report.deviceKey), "an enrolled device", "authentic:trust.keystone.devices");
    }
    refuseTestKey("Keystone report: device key", ed25519Spki(report.deviceKey));
    checkSignature(report.deviceKey, report.monitorSigned, report.monitorSignature, "Keystone report: security monitor signature", "the device key");
    checkSignature(report.monitorKey, report.enclaveSigned, report.enclaveSignature, "Keystone report: enclave signature", "the security monitor key");
    return { report, assurance: roots.assurance };
}

function checkSignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array, claim: string, signer: string): void {
    let valid: boolean;
    try {
        // zip215 would accept keys of small order, under which anybody can sign; strict verification also refuses S ≥ L.
        valid = !hasSmallOrder(key) && ed25519.verify(signature, message, key, { zip215: false });
    } catch {
        // The library throws for encodings that are no point or scalar.
        valid = false;
    }
    if (!valid) {
        throw refuse("AE-ATTEST-SIGNATURE", claim, "invalid", `a signature of ${signer}`);
    }
}

function hasSmallOrder(key: Uint8Array): boolean {
    return ed25519.Point.fromHex(key, false).isSmallOrder();
}

// The quoting enclave: certified by the PCK, identified by Intel's QE identity, and the holder of the attestation key.

import { sha256 } from "@noble/hashes/sha2";
import { concat, equalBytes, fromHex, hex } from "../bytes";
import { refuse } from "../refusal";
import { p256Key, verifyEcdsa, type PublicKey } from "../x509/algorithm";
import type { Certification } from "./quote";
import { Attribute, type ReportBody } from "./report-body";
import type { IsvLevel, QeIdentity } from "./schemas";

/**
 * Verifies the chain from the PCK to the attestation key.
 *
 * @param point - attestation key, X ‖ Y
 * @returns the attestation key
 */
export function verifyAttestationKey(certification: Certification, point: Uint8Array): PublicKey {
    const [pck] = certification.pckChain;
    if (!verifyEcdsa(pck.publicKey, certification.qeReportBytes, certification.qeReportSignature)) {
        throw refuse("AE-ATTEST-SIGNATURE", "QE report: signature", "invalid", "a signature of the PCK");
    }
    // SHA-256(attestation key ‖ all authentication data) ‖ 32 zero bytes.
    const bound = new Uint8Array(64);
    bound.set(sha256(concat(point, certification.qeAuthenticationData)));
    if (!equalBytes(certification.qeReport.reportData, bound)) {
        throw refuse("AE-ATTEST-SIGNATURE", "QE report: report data", hex(certification.qeReport.reportData), `${hex(bound)}, the hash of attestation key and QE authentication data`);
    }
    return p256Key(point, "attestation key");
}

/**
 * Compares a QE report with Intel's identity of that enclave.
 *
 * @param id - `QE` for SGX, `TD_QE` for TDX
 * @returns the level that its security version reaches
 */
export function appraiseQuotingEnclave(report: ReportBody, identity: QeIdentity, id: QeIdentity["id"]): IsvLevel {
    if (identity.id !== id) {
        throw refuse("AE-ATTEST-COLLATERAL", "QE identity: id", identity.id, id);
    }
    const mrsigner = hex(report.mrsigner);
    if (mrsigner !== identity.mrsigner) {
        throw refuse("AE-ATTEST-TCB", "QE report: MRSIGNER", mrsigner, identity.mrsigner);
    }
    if (report.isvProdId !== identity.isvprodid) {
        throw refuse("AE-ATTEST-TCB", "QE report: ISVPRODID", String(report.isvProdId), String(identity.isvprodid));
    }
    checkMasked("QE report: MISCSELECT", report.miscSelect, identity.miscselect, identity.miscselectMask);
    checkMasked("QE report: ATTRIBUTES", report.attributes, identity.attributes, identity.attributesMask);
    if (((report.attributes[0] ?? Attribute.debug) & Attribute.debug) !== 0) {
        throw refuse("AE-ATTEST-TCB", "QE report: ATTRIBUTES.DEBUG", "set", "clear");
    }
    return matchIsvLevel(identity.tcbLevels, report.isvSvn, "QE report: ISVSVN");
}

/** The first level that a security version reaches; levels are listed from the highest. */
export function matchIsvLevel(levels: readonly IsvLevel[], isvSvn: number, claim: string): IsvLevel {
    const level = levels.find(({ tcb }) => tcb.isvsvn <= isvSvn);
    if (level === undefined) {
        throw refuse("AE-ATTEST-TCB", claim, String(isvSvn), `at least ${levels[levels.length - 1]?.tcb.isvsvn ?? 0}`);
    }
    return level;
}

/** Compares the bits that a mask selects; all three have the byte order of the report. */
export function checkMasked(claim: string, found: Uint8Array, required: string, mask: string): void {
    const maskBytes = fromHex(mask, claim);
    const masked = found.map((byte, index) => byte & (maskBytes[index] ?? 0xff));
    if (found.length !== maskBytes.length || hex(masked) !== required) {
        throw refuse("AE-ATTEST-TCB", claim, hex(found), `${required} under the mask ${mask}`);
    }
}

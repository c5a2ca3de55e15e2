// Verification that SGX and TDX quotes share: from the pinned root to the bytes of the report.

import type { Assurance, VerificationContext } from "../evidence";
import { anchorsOf } from "../evidence";
import { refuse } from "../refusal";
import { INTEL_SGX_ROOT } from "../roots";
import { verifyEcdsa } from "../x509/algorithm";
import { fingerprint } from "../x509/path";
import { verifyChains } from "./chain";
import type { DcapCollateral } from "./collateral";
import { readPckPlatform, type PckPlatform } from "./pck";
import type { DcapPolicy } from "./policy";
import type { Certification } from "./quote";
import { appraiseQuotingEnclave, verifyAttestationKey } from "./quoting-enclave";
import type { IsvLevel, QeIdentity, SgxTcbInfo, TdxTcbInfo } from "./schemas";
import { checkSignedJson } from "./signed-json";

/** What a quote consists of, whichever TEE it speaks for. */
export interface SignedQuote {
    /** Header and body. */
    readonly signedPart: Uint8Array;
    readonly signature: Uint8Array;
    readonly attestationKey: Uint8Array;
    readonly certification: Certification;
}

/** A platform whose quote verified. */
export interface VerifiedPlatform {
    readonly assurance: Assurance;
    readonly pck: PckPlatform;
    readonly qeLevel: IsvLevel;
    readonly qeSvn: number;
    /** The lower one of TCB information and QE identity. */
    readonly tcbEvaluationDataNumber: number;
}

const VENDOR_ROOTS: ReadonlySet<string> = new Set([INTEL_SGX_ROOT]);

/**
 * Verifies chains, revocation, collateral, quoting enclave and quote signature.
 *
 * @param quote - the parsed quote
 * @param collateral - the parsed collateral
 * @param qeId - whose quoting enclave it has to be
 */
export function verifyQuote<Info extends SgxTcbInfo | TdxTcbInfo>(quote: SignedQuote, collateral: DcapCollateral<Info>, qeId: QeIdentity["id"], context: VerificationContext<DcapPolicy>, section: "sgx" | "tdx"): VerifiedPlatform {
    const { at, policy, roots } = context;
    const { certification } = quote;
    verifyChains(certification.pckChain, collateral, anchorsOf(roots, VENDOR_ROOTS, fingerprint), at);

    const ageSetting = `authentic:trust.${section}.maxCollateralAgeDays`;
    for (const [document, { text, signature, content, chain }] of [["TCB info", collateral.tcbInfo], ["QE identity", collateral.qeIdentity]] as const) {
        checkSignedJson(text, signature, content, chain[0], document, at, policy.maxCollateralAgeDays, ageSetting);
    }
    const attestationKey = verifyAttestationKey(certification, quote.attestationKey);
    if (!verifyEcdsa(attestationKey, quote.signedPart, quote.signature)) {
        throw refuse("AE-ATTEST-SIGNATURE", "quote: signature", "invalid", "a signature of the attestation key");
    }
    const qeLevel = appraiseQuotingEnclave(certification.qeReport, collateral.qeIdentity.content, qeId);

    const pck = readPckPlatform(certification.pckChain[0], "PCK certificate");
    const info = collateral.tcbInfo.content;
    if (info.fmspc !== pck.fmspc) {
        throw refuse("AE-ATTEST-COLLATERAL", "TCB info: FMSPC", info.fmspc, `${pck.fmspc}, as in the PCK certificate`);
    }
    if (info.pceId !== pck.pceId) {
        throw refuse("AE-ATTEST-COLLATERAL", "TCB info: PCEID", info.pceId, `${pck.pceId}, as in the PCK certificate`);
    }
    return {
        assurance: roots.assurance,
        pck,
        qeLevel,
        qeSvn: certification.qeReport.isvSvn,
        tcbEvaluationDataNumber: Math.min(info.tcbEvaluationDataNumber, collateral.qeIdentity.content.tcbEvaluationDataNumber),
    };
}

/** Whether a platform reaches a level: all 16 components and the PCE. */
export function reachesSgx(pck: PckPlatform, tcb: { readonly sgxtcbcomponents: readonly number[]; readonly pcesvn: number }): boolean {
    return reaches(pck.components, tcb.sgxtcbcomponents, 0) && pck.pceSvn >= tcb.pcesvn;
}

/** Whether every component from an index on is at least the required one. */
export function reaches(found: readonly number[], required: readonly number[], from: number): boolean {
    return found.length === required.length && found.every((svn, index) => index < from || svn >= (required[index] ?? Infinity));
}

/** The refusal when a platform is below every level that Intel lists. */
export function belowEveryLevel(pck: PckPlatform): Error {
    return refuse("AE-ATTEST-TCB", "TCB level", `components ${pck.components.join(" ")}, PCESVN ${pck.pceSvn}`, "at least the lowest level of the TCB info");
}

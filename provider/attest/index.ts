/**
 * Verification of attestation evidence, usable without Pulumi: `import { … } from "pulumi-authentic/attest"`.
 *
 * Evidence is parsed strictly, verified under pinned roots at a time that the caller gives, turned into claims, and
 * appraised against a policy and reference values (terms of RFC 9334). Every refusal names the claim, what was found,
 * what was required, and the line of configuration that would change it.
 *
 * @example
 * import { evidenceTypes, parseTrust, systemClock, verifyEvidence } from "pulumi-authentic/attest";
 *
 * const verdict = verifyEvidence(evidenceTypes.sgx, quote, [collateralJson], {
 *     trust: parseTrust({ sgx: { tcbStatuses: ["UpToDate", "SWHardeningNeeded"], advisories: ["INTEL-SA-00615"] } }),
 *     roots: { assurance: "hardware" },
 *     at: systemClock.now(),
 *     reportData: expectedReportData,
 *     references: { mrenclave },
 * });
 * if (!verdict.accepted) {
 *     verdict.reasons.forEach((reason) => console.error(describe(reason), reason.setting ?? ""));
 * }
 *
 * @packageDocumentation
 */

export { evidenceTypes } from "./registry";
export { verifyEvidence, verifyEvidenceOnline, type Appraisal } from "./verifier";
export { parseTrust, policyHash, trustSchema, type Trust } from "./policy";
export { collateralSources } from "./collateral/clients";
export type { CollateralSources } from "./collateral/sources";
export { fixedClock, formatInstant, instant, systemClock, type Clock } from "./clock";
export { describe, EvidenceRefused, type Refusal, type RefusalCode } from "./refusal";
export type { Assurance, Claims, DebugStatus, EvidenceName, EvidenceType, RootSet, Verdict } from "./evidence";
export { explain } from "./explain";
export { evidenceOfFile } from "./container";
export { publishedTestKey } from "./test-keys";
export type { SgxClaims } from "./sgx/claims";
export type { SgxPolicy, SgxReferences } from "./sgx/policy";
export type { TdxClaims } from "./tdx/claims";
export type { TdxPolicy, TdxReferences } from "./tdx/policy";
export type { SnpClaims } from "./snp/claims";
export type { SnpPolicy, SnpReferences } from "./snp/policy";
export type { PsaClaims } from "./psa/claims";
export type { PsaPolicy, PsaReferences } from "./psa/policy";
export { instanceIdOf } from "./psa/verify";
export { sancusEvidenceMessage } from "./sancus/parse";
export type { SancusClaims } from "./sancus/claims";
export type { SancusPolicy } from "./sancus/policy";
export type { KeystoneClaims } from "./keystone/claims";
export type { KeystonePolicy, KeystoneReferences } from "./keystone/policy";
export type { OpteeClaims } from "./optee/claims";
export type { OpteePolicy, OpteeReferences } from "./optee/policy";

// The evidence type `sancus`: MACs of Sancus modules.

import type { EvidenceType } from "../evidence";
import { refuse } from "../refusal";
import { appraiseSancus } from "./appraise";
import { claimsOfSancus, type SancusClaims } from "./claims";
import { parseSancusEvidence, SANCUS_CHALLENGE_LENGTH, type SancusEvidence } from "./parse";
import { sancusPolicySchema, sancusReferencesSchema, type SancusPolicy, type SancusReferences } from "./policy";
import { readSancusCollateral, verifySancus, type SancusCollateral, type VerifiedSancus } from "./verify";

/** MACs over a challenge, under a module key that the verifier derives. */
export const sancus: EvidenceType<SancusEvidence, SancusCollateral, VerifiedSancus, SancusClaims, SancusPolicy, SancusReferences> = {
    name: "sancus",
    policy: sancusPolicySchema,
    references: sancusReferencesSchema,
    reportDataLength: SANCUS_CHALLENGE_LENGTH,
    parse: parseSancusEvidence,
    readCollateral: readSancusCollateral,
    fetchCollateral: () => Promise.reject(refuse("AE-ATTEST-COLLATERAL", "Sancus module key", "not published", "the key that the verifier derives from the node key")),
    verify: verifySancus,
    claims: claimsOfSancus,
    appraise: (claims, policy) => appraiseSancus(claims, policy),
};

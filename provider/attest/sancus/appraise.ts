// Appraisal of Sancus claims: the security level.

import { Reasons } from "../appraisal";
import type { Refusal } from "../refusal";
import type { SancusClaims } from "./claims";
import type { SancusPolicy } from "./policy";

/** Compares claims with the policy. */
export function appraiseSancus(claims: SancusClaims, policy: SancusPolicy): readonly Refusal[] {
    const reasons = new Reasons();
    reasons.unless(claims.security >= policy.minimumSecurity, "AE-ATTEST-POLICY", "security", `${claims.security} bits`,
        `at least ${policy.minimumSecurity} bits`, "authentic:trust.sancus.minimumSecurity");
    return reasons.list;
}

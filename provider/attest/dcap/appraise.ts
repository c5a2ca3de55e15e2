// Appraisal of an Intel platform against the policy, common to SGX and TDX.

import type { DcapReasons } from "./reasons";
import { fromHex, isZero } from "../bytes";
import { instant } from "../clock";
import type { DcapClaims } from "./claims";
import type { DcapPolicy } from "./policy";

/** Adds the reasons that concern the platform. */
export function appraisePlatform(claims: DcapClaims, policy: DcapPolicy, reasons: DcapReasons): void {
    appraiseTcb(claims, policy, reasons);
    if (policy.platforms !== undefined) {
        reasons.policy(policy.platforms.includes(claims.platform), "platform", claims.platform, policy.platforms.join(" or ") || "none", "platforms");
    }
    // Single-package platforms have neither replaceable packages nor cached keys; on multithreading they are silent.
    for (const flag of ["dynamicPlatform", "cachedKeys"] as const) {
        reasons.policy(policy[flag] || claims[flag] !== true, flag, "true", "false", flag);
    }
    reasons.policy(policy.smt || claims.smt === false, "smt", claims.smt === null ? "not stated" : "true", "false", "smt");
    reasons.policy(policy.debug || claims.debug === "disabled", "debug", claims.debug, "disabled", "debug");
}

function appraiseTcb(claims: DcapClaims, policy: DcapPolicy, reasons: DcapReasons): void {
    const { status, advisories } = claims;
    // No policy accepts a revoked platform: the schema of the statuses has no such member.
    const settable = status !== "Revoked";
    reasons.policy(settable && policy.tcbStatuses.includes(status), "status", status, policy.tcbStatuses.join(" or ") || "none",
        settable ? "tcbStatuses" : null, "AE-ATTEST-TCB");
    const accepted = policy.advisories;
    const open = accepted === "any" ? [] : advisories.filter((advisory) => !accepted.includes(advisory));
    reasons.policy(open.length === 0, "advisories", open.join(", "),
        accepted === "any" || accepted.length === 0 ? "no advisory" : `none but ${accepted.join(", ")}`, "advisories", "AE-ATTEST-TCB");
    reasons.policy(claims.tcbEvaluationDataNumber >= policy.minTcbEvaluationDataNumber, "tcbEvaluationDataNumber",
        String(claims.tcbEvaluationDataNumber), `at least ${policy.minTcbEvaluationDataNumber}`, "minTcbEvaluationDataNumber", "AE-ATTEST-TCB");
    if (policy.minTcbDate !== undefined) {
        const recent = (instant(claims.tcbDate) ?? NaN) >= (instant(policy.minTcbDate) ?? NaN);
        reasons.policy(recent, "tcbDate", claims.tcbDate, `${policy.minTcbDate} or later`, "minTcbDate", "AE-ATTEST-TCB");
    }
}

/** Adds a reason when bits outside a mask are set; both are hexadecimal in the byte order of the report. */
export function appraiseMask(reasons: DcapReasons, claim: string, found: string, allowed: string, setting: string | null): void {
    const mask = fromHex(allowed, claim);
    const outside = fromHex(found, claim).map((byte, index) => byte & ~(mask[index] ?? 0));
    reasons.policy(isZero(outside), claim, found, `no bits outside ${allowed}`, setting);
}

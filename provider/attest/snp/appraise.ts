// Appraisal of SEV-SNP claims: the policy of the stack, and the reference values of one virtual machine.

import { Reasons } from "../appraisal";
import type { AmdTcb } from "../collateral/kds";
import type { Refusal } from "../refusal";
import type { SnpClaims } from "./claims";
import type { SnpPolicy, SnpReferences } from "./policy";

const SECTION = "authentic:trust.snp";

/** Compares claims with policy and references. */
export function appraiseSnp(claims: SnpClaims, policy: SnpPolicy, references: SnpReferences | null): readonly Refusal[] {
    const reasons = new Reasons();
    appraisePlatform(claims, policy, reasons);
    appraiseTcb(claims, policy, reasons);
    appraiseGuest(claims, policy, reasons);
    if (references !== null) {
        compareReferences(claims, references, reasons);
    }
    return reasons.list;
}

function appraisePlatform(claims: SnpClaims, policy: SnpPolicy, reasons: Reasons): void {
    reasons.oneOf(policy.products, "AE-ATTEST-POLICY", "product", claims.product, `${SECTION}.products`);
    reasons.oneOf(policy.platforms, "AE-ATTEST-POLICY", "platform", claims.platform, `${SECTION}.platforms`);
    reasons.oneOf(policy.endorsementKeys, "AE-ATTEST-POLICY", "endorsementKey", claims.endorsementKey, `${SECTION}.endorsementKeys`);
    if (claims.endorsementKey === "vlek") {
        reasons.oneOf(policy.cspIds, "AE-ATTEST-POLICY", "cspId", claims.cspId, `${SECTION}.cspIds`);
    }
    reasons.unless(policy.smt || !claims.platformInfo.smtEnabled, "AE-ATTEST-POLICY", "platformInfo.smtEnabled", "true", "false", `${SECTION}.smt`);
    const reported = claims.reportVersion >= 3;
    const needed = policy.aliasCheck === "required" || (policy.aliasCheck === "where-reported" && reported);
    reasons.unless(!needed || claims.platformInfo.aliasCheckComplete, "AE-ATTEST-POLICY", "platformInfo.aliasCheckComplete",
        reported ? "false" : `not in report version ${claims.reportVersion}`, "true", `${SECTION}.aliasCheck`);
}

function appraiseTcb(claims: SnpClaims, policy: SnpPolicy, reasons: Reasons): void {
    const minimum = policy.minimumTcb[claims.product];
    for (const which of minimum === undefined ? [] : ["reported", "committed", "launch"] as const) {
        for (const component of Object.keys(claims.tcb[which]) as (keyof AmdTcb)[]) {
            const found = claims.tcb[which][component] ?? 0;
            const required = minimum?.[component] ?? 0;
            reasons.unless(found >= required, "AE-ATTEST-TCB", `tcb.${which}.${component}`, String(found), `at least ${required}`,
                `${SECTION}.minimumTcb.${claims.product}.${component}`);
        }
    }
}

function appraiseGuest(claims: SnpClaims, policy: SnpPolicy, reasons: Reasons): void {
    const { guestPolicy } = claims;
    reasons.unless(policy.debug || !guestPolicy.debugAllowed, "AE-ATTEST-POLICY", "guestPolicy.debugAllowed", "true", "false", `${SECTION}.debug`);
    reasons.unless(policy.migrationAgent || !guestPolicy.migrationAgentAllowed, "AE-ATTEST-POLICY", "guestPolicy.migrationAgentAllowed", "true", "false", `${SECTION}.migrationAgent`);
    reasons.unless(policy.smt || !guestPolicy.smtAllowed, "AE-ATTEST-POLICY", "guestPolicy.smtAllowed", "true", "false", `${SECTION}.smt`);
    reasons.unless(claims.vmpl === policy.vmpl, "AE-ATTEST-POLICY", "vmpl", String(claims.vmpl), String(policy.vmpl), `${SECTION}.vmpl`);
}

function compareReferences(claims: SnpClaims, references: SnpReferences, reasons: Reasons): void {
    reasons.oneOf(references.measurement, "AE-ATTEST-MEASUREMENT", "measurement", claims.measurement);
    reasons.oneOf([references.hostData], "AE-ATTEST-MEASUREMENT", "hostData", claims.hostData);
    reasons.oneOf(references.idKeyDigest, "AE-ATTEST-MEASUREMENT", "idKeyDigest", claims.idKeyDigest);
    reasons.oneOf(references.authorKeyDigest, "AE-ATTEST-MEASUREMENT", "authorKeyDigest", claims.authorKeyDigest);
    reasons.oneOf(references.familyId === undefined ? undefined : [references.familyId], "AE-ATTEST-MEASUREMENT", "familyId", claims.familyId);
    reasons.oneOf(references.imageId === undefined ? undefined : [references.imageId], "AE-ATTEST-MEASUREMENT", "imageId", claims.imageId);
    reasons.unless(claims.guestSvn >= references.minGuestSvn, "AE-ATTEST-MEASUREMENT", "guestSvn", String(claims.guestSvn), `at least ${references.minGuestSvn}`);
    reasons.oneOf(references.platform === undefined ? undefined : [references.platform], "AE-ATTEST-BINDING", "platform", claims.platform);
}

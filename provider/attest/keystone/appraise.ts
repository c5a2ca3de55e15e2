// Appraisal of Keystone claims: the security monitor, and the enclave's reference values.

import { Reasons } from "../appraisal";
import type { Refusal } from "../refusal";
import type { KeystoneClaims } from "./claims";
import type { KeystonePolicy, KeystoneReferences } from "./policy";

/** Compares claims with policy and references. */
export function appraiseKeystone(claims: KeystoneClaims, policy: KeystonePolicy, references: KeystoneReferences | null): readonly Refusal[] {
    const reasons = new Reasons();
    reasons.oneOf(policy.securityMonitors, "AE-ATTEST-MEASUREMENT", "securityMonitor", claims.securityMonitor, "authentic:trust.keystone.securityMonitors");
    reasons.oneOf(references?.measurement, "AE-ATTEST-MEASUREMENT", "measurement", claims.measurement);
    reasons.oneOf(references?.platform === undefined ? undefined : [references.platform], "AE-ATTEST-BINDING", "platform", claims.platform);
    return reasons.list;
}

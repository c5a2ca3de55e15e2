// Appraisal of an enclave against policy and reference values.

import { DcapReasons } from "../dcap/reasons";
import { fromHex, hex } from "../bytes";
import { appraiseMask, appraisePlatform } from "../dcap/appraise";
import { Attribute } from "../dcap/report-body";
import type { Refusal } from "../refusal";
import type { SgxClaims } from "./claims";
import type { SgxPolicy, SgxReferences } from "./policy";

// DEBUG is the policy's matter; 64-bit mode, CET, KSS and AEX-Notify do no harm. All other bits are reserved.
const UNCONDITIONAL = "c604000000000000";

/** Every reason to refuse an enclave. */
export function appraiseSgx(claims: SgxClaims, policy: SgxPolicy, references: SgxReferences | null): readonly Refusal[] {
    const reasons = new DcapReasons("sgx");
    appraisePlatform(claims, policy, reasons);
    appraiseAttributes(claims, policy, reasons);
    appraiseMask(reasons, "xfrm", claims.xfrm, policy.xfrmAllowed, "xfrmAllowed");
    appraiseMask(reasons, "miscSelect", claims.miscSelect, policy.miscSelectAllowed, "miscSelectAllowed");
    if (references !== null) {
        appraiseIdentity(claims, references, reasons);
    }
    return reasons.list;
}

function appraiseAttributes(claims: SgxClaims, policy: SgxPolicy, reasons: DcapReasons): void {
    const flags = fromHex(claims.attributes, "attributes");
    const low = flags[0] ?? 0;
    const set = (bit: number): boolean => (low & bit) !== 0;
    reasons.policy(set(Attribute.init), "attributes.INIT", "clear", "set", null);
    reasons.policy(policy.provisionKey || !set(Attribute.provisionKey), "attributes.PROVISIONKEY", "set", "clear", "provisionKey");
    reasons.policy(policy.launchTokenKey || !set(Attribute.launchTokenKey), "attributes.EINITTOKENKEY", "set", "clear", "launchTokenKey");
    flags[0] = low & ~(Attribute.init | Attribute.provisionKey | Attribute.launchTokenKey);
    appraiseMask(reasons, "attributes", hex(flags), UNCONDITIONAL, null);
}

function appraiseIdentity(claims: SgxClaims, references: SgxReferences, reasons: DcapReasons): void {
    const { isvProdId, minIsvSvn } = references;
    reasons.reference("mrenclave", claims.mrenclave, references.mrenclave);
    reasons.reference("mrsigner", claims.mrsigner, references.mrsigner);
    reasons.reference("isvProdId", String(claims.isvProdId), isvProdId === undefined ? undefined : [String(isvProdId)]);
    reasons.policy(minIsvSvn === undefined || claims.isvSvn >= minIsvSvn, "isvSvn", String(claims.isvSvn), `at least ${minIsvSvn}`, null, "AE-ATTEST-MEASUREMENT");
    reasons.reference("configId", claims.configId, [references.configId]);
    reasons.reference("configSvn", String(claims.configSvn), [String(references.configSvn)]);
    reasons.device(claims.platform, references.platform);
}

// Appraisal of a trust domain against policy and reference values.

import { DcapReasons } from "../dcap/reasons";
import { fromHex, isZero } from "../bytes";
import { appraiseMask, appraisePlatform } from "../dcap/appraise";
import type { Refusal } from "../refusal";
import type { TdxClaims } from "./claims";
import type { TdxPolicy, TdxReferences } from "./policy";

// Little-endian bits of TDATTRIBUTES: 0 DEBUG, 28 SEPT_VE_DISABLE, 30 PKS, 31 KL, 63 PERFMON. Bit 29 (MIGRATABLE) and
// all others are refused as reserved: nothing here judges the domain that would carry out a migration.
const DEFINED = "000000d000000080";
const DEBUGGABLE = "ff0000d000000080";
const SEPT_VE_DISABLE = 0x10;
const PERFMON = 0x80;
// x87 and SSE state, without which no domain runs.
const XFAM_REQUIRED = 0x03;

/** Every reason to refuse a trust domain. */
export function appraiseTdx(claims: TdxClaims, policy: TdxPolicy, references: TdxReferences | null): readonly Refusal[] {
    const reasons = new DcapReasons("tdx");
    appraisePlatform(claims, policy, reasons);
    appraiseAttributes(claims, policy, reasons);
    appraiseMask(reasons, "xfam", claims.xfam, policy.xfamAllowed, "xfamAllowed");
    const xfam = fromHex(claims.xfam, "xfam")[0] ?? 0;
    reasons.policy((xfam & XFAM_REQUIRED) === XFAM_REQUIRED, "xfam", claims.xfam, "bits 0 and 1 set", null);
    const { mrServiceTd } = claims;
    reasons.policy(mrServiceTd === null || isZero(fromHex(mrServiceTd, "mrServiceTd")), "mrServiceTd", mrServiceTd ?? "", "zero: no service domain", null);
    if (references !== null) {
        appraiseIdentity(claims, references, reasons);
    }
    return reasons.list;
}

function appraiseAttributes(claims: TdxClaims, policy: TdxPolicy, reasons: DcapReasons): void {
    const attributes = fromHex(claims.tdAttributes, "tdAttributes");
    // The whole first byte is "TD under debug"; the policy may admit it, as a whole.
    appraiseMask(reasons, "tdAttributes", claims.tdAttributes, policy.debug ? DEBUGGABLE : DEFINED, (attributes[0] ?? 0) === 0 ? null : "debug");
    reasons.policy(((attributes[3] ?? 0) & SEPT_VE_DISABLE) !== 0, "tdAttributes.SEPT_VE_DISABLE", "clear", "set", null);
    reasons.policy(policy.perfmon || ((attributes[7] ?? 0) & PERFMON) === 0, "tdAttributes.PERFMON", "set", "clear", "perfmon");
}

function appraiseIdentity(claims: TdxClaims, references: TdxReferences, reasons: DcapReasons): void {
    for (const register of ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrConfigId", "mrOwner", "mrOwnerConfig"] as const) {
        const required = references[register];
        reasons.reference(register, claims[register], required === "any" ? undefined : required);
    }
    reasons.device(claims.platform, references.platform);
}

// Claims of a verified SEV-SNP report.

import type { AmdProduct, AmdTcb } from "../collateral/kds";
import { hex, isZero } from "../bytes";
import type { Claims } from "../evidence";
import type { FirmwareVersion, GuestPolicy, PlatformInfo } from "./parse";
import type { VerifiedSnp } from "./verify";

/** What a report says, beyond the common claims. Digests that are not set are null. */
export interface SnpClaims extends Claims {
    readonly evidence: "snp";
    readonly reportVersion: number;
    readonly product: AmdProduct;
    readonly endorsementKey: "vcek" | "vlek";
    readonly cspId: string | null;
    readonly revocationChecked: boolean;
    readonly vmpl: number;
    readonly guestSvn: number;
    readonly guestPolicy: GuestPolicy;
    readonly platformInfo: PlatformInfo;
    readonly tcb: Readonly<Record<"reported" | "committed" | "launch" | "current", AmdTcb>>;
    readonly firmware: Readonly<Record<"current" | "committed", FirmwareVersion>>;
    /** Hexadecimal bit vectors; null before report version 5. */
    readonly mitigations: { readonly launch: string; readonly current: string } | null;
    readonly hostData: string;
    readonly familyId: string;
    readonly imageId: string;
    readonly idKeyDigest: string | null;
    readonly authorKeyDigest: string | null;
    readonly reportId: string;
}

/** States what was verified. */
export function claimsOfSnp({ report, ...verified }: VerifiedSnp): SnpClaims {
    return {
        evidence: "snp",
        assurance: verified.assurance,
        reportData: hex(report.reportData),
        platform: isZero(report.chipId) ? null : hex(report.chipId),
        measurement: hex(report.measurement),
        debug: report.policy.debugAllowed ? "enabled" : "disabled",
        // AMD publishes no appraisal of a TCB; `minimumTcb` is the relying party's.
        status: null,
        advisories: [],
        reportVersion: report.version,
        product: verified.product,
        endorsementKey: report.signingKey === "VCEK" ? "vcek" : "vlek",
        cspId: verified.cspId,
        revocationChecked: verified.revocationChecked,
        vmpl: report.vmpl,
        guestSvn: report.guestSvn,
        guestPolicy: report.policy,
        platformInfo: report.platformInfo,
        tcb: verified.tcb,
        firmware: { current: report.currentFirmware, committed: report.committedFirmware },
        mitigations: report.mitigations === null ? null : { launch: report.mitigations.launch.toString(16), current: report.mitigations.current.toString(16) },
        hostData: hex(report.hostData),
        familyId: hex(report.familyId),
        imageId: hex(report.imageId),
        idKeyDigest: isZero(report.idKeyDigest) ? null : hex(report.idKeyDigest),
        authorKeyDigest: report.authorKeyEnabled ? hex(report.authorKeyDigest) : null,
        reportId: hex(report.reportId),
    };
}

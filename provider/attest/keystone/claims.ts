// Claims of a verified Keystone report.

import { hex } from "../bytes";
import type { Claims } from "../evidence";
import type { VerifiedKeystone } from "./verify";

/** What a report says, beyond the common claims. */
export interface KeystoneClaims extends Claims {
    readonly evidence: "keystone";
    readonly securityMonitor: string;
}

/** States what was verified. Keystone has no debug mode of enclaves; a security monitor with one has another hash. */
export function claimsOfKeystone({ report, assurance }: VerifiedKeystone): KeystoneClaims {
    return {
        evidence: "keystone",
        assurance,
        reportData: hex(report.data),
        platform: hex(report.deviceKey),
        measurement: hex(report.enclaveHash),
        debug: "disabled",
        status: null,
        advisories: [],
        securityMonitor: hex(report.monitorHash),
    };
}

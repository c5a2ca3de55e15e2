// Claims of verified OP-TEE evidence.

import { hex } from "../bytes";
import type { Claims } from "../evidence";
import type { VerifiedOptee } from "./verify";

/** What the evidence says: nothing beyond the common claims. */
export interface OpteeClaims extends Claims {
    readonly evidence: "optee";
}

/** States what was verified. Whether OP-TEE was built for debugging shows in its memory measurement only. */
export function claimsOfOptee({ evidence, assurance, device }: VerifiedOptee): OpteeClaims {
    return {
        evidence: "optee",
        assurance,
        reportData: hex(evidence.nonce),
        platform: device,
        measurement: hex(evidence.hash),
        debug: "disabled",
        status: null,
        advisories: [],
    };
}

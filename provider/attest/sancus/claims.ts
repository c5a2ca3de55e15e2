// Claims of verified Sancus evidence.

import { hex } from "../bytes";
import type { Claims } from "../evidence";
import type { VerifiedSancus } from "./verify";

/** What the evidence says, beyond the common claims. */
export interface SancusClaims extends Claims {
    readonly evidence: "sancus";
    /** Length of the node's keys, bits. */
    readonly security: 64 | 128;
}

/**
 * States what was verified. The key stands for node and module: a right MAC says that this very module on this very node
 * made it, so there is neither a platform nor a measurement to compare.
 */
export function claimsOfSancus({ evidence, assurance, security }: VerifiedSancus): SancusClaims {
    return {
        evidence: "sancus",
        assurance,
        reportData: hex(evidence.challenge),
        platform: null,
        measurement: null,
        debug: "disabled",
        status: null,
        advisories: [],
        security,
    };
}

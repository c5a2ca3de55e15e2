// Evidence of native nodes: the bare report data. Nothing vouches for it, and the verdict says so.

import { z } from "zod";
import { REPORT_DATA_LENGTH } from "../binding";
import { ByteReader, hex } from "../bytes";
import type { Claims, EvidenceType, RootSet } from "../evidence";
import type { Refusal } from "../refusal";

/** Section `authentic:trust.native`: whether modules on native nodes are accepted at all. */
export const nativePolicySchema = z.boolean().default(false);

/** Bare report data. */
export interface NoEvidence {
    readonly reportData: Uint8Array;
}

/** Claims of a native node: only what the protocol itself carries. */
export interface NoClaims extends Claims {
    readonly evidence: "none";
    readonly assurance: "none";
}

const noReferences = z.strictObject({});

/** The type `none`: 64 bytes, which have to be the report data of the challenge. */
export const none: EvidenceType<NoEvidence, null, NoEvidence & { readonly roots: RootSet }, NoClaims, boolean, z.infer<typeof noReferences>> = {
    name: "none",
    policy: nativePolicySchema,
    references: noReferences,
    reportDataLength: REPORT_DATA_LENGTH,

    parse(bytes) {
        const reader = new ByteReader(bytes, "native evidence");
        const reportData = reader.take(REPORT_DATA_LENGTH, "report data");
        reader.end();
        return { reportData };
    },

    readCollateral: () => null,
    fetchCollateral: () => Promise.resolve(null),
    verify: (evidence, _collateral, { roots }) => ({ ...evidence, roots }),

    claims: ({ reportData }) => ({
        evidence: "none",
        assurance: "none",
        reportData: hex(reportData),
        platform: null,
        measurement: null,
        // Whoever owns the machine can inspect the process.
        debug: "enabled",
        status: null,
        advisories: [],
    }),

    appraise(_claims, accepted): readonly Refusal[] {
        return accepted ? [] : [{
            code: "AE-ATTEST-POLICY",
            claim: "assurance",
            found: "none",
            required: "evidence from a trusted execution environment",
            setting: "authentic:trust.native",
        }];
    },
};

// The evidence type `snp`: AMD SEV-SNP attestation reports.

import type { EvidenceType } from "../evidence";
import { appraiseSnp } from "./appraise";
import { claimsOfSnp, type SnpClaims } from "./claims";
import { fetchSnpCollateral, readSnpCollateral, type SnpCollateral } from "./collateral";
import { parseReport, type SnpReport } from "./parse";
import { snpPolicySchema, snpReferencesSchema, type SnpPolicy, type SnpReferences } from "./policy";
import { verifySnp, type VerifiedSnp } from "./verify";

/** SEV-SNP reports of versions 2 to 5, under a VCEK or VLEK of Milan, Genoa or Turin. */
export const snp: EvidenceType<SnpReport, SnpCollateral, VerifiedSnp, SnpClaims, SnpPolicy, SnpReferences> = {
    name: "snp",
    policy: snpPolicySchema,
    references: snpReferencesSchema,
    reportDataLength: 64,
    parse: parseReport,
    readCollateral: readSnpCollateral,
    fetchCollateral: fetchSnpCollateral,
    verify: verifySnp,
    claims: claimsOfSnp,
    appraise: appraiseSnp,
};

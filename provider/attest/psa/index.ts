// The evidence type `psa`: PSA attestation tokens (RFC 9783).

import type { EvidenceType } from "../evidence";
import { malformed } from "../refusal";
import { appraisePsa } from "./appraise";
import { claimsOfPsa, type PsaClaims } from "./claims";
import { parseToken, type PsaToken } from "./parse";
import { psaPolicySchema, psaReferencesSchema, type PsaPolicy, type PsaReferences } from "./policy";
import { verifyPsa, type VerifiedPsa } from "./verify";

/** PSA tokens, COSE_Sign1 with ES256. Keys are enrolled in the policy, so there is no collateral. */
export const psa: EvidenceType<PsaToken, null, VerifiedPsa, PsaClaims, PsaPolicy, PsaReferences> = {
    name: "psa",
    policy: psaPolicySchema,
    references: psaReferencesSchema,
    reportDataLength: 64,
    parse: parseToken,
    readCollateral(files) {
        if (files.length > 0) {
            throw malformed("PSA collateral", `${files.length} files`, "none: keys are enrolled in authentic:trust.psa.devices");
        }
        return null;
    },
    fetchCollateral: () => Promise.resolve(null),
    verify: verifyPsa,
    claims: claimsOfPsa,
    appraise: appraisePsa,
};

// The evidence type `optee`: what the OP-TEE attestation PTA signs.

import type { EvidenceType } from "../evidence";
import { malformed } from "../refusal";
import { appraiseOptee } from "./appraise";
import { claimsOfOptee, type OpteeClaims } from "./claims";
import { OPTEE_NONCE_LENGTH, parseOpteeEvidence, type OpteeEvidence } from "./parse";
import { opteePolicySchema, opteeReferencesSchema, type OpteePolicy, type OpteeReferences } from "./policy";
import { verifyOptee, type VerifiedOptee } from "./verify";

/** Memory measurements under an enrolled RSA key. Keys are enrolled in the policy, so there is no collateral. */
export const optee: EvidenceType<OpteeEvidence, null, VerifiedOptee, OpteeClaims, OpteePolicy, OpteeReferences> = {
    name: "optee",
    policy: opteePolicySchema,
    references: opteeReferencesSchema,
    reportDataLength: OPTEE_NONCE_LENGTH,
    parse: parseOpteeEvidence,
    readCollateral(files) {
        if (files.length > 0) {
            throw malformed("OP-TEE collateral", `${files.length} files`, "none: keys are enrolled in authentic:trust.optee.devices");
        }
        return null;
    },
    fetchCollateral: () => Promise.resolve(null),
    verify: verifyOptee,
    claims: claimsOfOptee,
    appraise: appraiseOptee,
};

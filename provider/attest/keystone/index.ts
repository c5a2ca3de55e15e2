// The evidence type `keystone`: Keystone attestation reports.

import type { EvidenceType } from "../evidence";
import { malformed } from "../refusal";
import { appraiseKeystone } from "./appraise";
import { claimsOfKeystone, type KeystoneClaims } from "./claims";
import { parseKeystoneReport, type KeystoneReport } from "./parse";
import { keystonePolicySchema, keystoneReferencesSchema, type KeystonePolicy, type KeystoneReferences } from "./policy";
import { verifyKeystone, type VerifiedKeystone } from "./verify";

/** Keystone reports under an enrolled device key. Keys are enrolled in the policy, so there is no collateral. */
export const keystone: EvidenceType<KeystoneReport, null, VerifiedKeystone, KeystoneClaims, KeystonePolicy, KeystoneReferences> = {
    name: "keystone",
    policy: keystonePolicySchema,
    references: keystoneReferencesSchema,
    reportDataLength: 64,
    parse: parseKeystoneReport,
    readCollateral(files) {
        if (files.length > 0) {
            throw malformed("Keystone collateral", `${files.length} files`, "none: keys are enrolled in authentic:trust.keystone.devices");
        }
        return null;
    },
    fetchCollateral: () => Promise.resolve(null),
    verify: verifyKeystone,
    claims: claimsOfKeystone,
    appraise: appraiseKeystone,
};

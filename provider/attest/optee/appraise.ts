// Appraisal of OP-TEE claims: only known memory measurements count.

import { Reasons } from "../appraisal";
import type { Refusal } from "../refusal";
import type { OpteeClaims } from "./claims";
import type { OpteePolicy, OpteeReferences } from "./policy";

/** Compares claims with the references. */
export function appraiseOptee(claims: OpteeClaims, _policy: OpteePolicy, references: OpteeReferences | null): readonly Refusal[] {
    const reasons = new Reasons();
    if (references !== null) {
        const isFile = claims.measurement !== null && references.fileDigests.includes(claims.measurement);
        if (isFile) {
            reasons.unless(false, "AE-ATTEST-MEASUREMENT", "measurement", `${claims.measurement}, the digest of a TA file`, "the measurement of memory");
        } else {
            reasons.oneOf(references.memory, "AE-ATTEST-MEASUREMENT", "measurement", claims.measurement);
        }
        reasons.oneOf(references.platform === undefined ? undefined : [references.platform], "AE-ATTEST-BINDING", "platform", claims.platform);
    }
    return reasons.list;
}

// Appraisal of evidence in a session: which verifier, which roots, which policy.

import type { Clock } from "../attest/clock";
import { systemClock } from "../attest/clock";
import { none } from "../attest/none";
import type { Trust } from "../attest/policy";
import { verifyEvidence } from "../attest/verifier";
import { describe } from "../attest/refusal";
import { AuthenticError } from "../errors";
import type { Appraise } from "../session/session";

/** Number of evidence type `none` (docs/protocol.md section 4). */
const NO_EVIDENCE = 0;

/**
 * The relying party of a stack: accepts evidence as the trust configuration says.
 *
 * @param accepted - evidence types that modules of the node's TEE may present
 */
export function appraiser(trust: Trust, accepted: readonly number[], clock: Clock = systemClock): Appraise {
    return ({ instance, evidenceType, evidence, reportData }) => {
        if (!accepted.includes(evidenceType) || evidenceType !== NO_EVIDENCE) {
            throw new AuthenticError("AE-ATTEST-UNSUPPORTED", `module "${instance}" presents evidence of type ${evidenceType}, which its node's TEE does not make`,
                "do not trust this node; look at its agent's log and refresh");
        }
        const verdict = verifyEvidence(none, evidence, [], { trust, roots: { assurance: "hardware" }, at: clock.now(), reportData, references: {} });
        const [reason] = verdict.reasons;
        if (!verdict.accepted || verdict.claims === null) {
            throw new AuthenticError(reason?.code ?? "AE-ATTEST-POLICY", `the evidence of module "${instance}" is refused: ${verdict.reasons.map(describe).join("; ")}`,
                reason === undefined || reason.setting === null ? "do not trust this module; no setting accepts it" : `set ${reason.setting} in the stack configuration if you accept this`);
        }
        return Promise.resolve({ assurance: verdict.claims.assurance });
    };
}

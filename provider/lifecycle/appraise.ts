// Appraisal of evidence in a session: which verifier, which roots, which policy.

import type { Clock } from "../attest/clock";
import { systemClock } from "../attest/clock";
import type { Verdict } from "../attest/evidence";
import { none } from "../attest/none";
import type { Trust } from "../attest/policy";
import { verifyEvidence } from "../attest/verifier";
import { describe, type Refusal } from "../attest/refusal";
import { AuthenticError } from "../errors";
import type { Appraisal, Appraise, EvidenceToAppraise } from "../session/session";

/** Number of evidence type `none` (docs/protocol.md section 4). */
const NO_EVIDENCE = 0;

/** Judges the evidence of one session; a refusal is a verdict too, not an error. */
export type Judge = (evidence: EvidenceToAppraise) => Verdict;

/**
 * What a stack's trust configuration says about evidence.
 *
 * @param accepted - evidence types that modules of the node's TEE may present
 */
export function judge(trust: Trust, accepted: readonly number[], clock: Clock = systemClock): Judge {
    return ({ evidenceType, evidence, reportData }) => accepted.includes(evidenceType) && evidenceType === NO_EVIDENCE
        ? verifyEvidence(none, evidence, [], { trust, roots: { assurance: "hardware" }, at: clock.now(), reportData, references: {} })
        : { accepted: false, status: null, advisories: [], claims: null, reasons: [unsupported(evidenceType, accepted)], unchecked: [] };
}

function unsupported(evidenceType: number, accepted: readonly number[]): Refusal {
    return { code: "AE-ATTEST-UNSUPPORTED", claim: "evidence type", found: String(evidenceType), required: `one that the node's TEE makes (${accepted.join(", ")})`, setting: null };
}

/**
 * What accepted evidence is worth.
 *
 * @param instance - name of the module, for the error
 * @throws AuthenticError with the code of the first reason where the evidence is refused
 */
export function requireAccepted(instance: string, verdict: Verdict): Appraisal {
    const [reason] = verdict.reasons;
    if (!verdict.accepted || verdict.claims === null) {
        throw new AuthenticError(reason?.code ?? "AE-ATTEST-POLICY", `the evidence of module "${instance}" is refused: ${verdict.reasons.map(describe).join("; ")}`,
            reason === undefined || reason.setting === null ? "do not trust this module; no setting accepts it" : `set ${reason.setting} in the stack configuration if you accept this`);
    }
    return { assurance: verdict.claims.assurance };
}

/**
 * The relying party of a stack: accepts evidence as the trust configuration says.
 *
 * @param accepted - evidence types that modules of the node's TEE may present
 */
export function appraiser(trust: Trust, accepted: readonly number[], clock: Clock = systemClock): Appraise {
    const verdictOn = judge(trust, accepted, clock);
    return (evidence) => Promise.resolve(requireAccepted(evidence.instance, verdictOn(evidence)));
}

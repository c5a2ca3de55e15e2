// Appraisal of evidence in a session: what the node's TEE says of it under the stack's policy.

import type { Clock } from "../attest/clock";
import { systemClock } from "../attest/clock";
import type { Verdict } from "../attest/evidence";
import type { Trust } from "../attest/policy";
import { describe, type Refusal } from "../attest/refusal";
import { AuthenticError } from "../errors";
import type { Appraisal, Appraise, EvidenceToAppraise } from "../session/session";
import type { Attester } from "../tee/attester";
import type { Tee } from "../tee/tee";

/** Judges the evidence of one session; a refusal is a verdict too, not an error. */
export type Judge = (evidence: EvidenceToAppraise) => Promise<Verdict>;

/**
 * What a stack's trust configuration says about evidence of one module.
 *
 * @param tee - of its node: evidence of another type is refused
 */
export function judge(trust: Trust, tee: Pick<Tee, "evidenceTypes" | "appraise">, attester: Attester, clock: Clock = systemClock): Judge {
    return ({ evidenceType, evidence, reportData, measurement }) => tee.evidenceTypes.includes(evidenceType)
        ? tee.appraise({ evidence, reportData, measurement, attester, trust, at: clock.now() }, evidenceType)
        : Promise.resolve({ accepted: false, status: null, advisories: [], claims: null, reasons: [unsupported(evidenceType, tee.evidenceTypes)], unchecked: [] });
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
    const settings = [...new Set(verdict.reasons.map(({ setting }) => setting))];
    // A verdict that left something out identifies nobody, whatever it says.
    if (!verdict.accepted || verdict.claims === null || verdict.unchecked.length > 0) {
        throw new AuthenticError(reason?.code ?? "AE-ATTEST-POLICY", `the evidence of module "${instance}" is refused: ${verdict.reasons.map(describe).join("; ")}`,
            settings.length === 0 || settings.includes(null) ? "do not trust this module; no setting accepts it" : `set ${settings.join(" and ")} in the stack configuration if you accept this`);
    }
    const { assurance, status, advisories, platform } = verdict.claims;
    return { assurance, facts: { ...(status === null ? {} : { tcbStatus: status, advisories }), ...(platform === null ? {} : { platformId: platform }) } };
}

/** The relying party of a stack: accepts evidence of one module as the trust configuration says. */
export function appraiser(trust: Trust, tee: Pick<Tee, "evidenceTypes" | "appraise">, attester: Attester, clock: Clock = systemClock): Appraise {
    const verdictOn = judge(trust, tee, attester, clock);
    return async (evidence) => requireAccepted(evidence.instance, await verdictOn(evidence));
}

// Why evidence was refused: one record that says what failed, what was found and required, and what would change it.

import { AuthenticError } from "../errors";

/** Stable codes of refusals, by what a reader has to do about them. */
export type RefusalCode =
    /** The bytes are not what the format allows. */
    | "AE-ATTEST-MALFORMED"
    /** A well-formed variant that is deliberately not accepted. */
    | "AE-ATTEST-UNSUPPORTED"
    /** A signature or MAC does not verify, or does not cover what it has to. */
    | "AE-ATTEST-SIGNATURE"
    /** A certificate is not in its role: name, issuer, CA flag, key usage, key type, pinned root. */
    | "AE-ATTEST-CHAIN"
    /** A certificate is on its issuer's revocation list. */
    | "AE-ATTEST-REVOKED"
    /** A document is outside its validity at the verification time. */
    | "AE-ATTEST-EXPIRED"
    /** Collateral is missing, or belongs to another platform. */
    | "AE-ATTEST-COLLATERAL"
    /** The platform's trusted computing base is below what the policy asks for. */
    | "AE-ATTEST-TCB"
    /** A property of the attester that the policy does not accept. */
    | "AE-ATTEST-POLICY"
    /** The code or its configuration is not the reference value. */
    | "AE-ATTEST-MEASUREMENT"
    /** The evidence is not bound to this challenge, or comes from another device. */
    | "AE-ATTEST-BINDING";

/** One reason for a refusal. Holds no secret: only public parts of evidence and configuration. */
export interface Refusal {
    readonly code: RefusalCode;
    /** The claim or field that failed, as a path: `tcb.status`, `PCK certificate: validity`. */
    readonly claim: string;
    /** What the evidence holds. */
    readonly found: string;
    /** What would have been accepted. */
    readonly required: string;
    /** The line of configuration that would change the outcome, `authentic:trust.sgx.tcbStatuses`; null when none would. */
    readonly setting: string | null;
}

/** Thrown inside a verifier to stop at once; the pipeline turns it into a verdict. */
export class EvidenceRefused extends AuthenticError {
    constructor(readonly refusal: Refusal, options?: ErrorOptions) {
        super(refusal.code, describe(refusal), nextStep(refusal), options);
        this.name = "EvidenceRefused";
    }
}

/** One line for people: `tcb.status is OutOfDate, required: UpToDate`. */
export function describe(refusal: Refusal): string {
    return `${refusal.claim} is ${refusal.found}, required: ${refusal.required}`;
}

function nextStep(refusal: Refusal): string {
    if (refusal.setting !== null) {
        return `set ${refusal.setting} if you accept this`;
    }
    switch (refusal.code) {
        case "AE-ATTEST-EXPIRED":
        case "AE-ATTEST-COLLATERAL":
            return "obtain the current document from the vendor's service, or check the clock; no setting accepts this";
        case "AE-ATTEST-MEASUREMENT":
            return "rebuild and compare the measurement; no setting accepts this";
        default:
            return "do not trust this evidence; no setting accepts it";
    }
}

/** A refusal as an error to throw. */
export function refuse(code: RefusalCode, claim: string, found: string, required: string, setting: string | null = null): EvidenceRefused {
    return new EvidenceRefused({ code, claim, found, required, setting });
}

/** Shorthand for the commonest one: the bytes break the format. */
export function malformed(claim: string, found: string, required: string): EvidenceRefused {
    return refuse("AE-ATTEST-MALFORMED", claim, found, required);
}

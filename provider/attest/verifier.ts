// The verifier: parse, verify, state claims, appraise, compare the binding; every failure ends in a verdict that says why.

import { z } from "zod";
import { AuthenticError } from "../errors";
import { checkBinding } from "./binding";
import type { CollateralSources } from "./collateral/sources";
import type { Claims, EvidenceType, RootSet, Verdict } from "./evidence";
import { policySection, type Trust } from "./policy";
import { EvidenceRefused, type Refusal } from "./refusal";

/** What evidence is appraised against. */
export interface Appraisal {
    /** The policy, as `parseTrust` returns it. */
    readonly trust: Trust;
    /** The root set that the declared backend of the node selects. */
    readonly roots: RootSet;
    /** Verification time, milliseconds since the epoch; ask a clock once. */
    readonly at: number;
    /**
     * The 64 bytes that the verifier computed from its own fresh nonce. `null` leaves the binding unchecked: such a
     * verdict says what the evidence is, not who sent it, and lists `reportData` under `unchecked`.
     */
    readonly reportData: Uint8Array | null;
    /** Reference values of the attester, checked by the type's schema; `null` leaves its code unchecked, as above. */
    readonly references: unknown;
}

/**
 * Appraises evidence with collateral from files.
 *
 * @param type - evidence type, from the registry
 * @param bytes - the evidence
 * @param collateral - certificates, lists, JSON; see the type
 * @returns a verdict for every input; a verdict is never an acceptance by default
 * @throws AuthenticError when the reference values or the policy are ill-formed, which is the caller's error
 *
 * @example
 * const verdict = verifyEvidence(evidenceTypes.sgx, quote, [collateralJson], {
 *     trust: parseTrust({}), roots: { assurance: "hardware" }, at: systemClock.now(), reportData, references: { mrenclave },
 * });
 */
export function verifyEvidence<E, C, V, K extends Claims, P, R>(
    type: EvidenceType<E, C, V, K, P, R>, bytes: Uint8Array, collateral: readonly Uint8Array[], appraisal: Appraisal,
): Verdict {
    const inputs = readInputs(type, appraisal);
    try {
        const evidence = type.parse(bytes);
        return conclude(type, evidence, type.readCollateral(collateral), inputs, appraisal);
    } catch (error) {
        return refused(error, appraisal);
    }
}

/**
 * Appraises evidence with collateral from its services or their cache.
 *
 * @param sources - clients, see `collateralSources`
 */
export async function verifyEvidenceOnline<E, C, V, K extends Claims, P, R>(
    type: EvidenceType<E, C, V, K, P, R>, bytes: Uint8Array, sources: CollateralSources, appraisal: Appraisal,
): Promise<Verdict> {
    const inputs = readInputs(type, appraisal);
    try {
        const evidence = type.parse(bytes);
        return conclude(type, evidence, await type.fetchCollateral(evidence, sources, appraisal.at), inputs, appraisal);
    } catch (error) {
        return refused(error, appraisal);
    }
}

interface Inputs<P, R> {
    readonly policy: P;
    readonly references: R | null;
}

function readInputs<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, appraisal: Appraisal): Inputs<P, R> {
    if (!Number.isSafeInteger(appraisal.at)) {
        throw new AuthenticError("AE-ATTEST-TIME", "the verification time is not a number of milliseconds", "pass the result of a clock");
    }
    return {
        policy: accept(type.policy, policySection(appraisal.trust, type.name), `policy for ${type.name}`),
        references: appraisal.references === null ? null : accept(type.references, appraisal.references, `reference values for ${type.name}`),
    };
}

function accept<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const result = schema.safeParse(value);
    if (!result.success) {
        throw new AuthenticError("AE-ATTEST-INPUT", `the ${what} are ill-formed: ${z.prettifyError(result.error)}`, "correct them");
    }
    return result.data;
}

function conclude<E, C, V, K extends Claims, P, R>(
    type: EvidenceType<E, C, V, K, P, R>, evidence: E, collateral: C, inputs: Inputs<P, R>, appraisal: Appraisal,
): Verdict {
    const { at, roots, trust, reportData } = appraisal;
    const verified = type.verify(evidence, collateral, { at, roots, policy: inputs.policy });
    const claims = type.claims(verified);
    const binding = reportData === null ? null : checkBinding(claims, reportData, type.reportDataLength);
    const reasons = [
        ...(claims.assurance === "emulated" && !trust.emulated ? [emulationRefused] : []),
        ...type.appraise(claims, inputs.policy, inputs.references),
        ...(binding === null ? [] : [binding]),
    ];
    return {
        accepted: reasons.length === 0,
        status: claims.status,
        advisories: claims.advisories,
        claims,
        reasons,
        unchecked: unchecked(appraisal),
    };
}

const emulationRefused: Refusal = {
    code: "AE-ATTEST-POLICY",
    claim: "assurance",
    found: "emulated",
    required: "hardware",
    setting: "authentic:trust.emulated",
};

function refused(error: unknown, appraisal: Appraisal): Verdict {
    if (!(error instanceof EvidenceRefused)) {
        // A fault of the verifier or of the machine: no verdict at all rather than a wrong one.
        throw error;
    }
    return { accepted: false, status: null, advisories: [], claims: null, reasons: [error.refusal], unchecked: unchecked(appraisal) };
}

function unchecked(appraisal: Appraisal): string[] {
    return [...(appraisal.reportData === null ? ["reportData"] : []), ...(appraisal.references === null ? ["references"] : [])];
}

// The calls that tests of the evidence types make: appraise with a policy, expect one refusal.
import assert from "node:assert/strict";
import type { Claims, EvidenceName, EvidenceType, RootSet, Verdict } from "../../provider/attest/evidence";
import { parseTrust } from "../../provider/attest/policy";
import type { RefusalCode } from "../../provider/attest/refusal";
import { verifyEvidence } from "../../provider/attest/verifier";

/** What a test states; everything else is the strict default. */
export interface Appraising {
    readonly collateral?: readonly Uint8Array[];
    /** The section of the type under test. */
    readonly policy?: unknown;
    readonly emulated?: boolean;
    readonly roots?: RootSet;
    readonly at?: number;
    readonly reportData?: Uint8Array | null;
    readonly references?: unknown;
}

/** Appraises evidence of one type. */
export function appraise<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, evidence: Uint8Array, options: Appraising = {}): Verdict {
    const section: Partial<Record<EvidenceName, unknown>> = options.policy === undefined ? {} : { [type.name]: options.policy };
    return verifyEvidence(type, evidence, options.collateral ?? [], {
        trust: parseTrust({ ...section, emulated: options.emulated ?? false }),
        roots: options.roots ?? { assurance: "hardware" },
        at: options.at ?? Date.UTC(2025, 6, 1),
        reportData: options.reportData ?? null,
        references: options.references ?? null,
    });
}

/** Expects acceptance, and says why not otherwise. */
export function assertAccepted(verdict: Verdict): void {
    assert.deepEqual(verdict.reasons, []);
    assert.equal(verdict.accepted, true);
}

/**
 * Expects a refusal for exactly these reasons, each by code and claim.
 *
 * @param expected - `[code without AE-ATTEST-, part of the claim, setting]`; a setting left out is not compared
 */
export function assertRefused(verdict: Verdict, ...expected: readonly (readonly [string, string, (string | null)?])[]): void {
    assert.equal(verdict.accepted, false, "was accepted");
    const found = verdict.reasons.map(({ code, claim }) => `${code} ${claim}`);
    assert.equal(found.length, expected.length, found.join("; "));
    expected.forEach(([code, claim, setting], index) => {
        const reason = verdict.reasons[index]!;
        assert.equal(reason.code, `AE-ATTEST-${code}` as RefusalCode, found.join("; "));
        assert.ok(reason.claim.includes(claim), `"${reason.claim}" does not name "${claim}"`);
        if (setting !== undefined) {
            assert.equal(reason.setting, setting);
        }
    });
}

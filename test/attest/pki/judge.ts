// Judging what a test world produced: its root is pinned as an emulator's, everything else is as for hardware.
import assert from "node:assert/strict";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidence } from "../../../provider/attest/verifier";
import type { Verdict } from "../../../provider/attest/evidence";
import type { RefusalCode } from "../../../provider/attest/refusal";
import { build, NOW, type World } from "./intel";

/** What a test varies besides the world. */
export interface Conditions {
    readonly trust?: Record<string, unknown>;
    readonly references?: Record<string, unknown>;
    readonly reportData?: Uint8Array;
    readonly at?: number;
}

/** Builds a world and appraises its evidence. */
export function judge(world: World, conditions: Conditions = {}): Verdict {
    const { quote, file, root } = build(world);
    const appraisal = {
        trust: parseTrust({ emulated: true, ...conditions.trust }),
        roots: { assurance: "emulated", anchors: [root] } as const,
        at: conditions.at ?? NOW,
        reportData: conditions.reportData ?? null,
        references: conditions.references ?? null,
    };
    return world.td === null ? verifyEvidence(evidenceTypes.sgx, quote, [file], appraisal) : verifyEvidence(evidenceTypes.tdx, quote, [file], appraisal);
}

/** Requires acceptance. */
export function assertAccepted(verdict: Verdict): void {
    assert.deepEqual(verdict.reasons, []);
    assert.equal(verdict.accepted, true);
}

/** Requires a refusal for exactly this reason, so that no test passes because of another defect. */
export function assertRefused(verdict: Verdict, code: RefusalCode, claim: string, setting: string | null = null): void {
    assert.equal(verdict.accepted, false, "accepted");
    assert.deepEqual(verdict.reasons.map((reason) => [reason.code, reason.claim, reason.setting]), [[code, claim, setting]]);
}

// Native nodes: the report data alone, for which nothing vouches.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Verdict } from "../../../provider/attest/evidence";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { assertAccepted, assertRefused } from "../pki/judge";

describe("evidence of native nodes", () => {
    const reportData = new Uint8Array(randomBytes(64));
    const judge = (evidence: Uint8Array, trust: Record<string, unknown>): Verdict => verifyEvidence(evidenceTypes.none, evidence, [], {
        trust: parseTrust(trust), roots: { assurance: "hardware" }, at: 0, reportData, references: {},
    });

    it("is accepted only when the policy says `native: true`, and then has assurance none", () => {
        assertRefused(judge(reportData, {}), "AE-ATTEST-POLICY", "assurance", "authentic:trust.native");
        const verdict = judge(reportData, { native: true });
        assertAccepted(verdict);
        assert.equal(verdict.claims?.assurance, "none");
        assert.equal(verdict.claims.measurement, null);
    });

    it("is not accepted because emulation is", () => {
        assertRefused(judge(reportData, { emulated: true }), "AE-ATTEST-POLICY", "assurance", "authentic:trust.native");
    });

    it("is refused for another challenge", () => {
        assertRefused(judge(new Uint8Array(randomBytes(64)), { native: true }), "AE-ATTEST-BINDING", "reportData");
    });

    it("is refused at every other length", () => {
        for (const length of [0, 32, 63, 65, 128]) {
            assert.equal(judge(new Uint8Array(length), { native: true }).reasons[0]?.code, "AE-ATTEST-MALFORMED");
        }
    });
});

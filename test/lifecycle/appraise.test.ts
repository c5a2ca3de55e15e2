// The relying party of a stack: verdicts on evidence of sessions, and the errors that follow from them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { parseTrust } from "../../provider/attest/policy";
import { appraiser, judge, requireAccepted } from "../../provider/lifecycle/appraise";
import type { EvidenceToAppraise } from "../../provider/session/session";

const presented = (changes: Partial<EvidenceToAppraise> = {}): EvidenceToAppraise => {
    const reportData = new Uint8Array(randomBytes(64));
    return { instance: "probe", evidenceType: 0, evidence: reportData, reportData, measurement: new Uint8Array(32), backend: "none", ...changes };
};

describe("appraisal in sessions", () => {
    const trusting = parseTrust({ native: true });

    it("accepts native evidence where the policy does", async () => {
        assert.equal(judge(trusting, [0])(presented()).accepted, true);
        assert.deepEqual(await appraiser(trusting, [0])(presented()), { assurance: "none" });
    });

    const cases: readonly [string, Record<string, unknown>, readonly number[], Partial<EvidenceToAppraise>, string, RegExp][] = [
        ["under the strictest policy", {}, [0], {}, "AE-ATTEST-POLICY", /Set authentic:trust\.native in the stack configuration/],
        ["that answers another challenge", { native: true }, [0], { evidence: new Uint8Array(64) }, "AE-ATTEST-BINDING", /no setting accepts it/],
        ["of a type that the TEE does not make", { native: true }, [1], {}, "AE-ATTEST-UNSUPPORTED", /evidence type is 0, required: one that the node's TEE makes \(1\)/],
        ["of a type without appraisal in sessions", { native: true }, [0, 1], { evidenceType: 1 }, "AE-ATTEST-UNSUPPORTED", /evidence type is 1/],
    ];
    for (const [what, trust, accepted, changes, code, message] of cases) {
        it(`refuses evidence ${what}, as a verdict and as an error`, () => {
            const evidence = presented(changes);
            const verdict = judge(parseTrust(trust), accepted)(evidence);
            assert.equal(verdict.accepted, false);
            assert.equal(verdict.reasons[0]?.code, code);
            for (const act of [() => requireAccepted("probe", verdict), () => void appraiser(parseTrust(trust), accepted)(evidence)]) {
                assert.throws(act, (error: Error & { code?: string }) => error.code === code && message.test(error.message));
            }
        });
    }
});

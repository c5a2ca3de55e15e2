// The relying party of a stack: verdicts on evidence of sessions, and the errors that follow from them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { parseTrust } from "../../provider/attest/policy";
import { appraiser, judge, requireAccepted } from "../../provider/lifecycle/appraise";
import { collateralSources } from "../../provider/attest/collateral/clients";
import { native } from "../../provider/tee/native/native";
import type { EvidenceToAppraise } from "../../provider/session/session";

const presented = (changes: Partial<EvidenceToAppraise> = {}): EvidenceToAppraise => {
    const reportData = new Uint8Array(randomBytes(64));
    return { instance: "probe", evidenceType: 0, evidence: reportData, reportData, measurement: new Uint8Array(32), backend: "none", ...changes };
};

const trusted = parseTrust({ native: true });
const attester = { roots: { assurance: "hardware" }, collateral: collateralSources(trusted.collateral, { offline: true }) } as const;
const making = (...evidenceTypes: number[]) => ({ ...native, evidenceTypes });

describe("appraisal in sessions", () => {
    it("accepts native evidence where the policy does", async () => {
        assert.equal((await judge(trusted, making(0), attester)(presented())).accepted, true);
        assert.deepEqual(await appraiser(trusted, making(0), attester)(presented()), { assurance: "none", facts: {} });
    });

    const cases: readonly [string, Record<string, unknown>, readonly number[], Partial<EvidenceToAppraise>, string, RegExp][] = [
        ["under the strictest policy", {}, [0], {}, "AE-ATTEST-POLICY", /Set authentic:trust\.native in the stack configuration/],
        ["that answers another challenge", { native: true }, [0], { evidence: new Uint8Array(64) }, "AE-ATTEST-BINDING", /no setting accepts it/],
        ["of a type that the TEE does not make", { native: true }, [1], {}, "AE-ATTEST-UNSUPPORTED", /evidence type is 0, required: one that the node's TEE makes \(1\)/],
    ];
    for (const [what, trust, accepted, changes, code, message] of cases) {
        it(`refuses evidence ${what}, as a verdict and as an error`, async () => {
            const evidence = presented(changes);
            const [policy, tee] = [parseTrust(trust), making(...accepted)];
            const verdict = await judge(policy, tee, attester)(evidence);
            assert.equal(verdict.accepted, false);
            assert.equal(verdict.reasons[0]?.code, code);
            const right = (error: Error & { code?: string }): boolean => error.code === code && message.test(error.message);
            assert.throws(() => requireAccepted("probe", verdict), right);
            await assert.rejects(appraiser(policy, tee, attester)(evidence), right);
        });
    }
});

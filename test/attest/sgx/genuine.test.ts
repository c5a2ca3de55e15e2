// The genuine SGX sample: what it says, its window of validity, and that not one byte of it or its collateral can change.
import assert from "node:assert/strict";
import type { Verdict } from "../../../provider/attest/evidence";
import { fixedClock } from "../../../provider/attest/clock";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { Appraiser } from "../changes";
import { genuine, singleByteChanges } from "../vectors";

const LENIENT = { sgx: { tcbStatuses: ["ConfigurationAndSWHardeningNeeded"], advisories: ["INTEL-SA-00289", "INTEL-SA-00615"] } };
const INSIDE = "2025-07-01T00:00:00Z";

function appraise(quote: Uint8Array, collateral: Uint8Array, time: string, trust: Record<string, unknown>): Verdict {
    return verifyEvidence(evidenceTypes.sgx, quote, [collateral], {
        trust: parseTrust(trust), roots: { assurance: "hardware" }, at: fixedClock(time).now(), reportData: null, references: null,
    });
}

describe("the genuine SGX quote", function () {
    this.timeout(600_000);
    let quote: Buffer;
    let collateral: Buffer;
    before(function () {
        quote = genuine(this, "sgx-quote-v3.bin");
        collateral = genuine(this, "sgx-quote-v3.collateral.json");
    });

    it("has status ConfigurationAndSWHardeningNeeded with two advisories, accepted only by a policy that names them", () => {
        const verdict = appraise(quote, collateral, INSIDE, LENIENT);
        assert.deepEqual(verdict.reasons, []);
        assert.equal(verdict.accepted, true);
        assert.equal(verdict.status, "ConfigurationAndSWHardeningNeeded");
        assert.deepEqual(verdict.advisories, ["INTEL-SA-00289", "INTEL-SA-00615"]);
        assert.equal(verdict.claims?.assurance, "hardware");
        assert.equal(verdict.claims.debug, "disabled");
    });

    it("is refused by the default policy, which names both settings", () => {
        const verdict = appraise(quote, collateral, INSIDE, {});
        assert.deepEqual(verdict.reasons.map(({ setting }) => setting), ["authentic:trust.sgx.tcbStatuses", "authentic:trust.sgx.advisories"]);
    });

    it("is valid from 2025-06-19 10:56:11 to 2025-07-19 10:01:18, both included", () => {
        for (const [time, accepted] of [["2025-06-19T10:56:10Z", false], ["2025-06-19T10:56:11Z", true], ["2025-07-19T10:01:18Z", true], ["2025-07-19T10:01:19Z", false]] as const) {
            const verdict = appraise(quote, collateral, time, LENIENT);
            assert.equal(verdict.accepted, accepted, time);
            assert.ok(accepted || verdict.reasons[0]?.code === "AE-ATTEST-EXPIRED", time);
        }
    });

    it("is refused as evidence of a node whose root is another, and of another type", () => {
        const emulated = verifyEvidence(evidenceTypes.sgx, quote, [collateral], {
            trust: parseTrust({ ...LENIENT, emulated: true }), roots: { assurance: "emulated", anchors: [new Uint8Array(32)] }, at: fixedClock(INSIDE).now(), reportData: null, references: null,
        });
        assert.equal(emulated.reasons[0]?.claim, "SGX root certificate: fingerprint");
        const tdx = verifyEvidence(evidenceTypes.tdx, quote, [collateral], {
            trust: parseTrust({}), roots: { assurance: "hardware" }, at: fixedClock(INSIDE).now(), reportData: null, references: null,
        });
        assert.equal(tdx.reasons[0]?.code, "AE-ATTEST-UNSUPPORTED");
    });

    it("is refused after any change of one byte of the quote", () => {
        const appraiser = new Appraiser(evidenceTypes.sgx, { evidence: quote, collateral: [collateral], at: fixedClock(INSIDE).now(), trust: LENIENT });
        assert.equal(appraiser.acceptsEvidence(quote), true);
        for (const { offset, changed } of singleByteChanges(quote)) {
            assert.equal(appraiser.acceptsEvidence(changed), false, `byte ${offset}`);
        }
    });

    it("is refused after any change of one byte of the collateral", () => {
        const appraiser = new Appraiser(evidenceTypes.sgx, { evidence: quote, collateral: [collateral], at: fixedClock(INSIDE).now(), trust: LENIENT });
        assert.equal(appraiser.acceptsCollateral([collateral]), true);
        for (const { offset, changed } of singleByteChanges(collateral)) {
            assert.equal(appraiser.acceptsCollateral([changed]), false, `byte ${offset}`);
        }
    });

    it("is refused at every shorter length, and with any byte added", () => {
        for (let length = 0; length < quote.length; length++) {
            assert.equal(appraise(quote.subarray(0, length), collateral, INSIDE, LENIENT).accepted, false, `length ${length}`);
        }
        assert.equal(appraise(Buffer.concat([quote, Uint8Array.of(0)]), collateral, INSIDE, LENIENT).accepted, false);
    });
});

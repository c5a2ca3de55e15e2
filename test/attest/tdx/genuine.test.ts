// The genuine TDX sample: what it says, its window of validity, and that not one byte of it or its collateral can change.
import assert from "node:assert/strict";
import type { Verdict } from "../../../provider/attest/evidence";
import { fixedClock } from "../../../provider/attest/clock";
import { parseTrust } from "../../../provider/attest/policy";
import { evidenceTypes } from "../../../provider/attest/registry";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { Appraiser } from "../changes";
import { genuine, singleByteChanges } from "../vectors";

const INSIDE = "2025-07-01T00:00:00Z";
const QUOTE_LENGTH = 4936;

function appraise(quote: Uint8Array, collateral: Uint8Array, time: string, references: Record<string, unknown> | null = null): Verdict {
    return verifyEvidence(evidenceTypes.tdx, quote, [collateral], {
        trust: parseTrust(undefined), roots: { assurance: "hardware" }, at: fixedClock(time).now(), reportData: null, references,
    });
}

describe("the genuine TDX quote", function () {
    this.timeout(600_000);
    let file: Buffer;
    let quote: Buffer;
    let collateral: Buffer;
    before(function () {
        file = genuine(this, "tdx-quote-v4.bin");
        quote = file.subarray(0, QUOTE_LENGTH);
        collateral = genuine(this, "tdx-quote-v4.collateral.json");
    });

    it("is UpToDate in platform, module and quoting enclave, and accepted by the default policy", () => {
        const verdict = appraise(quote, collateral, INSIDE);
        assert.deepEqual(verdict.reasons, []);
        assert.equal(verdict.accepted, true);
        assert.equal(verdict.status, "UpToDate");
        assert.deepEqual(verdict.advisories, []);
        const claims = verdict.claims as unknown as Record<string, unknown>;
        assert.deepEqual([claims["platformStatus"], claims["moduleStatus"], claims["qeStatus"]], ["UpToDate", "UpToDate", "UpToDate"]);
    });

    it("is refused with the 70 bytes that trail it in its file", () => {
        assert.equal(file.length, QUOTE_LENGTH + 70);
        assert.deepEqual(appraise(file, collateral, INSIDE).reasons.map(({ claim }) => claim), ["TDX quote: signature data length"]);
    });

    it("is valid from 2025-06-19 10:32:27 to 2025-07-19 10:00:35, both included", () => {
        for (const [time, accepted] of [["2025-06-19T10:32:26Z", false], ["2025-06-19T10:32:27Z", true], ["2025-07-19T10:00:35Z", true], ["2025-07-19T10:00:36Z", false]] as const) {
            const verdict = appraise(quote, collateral, time);
            assert.equal(verdict.accepted, accepted, time);
            assert.ok(accepted || verdict.reasons[0]?.code === "AE-ATTEST-EXPIRED", time);
        }
    });

    it("matches its own measurements, and no other first register", () => {
        const claims = appraise(quote, collateral, INSIDE).claims as unknown as Record<string, string>;
        const references = { mrtd: claims["mrtd"], rtmr0: claims["rtmr0"], rtmr1: claims["rtmr1"], rtmr2: claims["rtmr2"], rtmr3: claims["rtmr3"] };
        assert.deepEqual(appraise(quote, collateral, INSIDE, references).reasons, []);
        assert.deepEqual(appraise(quote, collateral, INSIDE, { ...references, rtmr0: "00".repeat(48) }).reasons.map(({ claim }) => claim), ["rtmr0"]);
    });

    it("is refused after any change of one byte of the quote", () => {
        const appraiser = new Appraiser(evidenceTypes.tdx, { evidence: quote, collateral: [collateral], at: fixedClock(INSIDE).now(), trust: {} });
        assert.equal(appraiser.acceptsEvidence(quote), true);
        for (const { offset, changed } of singleByteChanges(quote)) {
            assert.equal(appraiser.acceptsEvidence(changed), false, `byte ${offset}`);
        }
    });

    it("is refused after any change of one byte of the collateral", () => {
        const appraiser = new Appraiser(evidenceTypes.tdx, { evidence: quote, collateral: [collateral], at: fixedClock(INSIDE).now(), trust: {} });
        assert.equal(appraiser.acceptsCollateral([collateral]), true);
        for (const { offset, changed } of singleByteChanges(collateral)) {
            assert.equal(appraiser.acceptsCollateral([changed]), false, `byte ${offset}`);
        }
    });
});

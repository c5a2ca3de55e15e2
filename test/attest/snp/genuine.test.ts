// The genuine SEV-SNP report of a Milan machine, and every single-byte change of it and of its certificates.
import assert from "node:assert/strict";
import { concat } from "../../../provider/attest/bytes";
import { evidenceOfFile } from "../../../provider/attest/container";
import { snp } from "../../../provider/attest/snp";
import { appraise, assertAccepted, assertRefused } from "../appraising";
import { genuine, singleByteChanges } from "../vectors";

describe("SEV-SNP", function () {
    // RSA-4096 keys have to be made first.
    this.timeout(60_000);

    describe("the genuine Milan report", () => {
        let container: Uint8Array;
        let report: Uint8Array;
        let collateral: Uint8Array[];
        const accepting = { policy: { revocation: "optional" } };

        before(function () {
            container = genuine(this, "snp-report-milan.hex");
            report = evidenceOfFile(container);
            collateral = [genuine(this, "snp-vcek-milan.der"), genuine(this, "snp-cert-chain-milan.pem")];
        });

        it("is refused by the default policy, for want of a revocation list", () => {
            assertRefused(appraise(snp, report, { collateral }), ["COLLATERAL", "AMD CRL", "authentic:trust.snp.revocation"]);
        });

        it("is accepted when the policy does not require the list", () => {
            const verdict = appraise(snp, report, { collateral, ...accepting });
            assertAccepted(verdict);
            assert.equal(verdict.claims?.measurement, "7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f");
            assert.equal(verdict.claims.assurance, "hardware");
        });

        it("is accepted until the end of the VCEK's validity and refused from then on", () => {
            const end = Date.UTC(2030, 3, 3, 19, 23, 43);
            assertAccepted(appraise(snp, report, { collateral, ...accepting, at: end }));
            assertRefused(appraise(snp, report, { collateral, ...accepting, at: end + 1000 }), ["EXPIRED", "VCEK certificate"]);
        });

        it("is not believed for an emulated node, whose roots are others", () => {
            assertRefused(appraise(snp, report, { collateral, ...accepting, emulated: true, roots: { assurance: "emulated", anchors: [] } }), ["CHAIN", "ARK certificate: fingerprint"]);
        });

        it("is refused with trailing bytes, cut short, and with any single byte changed", function () {
            this.timeout(0);
            assertRefused(appraise(snp, concat(report, Uint8Array.of(0)), { collateral, ...accepting }), ["MALFORMED", "length"]);
            assertRefused(appraise(snp, report.subarray(0, 1183), { collateral, ...accepting }), ["MALFORMED", "length"]);
            for (const { offset, changed } of singleByteChanges(report)) {
                assert.equal(appraise(snp, changed, { collateral, ...accepting }).accepted, false, `byte ${offset}`);
            }
        });

        it("is refused with any single byte of its hexadecimal file changed", function () {
            this.timeout(0);
            for (const { offset, changed } of singleByteChanges(container)) {
                assert.equal(appraise(snp, evidenceOfFile(changed), { collateral, ...accepting }).accepted, false, `byte ${offset}`);
            }
        });

        it("is refused with any single byte of its certificates changed", function () {
            this.timeout(0);
            collateral.forEach((file, index) => {
                for (const { offset, changed } of singleByteChanges(file)) {
                    const files = collateral.with(index, changed);
                    assert.equal(appraise(snp, report, { collateral: files, ...accepting }).accepted, false, `file ${index}, byte ${offset}`);
                }
            });
        });
    });
});

// Explanations: every claim and every reason once, the setting beside the reason, nothing that a terminal would interpret.
import assert from "node:assert/strict";
import type { Claims, Verdict } from "../../provider/attest/evidence";
import { explain } from "../../provider/attest/explain";

const claims: Claims & Record<string, unknown> = {
    evidence: "snp", assurance: "hardware", reportData: "22", platform: null, measurement: "11", debug: "disabled", status: null, advisories: [],
    tcb: { snp: 8 }, components: [{ version: "1" }, { version: "2" }], listed: ["a", "b"],
};
const accepted: Verdict = { accepted: true, status: null, advisories: [], claims, reasons: [], unchecked: [] };

describe("The explanation of a verdict", () => {
    it("states the outcome, then one line for each claim, nested ones by their path, and what it means", () => {
        const means = (text: string) => `${" ".repeat(27)}${text}`;
        assert.deepEqual(explain("snp", accepted), [
            "accepted: SEV-SNP evidence",
            "",
            "claims, vouched for by verified signatures",
            "  evidence               snp",
            "  assurance              hardware",
            "  reportData             22",
            means("what the evidence was made for: it has to be the hash of the challenge and the answer to it"),
            "  platform               none",
            means("which machine it is: it has to be the enrolled one"),
            "  measurement            11",
            means("which code runs: it has to be a reference value"),
            "  debug                  disabled",
            means("enabled: who owns the machine can look into the module and change it"),
            "  status                 none",
            means("how the vendor judges the machine's firmware at present"),
            "  advisories             none",
            means("known weaknesses that this machine has"),
            "  tcb.snp                8",
            "  components[0].version  1",
            "  components[1].version  2",
            "  listed                 a, b",
        ]);
    });

    it("names for each reason its code and the setting that would change it, or that none would", () => {
        const refused: Verdict = {
            ...accepted, accepted: false, claims: null, unchecked: ["reportData"], reasons: [
                { code: "AE-ATTEST-POLICY", claim: "vmpl", found: "1", required: "0", setting: "authentic:trust.snp.vmpl" },
                { code: "AE-ATTEST-SIGNATURE", claim: "signature", found: "invalid", required: "a signature", setting: null },
            ],
        };
        assert.deepEqual(explain("snp", refused), [
            "refused: SEV-SNP evidence",
            "",
            "refused because",
            "  vmpl is 1, required: 0",
            "    code    AE-ATTEST-POLICY",
            "    change  authentic:trust.snp.vmpl",
            "  signature is invalid, required: a signature",
            "    code    AE-ATTEST-SIGNATURE",
            "    change  no setting accepts this",
            "",
            "not compared",
            "  report data: nothing shows that the evidence answers a challenge of yours",
        ]);
    });

    it("says who vouches for the claims", () => {
        const heading = (assurance: Claims["assurance"]) => explain("none", { ...accepted, claims: { ...claims, assurance } })[2];
        assert.equal(heading("emulated"), "claims, vouched for by an emulator");
        assert.equal(heading("none"), "claims, for which nothing vouches");
    });

    it("replaces control characters of claims and reasons", () => {
        const hostile = "a\u001b[31m\r\nb\u0007\u009b";
        const lines = explain("psa", { ...accepted, accepted: false, claims: { ...claims, measurement: hostile },
            reasons: [{ code: "AE-ATTEST-POLICY", claim: hostile, found: hostile, required: hostile, setting: null }] });
        assert.ok(lines.some((line) => line.includes("a�[31m��b��")));
        assert.ok(lines.every((line) => !/[\u0000-\u001f\u007f-\u009f]/.test(line)));
    });
});

// The trust policy: strict by default, strict about its own form, and identified by one hash.
import assert from "node:assert/strict";
import { hex } from "../../provider/attest/bytes";
import { parseTrust, policyHash, trustSchema } from "../../provider/attest/policy";
import { AuthenticError } from "../../provider/errors";

describe("the trust policy", () => {
    it("is the strictest when nothing is configured", () => {
        const trust = parseTrust(undefined);
        assert.deepEqual(trust, parseTrust({}));
        assert.deepEqual(trust, trustSchema.parse({}));
        assert.equal(trust.emulated, false);
        assert.equal(trust.native, false);
        for (const section of [trust.sgx, trust.tdx]) {
            assert.deepEqual(section.tcbStatuses, ["UpToDate"]);
            assert.deepEqual(section.advisories, []);
            assert.equal(section.debug, false);
        }
    });

    const refused: [what: string, value: unknown, path: RegExp][] = [
        ["a misspelt member", { sgx: { tcbStatus: ["UpToDate"] } }, /authentic:trust\.sgx: .*tcbStatus/],
        ["a misspelt section", { sgxx: {} }, /authentic:trust: .*sgxx/],
        ["Revoked", { sgx: { tcbStatuses: ["Revoked"] } }, /authentic:trust\.sgx\.tcbStatuses\[0\]/],
        ["an unknown status", { tdx: { tcbStatuses: ["Fine"] } }, /authentic:trust\.tdx\.tcbStatuses\[0\]/],
        ["an advisory that is none", { sgx: { advisories: ["CVE-2020-0551"] } }, /authentic:trust\.sgx\.advisories/],
        ["a negative evaluation number", { sgx: { minTcbEvaluationDataNumber: -1 } }, /authentic:trust\.sgx\.minTcbEvaluationDataNumber/],
        ["a date of no calendar", { sgx: { minTcbDate: "2025-02-30T00:00:00Z" } }, /authentic:trust\.sgx\.minTcbDate/],
        ["a mask in upper case", { sgx: { xfrmAllowed: "E700000000000000" } }, /authentic:trust\.sgx\.xfrmAllowed/],
        ["text for a flag", { emulated: "yes" }, /authentic:trust\.emulated/],
        ["a file URL", { collateral: { pcs: "file:///etc/passwd" } }, /authentic:trust\.collateral\.pcs/],
        ["a list", [], /authentic:trust: /],
    ];
    for (const [what, value, path] of refused) {
        it(`refuses ${what}, naming the property`, () => {
            assert.throws(() => parseTrust(value), (error) => error instanceof AuthenticError && error.code === "AE-TRUST-CONFIG" && path.test(error.message));
        });
    }

    it("has a hash of 32 bytes, the same for the same policy however it is written", () => {
        assert.equal(policyHash(parseTrust({})).length, 32);
        const left = parseTrust({ sgx: { tcbStatuses: ["SWHardeningNeeded", "UpToDate"], advisories: ["INTEL-SA-00615", "INTEL-SA-00289"] }, emulated: true });
        const right = parseTrust({ emulated: true, sgx: { advisories: ["INTEL-SA-00289", "INTEL-SA-00615", "INTEL-SA-00289"], tcbStatuses: ["UpToDate", "SWHardeningNeeded"] } });
        assert.equal(hex(policyHash(left)), hex(policyHash(right)));
    });

    it("has another hash after every change of what is accepted", () => {
        const variants = [
            {}, { emulated: true }, { native: true }, { sgx: { debug: true } }, { tdx: { debug: true } }, { sgx: { advisories: "any" } },
            { sgx: { minTcbEvaluationDataNumber: 1 } }, { sgx: { platforms: [] } }, { sgx: { platforms: ["00".repeat(16)] } }, { sgx: { maxCollateralAgeDays: 0.5 } },
        ];
        assert.equal(new Set(variants.map((value) => hex(policyHash(parseTrust(value))))).size, variants.length);
    });

    it("has the same hash wherever collateral comes from", () => {
        assert.equal(hex(policyHash(parseTrust({ collateral: { pcs: "http://127.0.0.1:8081/", offline: true } }))), hex(policyHash(parseTrust({}))));
    });
});

// The SGX policy and reference values: what each setting accepts and refuses.
import assert from "node:assert/strict";
import { AuthenticError } from "../../../provider/errors";
import { sgxWorld, type World } from "../pki/intel";
import { assertAccepted, assertRefused, judge } from "../pki/judge";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const changed = (change: (world: World) => void): World => {
    const world = sgxWorld();
    change(world);
    return world;
};

describe("SGX policy", () => {
    const settings: [what: string, member: string, accepting: Record<string, unknown>, change: (world: World) => void][] = [
        ["a debug enclave", "debug", { debug: true }, (world) => { world.body.attributes = bytes("0700000000000000e700000000000000"); }],
        ["the provisioning key", "provisionKey", { provisionKey: true }, (world) => { world.body.attributes = bytes("1500000000000000e700000000000000"); }],
        ["the launch token key", "launchTokenKey", { launchTokenKey: true }, (world) => { world.body.attributes = bytes("2500000000000000e700000000000000"); }],
        ["exception information", "miscSelectAllowed", { miscSelectAllowed: "01000000" }, (world) => { world.body.miscSelect = bytes("01000000"); }],
        ["further processor state", "xfrmAllowed", { xfrmAllowed: "e700000000000080" }, (world) => { world.body.attributes = bytes("0500000000000000e700000000000080"); }],
        ["an advisory", "advisories", { advisories: ["INTEL-SA-00615"] }, (world) => { world.tcbInfo.tcbLevels[0].advisoryIDs = ["INTEL-SA-00615"]; }],
        ["any advisory", "advisories", { advisories: "any" }, (world) => { world.tcbInfo.tcbLevels[0].advisoryIDs = ["INTEL-SA-00615"]; }],
        ["a status", "tcbStatuses", { tcbStatuses: ["UpToDate", "SWHardeningNeeded"] }, (world) => { world.tcbInfo.tcbLevels[0].tcbStatus = "SWHardeningNeeded"; }],
    ];
    for (const [what, member, accepting, change] of settings) {
        it(`accepts ${what} only when ${member} says so, and names that setting`, () => {
            const refused = judge(changed(change));
            assert.equal(refused.accepted, false);
            assert.equal(refused.reasons[0]?.setting, `authentic:trust.sgx.${member}`);
            assertAccepted(judge(changed(change), { trust: { sgx: accepting } }));
        });
    }

    it("refuses rolled-back collateral below minTcbEvaluationDataNumber, of either document", () => {
        const trust = { sgx: { minTcbEvaluationDataNumber: 17 } };
        assertAccepted(judge(sgxWorld(), { trust }));
        for (const document of ["tcbInfo", "qeIdentity"] as const) {
            assertRefused(judge(changed((world) => { world[document].tcbEvaluationDataNumber = 16; }), { trust }),
                "AE-ATTEST-TCB", "tcbEvaluationDataNumber", "authentic:trust.sgx.minTcbEvaluationDataNumber");
        }
    });

    it("refuses a TCB level that is older than minTcbDate", () => {
        assertAccepted(judge(sgxWorld(), { trust: { sgx: { minTcbDate: "2025-03-12T00:00:00Z" } } }));
        assertRefused(judge(sgxWorld(), { trust: { sgx: { minTcbDate: "2025-03-12T00:00:01Z" } } }), "AE-ATTEST-TCB", "tcbDate", "authentic:trust.sgx.minTcbDate");
    });

    it("refuses collateral older than maxCollateralAgeDays, though still valid", () => {
        assertAccepted(judge(sgxWorld(), { trust: { sgx: { maxCollateralAgeDays: 1 } } }));
        assertRefused(judge(sgxWorld(), { trust: { sgx: { maxCollateralAgeDays: 0.5 } } }), "AE-ATTEST-EXPIRED", "TCB info: age", "authentic:trust.sgx.maxCollateralAgeDays");
    });

    it("refuses machines that are not enrolled once platforms lists some", () => {
        assertAccepted(judge(sgxWorld(), { trust: { sgx: { platforms: ["b1".repeat(16)] } } }));
        assertRefused(judge(sgxWorld(), { trust: { sgx: { platforms: ["a0".repeat(16)] } } }), "AE-ATTEST-POLICY", "platform", "authentic:trust.sgx.platforms");
    });

    for (const flag of ["dynamicPlatform", "cachedKeys", "smt"] as const) {
        it(`refuses ${flag} when the policy forbids it`, () => {
            const world = (): World => changed((change) => { change.facts.platform = { instanceId: bytes("b1".repeat(16)), dynamicPlatform: true, cachedKeys: true, smtEnabled: true }; });
            assertAccepted(judge(world()));
            assertRefused(judge(world(), { trust: { sgx: { [flag]: false } } }), "AE-ATTEST-POLICY", flag, `authentic:trust.sgx.${flag}`);
        });
    }

    it("refuses a platform that does not state its multithreading when the policy forbids it", () => {
        const world = changed((change) => {
            change.facts.platform = null;
            change.pckCa.subject = change.pck.issuer = change.pckCrl.issuer = "Intel SGX PCK Processor CA";
        });
        assertRefused(judge(world, { trust: { sgx: { smt: false } } }), "AE-ATTEST-POLICY", "smt", "authentic:trust.sgx.smt");
    });

    it("decides by the first level that the platform reaches, and merges the quoting enclave's", () => {
        const older = changed((world) => {
            world.facts.components[0] = 3;
            world.quote.qeReport.isvSvn = 6;
        });
        const verdict = judge(older, { trust: { sgx: { tcbStatuses: ["OutOfDate"], advisories: "any" } } });
        assertAccepted(verdict);
        assert.equal(verdict.status, "OutOfDate");
        assert.deepEqual(verdict.advisories, ["INTEL-SA-00615", "INTEL-SA-00828"]);
    });

    it("keeps the need for configuration when the quoting enclave is outdated", () => {
        const world = changed((change) => {
            change.tcbInfo.tcbLevels[0].tcbStatus = "ConfigurationNeeded";
            change.quote.qeReport.isvSvn = 6;
        });
        assert.equal(judge(world).status, "OutOfDateConfigurationNeeded");
    });

    it("reports every reason at once", () => {
        const verdict = judge(changed((world) => {
            world.body.attributes = bytes("1700000000000000e700000000000000");
            world.tcbInfo.tcbLevels[0].tcbStatus = "OutOfDate";
        }));
        assert.deepEqual(verdict.reasons.map(({ claim }) => claim), ["status", "debug", "attributes.PROVISIONKEY"]);
    });

    it("refuses an emulated root unless the policy allows emulation", () => {
        assertRefused(judge(sgxWorld(), { trust: { emulated: false } }), "AE-ATTEST-POLICY", "assurance", "authentic:trust.emulated");
    });
});

describe("SGX reference values", () => {
    const signer = { mrsigner: "81".repeat(32), isvProdId: 7, minIsvSvn: 3 };
    const refused: [what: string, references: Record<string, unknown>, claim: string][] = [
        ["another MRENCLAVE", { mrenclave: "34".repeat(32) }, "mrenclave"],
        ["another MRSIGNER", { ...signer, mrsigner: "82".repeat(32) }, "mrsigner"],
        ["another product of the signer", { ...signer, isvProdId: 8 }, "isvProdId"],
        ["an older version of the product", { ...signer, minIsvSvn: 4 }, "isvSvn"],
        ["another signer of the same code", { mrenclave: "33".repeat(32), mrsigner: "82".repeat(32) }, "mrsigner"],
        ["another configuration", { mrenclave: "33".repeat(32), configId: "01".repeat(64) }, "configId"],
        ["another configuration version", { mrenclave: "33".repeat(32), configSvn: 1 }, "configSvn"],
    ];
    for (const [what, references, claim] of refused) {
        it(`refuse ${what}`, () => {
            assertRefused(judge(sgxWorld(), { references }), "AE-ATTEST-MEASUREMENT", claim);
        });
    }

    it("accept the exact code, one of several, or signer with product and minimum version", () => {
        for (const references of [{ mrenclave: "33".repeat(32) }, { mrenclave: ["44".repeat(32), "33".repeat(32)] }, signer, { ...signer, minIsvSvn: 0 }]) {
            assertAccepted(judge(sgxWorld(), { references }));
        }
    });

    it("refuse a configuration id that was not asked for, which the loader could choose", () => {
        const world = changed((change) => { change.body.configId = bytes("01"); });
        assertRefused(judge(world, { references: { mrenclave: "33".repeat(32) } }), "AE-ATTEST-MEASUREMENT", "configId");
    });

    it("refuse evidence of another machine than the enrolled one", () => {
        const references = { mrenclave: "33".repeat(32) };
        assertAccepted(judge(sgxWorld(), { references: { ...references, platform: "b1".repeat(16) } }));
        assertRefused(judge(sgxWorld(), { references: { ...references, platform: "b2".repeat(16) } }), "AE-ATTEST-BINDING", "platform");
    });

    it("have to name the code: neither nothing nor a bare signer passes", () => {
        for (const references of [{}, { mrsigner: "81".repeat(32) }, { mrenclave: [] }, { mrenclave: "33" }]) {
            assert.throws(() => judge(sgxWorld(), { references }), AuthenticError);
        }
    });

    it("are listed as unchecked when absent", () => {
        assert.deepEqual(judge(sgxWorld()).unchecked, ["reportData", "references"]);
    });
});

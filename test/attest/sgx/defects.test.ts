// Every defect of an SGX quote that a verifier has to notice, each in otherwise genuine-looking evidence.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { RefusalCode } from "../../../provider/attest/refusal";
import { otherSignature } from "../pki/keys";
import { sgxWorld, type World } from "../pki/intel";
import { assertAccepted, assertRefused, judge } from "../pki/judge";

interface Defect {
    readonly what: string;
    readonly code: RefusalCode;
    readonly claim: string;
    readonly setting?: string;
    readonly change: (world: World) => void;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const patch = (offset: number, ...values: number[]) => (quote: Uint8Array): Uint8Array => {
    const changed = Uint8Array.from(quote);
    changed.set(values, offset);
    return changed;
};

const formDefects: Defect[] = [
    { what: "version 2", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: version", change: (world) => { world.quote.version = 2; } },
    { what: "version 4", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: version", change: (world) => { world.quote.version = 4; } },
    { what: "attestation key type 3", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: attestation key type", change: (world) => { world.quote.attestationKeyType = 3; } },
    { what: "a TEE type other than SGX", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: TEE type", change: (world) => { world.quote.teeType = 0x81; } },
    { what: "another QE vendor", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: QE vendor id", change: (world) => { world.quote.vendor = new Uint8Array(16); } },
    { what: "certification data of another type", code: "AE-ATTEST-UNSUPPORTED", claim: "SGX quote: certification data type", change: (world) => { world.quote.certificationType = 1; } },
    {
        what: "trailing bytes", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: signature data length",
        change: (world) => { world.alter.quote = (quote) => Buffer.concat([quote, new Uint8Array(70)]); },
    },
    {
        what: "one byte less", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: signature data length",
        change: (world) => { world.alter.quote = (quote) => quote.subarray(0, -1); },
    },
    {
        what: "a header alone", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: report body",
        change: (world) => { world.alter.quote = (quote) => quote.subarray(0, 48); },
    },
    {
        what: "nothing at all", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: version",
        change: (world) => { world.alter.quote = () => new Uint8Array(0); },
    },
    {
        what: "a signature data length of 2^32 − 1", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: signature data length",
        change: (world) => { world.alter.quote = patch(432, 0xff, 0xff, 0xff, 0xff); },
    },
    {
        what: "an authentication data length of 65535", code: "AE-ATTEST-MALFORMED", claim: "SGX quote signature data: QE authentication data",
        change: (world) => { world.alter.quote = patch(436 + 576, 0xff, 0xff); },
    },
    {
        what: "a certification data length of 2^32 − 1", code: "AE-ATTEST-MALFORMED", claim: "SGX quote signature data: certification data",
        change: (world) => { world.alter.quote = patch(436 + 576 + 2 + 32 + 2, 0xff, 0xff, 0xff, 0xff); },
    },
    {
        what: "a quote of 16 KB and more", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: length",
        change: (world) => { world.alter.quote = (quote) => Buffer.concat([quote, new Uint8Array(16384)]); },
    },
    {
        what: "a reserved byte of the report that is set", code: "AE-ATTEST-MALFORMED", claim: "SGX quote: reserved bytes 20 to 31",
        change: (world) => { world.body.miscSelect = bytes("0000000001"); },
    },
    {
        what: "a reserved byte of the QE report that is set", code: "AE-ATTEST-MALFORMED", claim: "QE report: reserved bytes 160 to 191",
        change: (world) => { world.quote.qeReport.mrsigner = bytes(`${"8c".repeat(32)}01`); },
    },
];

const signatureDefects: Defect[] = [
    { what: "a quote signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "quote: signature", change: (world) => { world.quote.quoteSigner = "other"; } },
    { what: "a QE report signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "QE report: signature", change: (world) => { world.quote.qeReportSigner = "other"; } },
    {
        what: "a changed report", code: "AE-ATTEST-SIGNATURE", claim: "quote: signature",
        change: (world) => { world.alter.quote = patch(48 + 64, 0x34); },
    },
    {
        what: "changed user data of the header", code: "AE-ATTEST-SIGNATURE", claim: "quote: signature",
        change: (world) => { world.alter.quote = patch(28, 0x34); },
    },
    {
        what: "QE authentication data that grew", code: "AE-ATTEST-SIGNATURE", claim: "QE report: report data",
        change: (world) => { world.quote.authenticationDataGrowth = bytes("00"); },
    },
    {
        what: "QE report data of another key", code: "AE-ATTEST-SIGNATURE", claim: "QE report: report data",
        change: (world) => { world.quote.qeReportData = bytes("11".repeat(32)); },
    },
    {
        what: "QE report data with a tail", code: "AE-ATTEST-SIGNATURE", claim: "QE report: report data",
        change(world) {
            const hash = createHash("sha256").update(world.keys.get("attestation").point).update(world.quote.qeAuthenticationData).digest();
            world.quote.qeReportData = Buffer.concat([hash, bytes(`${"00".repeat(31)}01`)]);
        },
    },
];

const enclaveDefects: Defect[] = [
    { what: "a TD_QE identity", code: "AE-ATTEST-COLLATERAL", claim: "QE identity: id", change: (world) => { world.qeIdentity.id = "TD_QE"; } },
    { what: "a QE of another signer", code: "AE-ATTEST-TCB", claim: "QE report: MRSIGNER", change: (world) => { world.quote.qeReport.mrsigner = bytes("8d".repeat(32)); } },
    { what: "a QE of another product", code: "AE-ATTEST-TCB", claim: "QE report: ISVPRODID", change: (world) => { world.quote.qeReport.isvProdId = 2; } },
    { what: "a QE with other MISCSELECT bits", code: "AE-ATTEST-TCB", claim: "QE report: MISCSELECT", change: (world) => { world.quote.qeReport.miscSelect = bytes("01000000"); } },
    { what: "a QE with other attributes", code: "AE-ATTEST-TCB", claim: "QE report: ATTRIBUTES", change: (world) => { world.quote.qeReport.attributes = bytes("3500000000000000e700000000000000"); } },
    {
        what: "a QE in debug mode, though the identity's mask lets it pass", code: "AE-ATTEST-TCB", claim: "QE report: ATTRIBUTES.DEBUG",
        change(world) {
            world.quote.qeReport.attributes = bytes("1700000000000000e700000000000000");
            world.qeIdentity["attributesMask"] = "F9FFFFFFFFFFFFFF0000000000000000";
        },
    },
    { what: "a QE below every level", code: "AE-ATTEST-TCB", claim: "QE report: ISVSVN", change: (world) => { world.quote.qeReport.isvSvn = 5; } },
    { what: "a platform below every level", code: "AE-ATTEST-TCB", claim: "TCB level", change: (world) => { world.facts.components[0] = 2; } },
    { what: "a PCE below every level", code: "AE-ATTEST-TCB", claim: "TCB level", change: (world) => { world.facts.pceSvn = 10; } },
];

const policyDefects: Defect[] = [
    { what: "a debug enclave", code: "AE-ATTEST-POLICY", claim: "debug", setting: "debug", change: (world) => { world.body.attributes = bytes("0700000000000000e700000000000000"); } },
    { what: "an enclave that was not initialized", code: "AE-ATTEST-POLICY", claim: "attributes.INIT", change: (world) => { world.body.attributes = bytes("0400000000000000e700000000000000"); } },
    { what: "an enclave with the provisioning key", code: "AE-ATTEST-POLICY", claim: "attributes.PROVISIONKEY", setting: "provisionKey", change: (world) => { world.body.attributes = bytes("1500000000000000e700000000000000"); } },
    { what: "an enclave with the launch token key", code: "AE-ATTEST-POLICY", claim: "attributes.EINITTOKENKEY", setting: "launchTokenKey", change: (world) => { world.body.attributes = bytes("2500000000000000e700000000000000"); } },
    { what: "reserved attributes", code: "AE-ATTEST-POLICY", claim: "attributes", change: (world) => { world.body.attributes = bytes("0d00000000000000e700000000000000"); } },
    { what: "unknown processor state", code: "AE-ATTEST-POLICY", claim: "xfrm", setting: "xfrmAllowed", change: (world) => { world.body.attributes = bytes("0500000000000000e700000000000080"); } },
    { what: "extended exception information", code: "AE-ATTEST-POLICY", claim: "miscSelect", setting: "miscSelectAllowed", change: (world) => { world.body.miscSelect = bytes("01000000"); } },
    {
        what: "an outdated QE", code: "AE-ATTEST-TCB", claim: "status", setting: "tcbStatuses",
        change(world) {
            world.quote.qeReport.isvSvn = 7;
            delete world.qeIdentity.tcbLevels[1].advisoryIDs;
        },
    },
    {
        what: "an advisory, with status UpToDate", code: "AE-ATTEST-TCB", claim: "advisories", setting: "advisories",
        change: (world) => { world.tcbInfo.tcbLevels[0].advisoryIDs = ["INTEL-SA-00615"]; },
    },
    { what: "a revoked level", code: "AE-ATTEST-TCB", claim: "status", change: (world) => { world.tcbInfo.tcbLevels[0].tcbStatus = "Revoked"; } },
    { what: "a revoked QE level", code: "AE-ATTEST-TCB", claim: "status", change: (world) => { world.qeIdentity.tcbLevels[0].tcbStatus = "Revoked"; } },
];

describe("SGX quotes", () => {
    it("are accepted when nothing is wrong", () => {
        const verdict = judge(sgxWorld());
        assertAccepted(verdict);
        assert.equal(verdict.status, "UpToDate");
        assert.equal(verdict.claims?.assurance, "emulated");
        assert.equal(verdict.claims.measurement, "33".repeat(32));
        assert.equal(verdict.claims.platform, "b1".repeat(16));
    });

    for (const { what, code, claim, setting, change } of [...formDefects, ...signatureDefects, ...enclaveDefects, ...policyDefects]) {
        it(`are refused with ${what}`, () => {
            const world = sgxWorld();
            change(world);
            assertRefused(judge(world), code, claim, setting === undefined ? null : `authentic:trust.sgx.${setting}`);
        });
    }

    it("are accepted without the terminating NUL of the chain, as other quoting libraries write it", () => {
        const world = sgxWorld();
        world.quote.terminated = false;
        assertAccepted(judge(world));
    });

    it("are accepted with the other valid form of an ECDSA signature", () => {
        for (const offset of [436, 436 + 128 + 384]) {
            const world = sgxWorld();
            world.alter.quote = (quote) => Buffer.concat([quote.subarray(0, offset), otherSignature(quote.subarray(offset, offset + 64)), quote.subarray(offset + 64)]);
            assertAccepted(judge(world));
        }
    });

    it("get the PPID as platform identity under the Processor CA, whose certificates name no platform instance", () => {
        const world = sgxWorld();
        world.facts.platform = null;
        world.pckCa.subject = world.pck.issuer = world.pckCrl.issuer = "Intel SGX PCK Processor CA";
        const verdict = judge(world);
        assertAccepted(verdict);
        assert.equal(verdict.claims?.platform, "a0".repeat(16));
    });
});

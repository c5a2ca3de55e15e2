// Every defect of certificates, revocation lists and signed collateral that a DCAP verifier has to notice; each is
// signed by the right keys, so that only the one check can refuse it.
import { encodePem } from "../../../provider/attest/x509/pem";
import type { RefusalCode } from "../../../provider/attest/refusal";
import { NOW, sgxWorld, tdxWorld, type World } from "../pki/intel";
import { assertAccepted, assertRefused, judge } from "../pki/judge";
import { authority, endEntity, issueCertificate, issueRevocationList, signsCertificates, signsData } from "../pki/x509";

const DAY = 86_400_000;

interface Defect {
    readonly what: string;
    readonly code: RefusalCode;
    readonly claim: string;
    readonly change: (world: World) => void;
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const replaceList = (world: World, member: "pckCrl" | "rootCaCrl", list: Uint8Array): void => {
    world.alter.collateral = (collateral) => ({ ...collateral, [member]: list });
};

const revocationDefects: Defect[] = [
    {
        what: "a PCK CRL that is garbage", code: "AE-ATTEST-MALFORMED", claim: "PCK CRL: list",
        change: (world) => replaceList(world, "pckCrl", Buffer.from("not a revocation list")),
    },
    {
        what: "an empty PCK CRL", code: "AE-ATTEST-MALFORMED", claim: "PCK CRL: list",
        change: (world) => replaceList(world, "pckCrl", new Uint8Array(0)),
    },
    {
        what: "a root CA CRL that is garbage", code: "AE-ATTEST-MALFORMED", claim: "root CA CRL: list",
        change: (world) => replaceList(world, "rootCaCrl", Buffer.from("30")),
    },
    {
        what: "a PCK CRL with a bad signature", code: "AE-ATTEST-SIGNATURE", claim: "PCK CRL: signature",
        change: (world) => { world.pckCrl.signer = "other"; },
    },
    {
        what: "a root CA CRL with a bad signature", code: "AE-ATTEST-SIGNATURE", claim: "root CA CRL: signature",
        change: (world) => { world.rootCrl.signer = "other"; },
    },
    {
        what: "a PCK CRL from another CA", code: "AE-ATTEST-CHAIN", claim: "PCK CRL: issuer",
        change: (world) => replaceList(world, "pckCrl", issueRevocationList(world.rootCrl, world.keys)),
    },
    {
        what: "a root CA CRL from the PCK CA", code: "AE-ATTEST-CHAIN", claim: "root CA CRL: issuer",
        change: (world) => replaceList(world, "rootCaCrl", issueRevocationList(world.pckCrl, world.keys)),
    },
    {
        what: "an expired PCK CRL", code: "AE-ATTEST-EXPIRED", claim: "PCK CRL: validity",
        change: (world) => { world.pckCrl.nextUpdate = NOW - 1000; },
    },
    {
        what: "an expired root CA CRL", code: "AE-ATTEST-EXPIRED", claim: "root CA CRL: validity",
        change: (world) => { world.rootCrl.nextUpdate = NOW - 1000; },
    },
    {
        what: "a PCK CRL of the future", code: "AE-ATTEST-EXPIRED", claim: "PCK CRL: validity",
        change: (world) => { world.pckCrl.thisUpdate = NOW + 1000; },
    },
    {
        what: "a PCK CRL that names another key of its issuer", code: "AE-ATTEST-CHAIN", claim: "PCK CRL: authority key identifier",
        change(world) {
            world.pckCa.extensions.push({ id: "2.5.29.14", critical: false, value: bytes("0402aaaa") });
            world.pckCrl.extensions.push({ id: "2.5.29.35", critical: false, value: bytes("30048002bbbb") });
        },
    },
    {
        what: "a partial PCK CRL (critical issuing distribution point)", code: "AE-ATTEST-MALFORMED", claim: "PCK CRL: extensions",
        change: (world) => { world.pckCrl.extensions.push({ id: "2.5.29.28", critical: true, value: bytes("3000") }); },
    },
    {
        what: "a revoked PCK", code: "AE-ATTEST-REVOKED", claim: "PCK certificate: serial number",
        change: (world) => { world.pckCrl.revoked.push(world.pck.serial); },
    },
    {
        what: "a revoked intermediate", code: "AE-ATTEST-REVOKED", claim: "PCK CA certificate: serial number",
        change: (world) => { world.rootCrl.revoked.push(world.pckCa.serial); },
    },
    {
        what: "a revoked TCB signing certificate", code: "AE-ATTEST-REVOKED", claim: "TCB info signing certificate: serial number",
        change: (world) => { world.rootCrl.revoked.push(world.tcbSigning.serial); },
    },
];

const certificateDefects: Defect[] = [
    {
        what: "a root that is not pinned", code: "AE-ATTEST-CHAIN", claim: "SGX root certificate: fingerprint",
        change(world) {
            const pretender = { ...world.root, key: "pretender", signer: "pretender" };
            world.pckCa.signer = "pretender";
            world.alter.certificates = ([pck, ca]) => [pck!, ca!, issueCertificate(pretender, world.keys)];
        },
    },
    {
        what: "an intermediate that is no CA", code: "AE-ATTEST-CHAIN", claim: "PCK CA certificate: CA flag",
        change: (world) => { world.pckCa.extensions = [signsCertificates, endEntity]; },
    },
    {
        what: "an intermediate without the usage of certificate signing", code: "AE-ATTEST-CHAIN", claim: "PCK CA certificate: key usage",
        change: (world) => { world.pckCa.extensions = [signsData, authority(0)]; },
    },
    {
        what: "an intermediate without key usage", code: "AE-ATTEST-CHAIN", claim: "PCK CA certificate: key usage",
        change: (world) => { world.pckCa.extensions = [authority(0)]; },
    },
    {
        what: "an intermediate of another name", code: "AE-ATTEST-CHAIN", claim: "PCK CA certificate: common name",
        change: (world) => {
            world.pckCa.subject = "Intel SGX TCB Signing";
            world.pck.issuer = "Intel SGX TCB Signing";
        },
    },
    {
        what: "a CA used as leaf", code: "AE-ATTEST-CHAIN", claim: "PCK certificate: CA flag",
        change: (world) => { world.pck.extensions = [{ ...signsCertificates, value: bytes("03020186") }, authority(0)]; },
    },
    {
        what: "a leaf of another name", code: "AE-ATTEST-CHAIN", claim: "PCK certificate: common name",
        change: (world) => { world.pck.subject = "Intel SGX TCB Signing"; },
    },
    {
        what: "a leaf that may not sign", code: "AE-ATTEST-CHAIN", claim: "PCK certificate: key usage",
        change: (world) => { world.pck.extensions = [signsCertificates, endEntity]; },
    },
    {
        what: "an issuer name that does not match", code: "AE-ATTEST-CHAIN", claim: "PCK certificate: issuer",
        change: (world) => { world.pck.issuer = "Intel SGX PCK Processor CA"; },
    },
    {
        what: "a leaf signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "PCK certificate: signature",
        change: (world) => { world.pck.signer = "other"; },
    },
    {
        what: "an intermediate signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "PCK CA certificate: signature",
        change: (world) => { world.pckCa.signer = "other"; },
    },
    {
        what: "an expired leaf", code: "AE-ATTEST-EXPIRED", claim: "PCK certificate: validity",
        change: (world) => { world.pck.notAfter = NOW - 1000; },
    },
    {
        what: "a leaf of the future", code: "AE-ATTEST-EXPIRED", claim: "PCK certificate: validity",
        change: (world) => { world.pck.notBefore = NOW + 1000; },
    },
    {
        what: "an expired intermediate", code: "AE-ATTEST-EXPIRED", claim: "PCK CA certificate: validity",
        change: (world) => { world.pckCa.notAfter = NOW - 1000; },
    },
    {
        what: "an expired root", code: "AE-ATTEST-EXPIRED", claim: "SGX root certificate: validity",
        change: (world) => { world.root.notAfter = NOW - 1000; },
    },
    {
        what: "a root whose path length forbids the intermediate", code: "AE-ATTEST-CHAIN", claim: "SGX root certificate: path length",
        change: (world) => { world.root.extensions = [signsCertificates, authority(0)]; },
    },
    {
        what: "a leaf with an unknown critical extension", code: "AE-ATTEST-CHAIN", claim: "PCK certificate: extensions",
        change: (world) => { world.pck.extensions.push({ id: "2.5.29.30", critical: true, value: bytes("3000") }); },
    },
    {
        what: "a leaf with a repeated extension", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate: extensions",
        change: (world) => { world.pck.extensions.push(endEntity); },
    },
    {
        what: "a leaf with trailing bytes", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate: certificate",
        change: (world) => { world.alter.certificates = ([pck, ...rest]) => [Buffer.concat([pck!, Uint8Array.of(0)]), ...rest]; },
    },
    {
        what: "a chain of four certificates", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate chain",
        change: (world) => { world.alter.certificates = (chain) => [...chain, chain[2]!]; },
    },
    {
        what: "a chain without its root", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate chain",
        change: (world) => { world.alter.certificates = (chain) => chain.slice(0, 2); },
    },
    {
        what: "a chain in the wrong order", code: "AE-ATTEST-CHAIN", claim: "SGX root certificate: fingerprint",
        change: (world) => { world.alter.certificates = (chain) => [...chain].reverse(); },
    },
    {
        what: "a chain in PEM with CR LF", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate chain",
        change: (world) => { world.alter.pckChain = (pem) => pem.replaceAll("\n", "\r\n"); },
    },
    {
        what: "a chain in PEM with a blank line", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate chain",
        change: (world) => { world.alter.pckChain = (pem) => pem.replace("-----\nMII", "-----\n\nMII"); },
    },
    {
        what: "a chain in PEM with a trailing space", code: "AE-ATTEST-MALFORMED", claim: "PCK certificate chain",
        change: (world) => { world.alter.pckChain = (pem) => `${pem} `; },
    },
    {
        what: "a TCB signing certificate replaced by a PCK", code: "AE-ATTEST-CHAIN", claim: "TCB info signing certificate: common name",
        change: (world) => {
            world.tcbSigning = { ...world.pck, issuer: world.root.subject, signer: "root" };
            world.jsonSigner = "pck";
        },
    },
    {
        what: "a TCB signing certificate issued by the PCK CA", code: "AE-ATTEST-CHAIN", claim: "TCB info signing certificate: issuer",
        change: (world) => {
            world.tcbSigning.issuer = world.pckCa.subject;
            world.tcbSigning.signer = "pckCa";
        },
    },
    {
        what: "a QE identity signing certificate replaced by a PCK, with the right one for TCB info", code: "AE-ATTEST-CHAIN", claim: "QE identity signing certificate: common name",
        change(world) {
            world.alter.collateral = (collateral) => {
                const [, root] = collateral.qeIdentityIssuerChain.split(/(?<=END CERTIFICATE-----\n)/);
                const pck = issueCertificate({ ...world.pck, issuer: world.root.subject, signer: "root" }, world.keys);
                return { ...collateral, qeIdentityIssuerChain: encodePem("CERTIFICATE", pck) + (root ?? "") };
            };
        },
    },
    {
        what: "a TCB signing certificate that is a CA", code: "AE-ATTEST-CHAIN", claim: "TCB info signing certificate: CA flag",
        change: (world) => { world.tcbSigning.extensions = [signsData, authority(0)]; },
    },
    {
        what: "a CRL issuer with another key than the quote's CA", code: "AE-ATTEST-CHAIN", claim: "PCK CRL issuer certificate: key",
        change(world) {
            world.alter.collateral = (collateral) => {
                const [, root] = collateral.pckCrlIssuerChain.split(/(?<=END CERTIFICATE-----\n)/);
                const other = issueCertificate({ ...world.pckCa, key: "other" }, world.keys);
                return { ...collateral, pckCrlIssuerChain: encodePem("CERTIFICATE", other) + (root ?? "") };
            };
        },
    },
];

const signedJsonDefects: Defect[] = [
    {
        what: "TCB info with a bad signature", code: "AE-ATTEST-SIGNATURE", claim: "TCB info: signature",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, tcbInfoSignature: collateral.qeIdentitySignature }); },
    },
    {
        what: "QE identity with a bad signature", code: "AE-ATTEST-SIGNATURE", claim: "QE identity: signature",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, qeIdentitySignature: collateral.tcbInfoSignature }); },
    },
    {
        what: "TCB info signed by another key", code: "AE-ATTEST-SIGNATURE", claim: "TCB info: signature",
        change: (world) => { world.jsonSigner = "other"; },
    },
    { what: "QE identity {}", code: "AE-ATTEST-MALFORMED", claim: "QE identity: id", change: (world) => { world.qeIdentity = {} as typeof world.qeIdentity; } },
    { what: "TCB info {}", code: "AE-ATTEST-MALFORMED", claim: "TCB info: id", change: (world) => { world.tcbInfo = {} as typeof world.tcbInfo; } },
    {
        what: "TCB info of another FMSPC", code: "AE-ATTEST-COLLATERAL", claim: "TCB info: FMSPC",
        change: (world) => { world.tcbInfo["fmspc"] = "00A067110001"; },
    },
    {
        what: "TCB info of another PCEID", code: "AE-ATTEST-COLLATERAL", claim: "TCB info: PCEID",
        change: (world) => { world.tcbInfo["pceId"] = "0001"; },
    },
    {
        what: "15 TCB components", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcb.sgxtcbcomponents",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcb.sgxtcbcomponents.pop(); },
    },
    {
        what: "17 TCB components", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcb.sgxtcbcomponents",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcb.sgxtcbcomponents.push({ svn: 0 }); },
    },
    {
        what: "a TCB component above 255", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcb.sgxtcbcomponents.3.svn",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcb.sgxtcbcomponents[3]!.svn = 256; },
    },
    {
        what: "TCB info without levels", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels",
        change: (world) => { world.tcbInfo.tcbLevels = [] as unknown as typeof world.tcbInfo.tcbLevels; },
    },
    {
        what: "TCB info of version 2", code: "AE-ATTEST-MALFORMED", claim: "TCB info: version",
        change: (world) => { world.tcbInfo["version"] = 2; },
    },
    {
        what: "TCB info with an unknown member", code: "AE-ATTEST-MALFORMED", claim: "TCB info: ",
        change: (world) => { world.tcbInfo["further"] = true; },
    },
    {
        what: "TCB info with an unknown status", code: "AE-ATTEST-MALFORMED", claim: "TCB info: tcbLevels.0.tcbStatus",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcbStatus = "Fine"; },
    },
    {
        what: "a next update that is no date", code: "AE-ATTEST-MALFORMED", claim: "TCB info: nextUpdate",
        change: (world) => { world.tcbInfo.nextUpdate = "never"; },
    },
    {
        what: "an issue date that is no date of the calendar", code: "AE-ATTEST-MALFORMED", claim: "QE identity: issueDate",
        change: (world) => { world.qeIdentity.issueDate = "2026-02-30T00:00:00Z"; },
    },
    {
        what: "expired TCB info", code: "AE-ATTEST-EXPIRED", claim: "TCB info: validity",
        change: (world) => { world.tcbInfo.nextUpdate = new Date(NOW - 1000).toISOString().replace(".000Z", "Z"); },
    },
    {
        what: "TCB info of the future", code: "AE-ATTEST-EXPIRED", claim: "TCB info: validity",
        change: (world) => { world.tcbInfo.issueDate = new Date(NOW + 1000).toISOString().replace(".000Z", "Z"); },
    },
    {
        what: "an expired QE identity", code: "AE-ATTEST-EXPIRED", claim: "QE identity: validity",
        change: (world) => { world.qeIdentity.nextUpdate = new Date(NOW - 1000).toISOString().replace(".000Z", "Z"); },
    },
    {
        what: "TCB info with a repeated member", code: "AE-ATTEST-MALFORMED", claim: "TCB info",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, tcbInfo: collateral.tcbInfo.replace('"version":3', '"version":3,"version":3') }); },
    },
    {
        what: "TCB info with whitespace", code: "AE-ATTEST-MALFORMED", claim: "TCB info",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, tcbInfo: `${collateral.tcbInfo} ` }); },
    },
];

for (const [world, evidence] of [[sgxWorld, "SGX"], [tdxWorld, "TDX"]] as const) {
    describe(`${evidence} collateral`, () => {
        it("is accepted when nothing is wrong", () => {
            assertAccepted(judge(world()));
        });
        for (const { what, code, claim, change } of [...revocationDefects, ...certificateDefects, ...signedJsonDefects]) {
            it(`refuses ${what}`, () => {
                const changed = world();
                change(changed);
                assertRefused(judge(changed), code, claim);
            });
        }

        it("is accepted up to the last second of its validity and not after", () => {
            const until = NOW + 29 * DAY;
            assertAccepted(judge(world(), { at: until }));
            assertRefused(judge(world(), { at: until + 1000 }), "AE-ATTEST-EXPIRED", "root CA CRL: validity");
        });
    });
}

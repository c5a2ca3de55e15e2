// SEV-SNP certificates and revocation lists with one defect each.
import assert from "node:assert/strict";
import { concat } from "../../../provider/attest/bytes";
import { assertAccepted, assertRefused } from "../appraising";
import { genuine, singleByteChanges } from "../vectors";
import { ARC, chainFields, keyPair, leafExtensions, listFields, MILAN_TCB, NOW, revocationList, type TestCertificate, type TestExtension } from "./authority";
import { bits, ia5, int, octets, seq, TRUE } from "./der";
import { At, buildReport, chipIdOf, hardwareIdOf, tcbBytes } from "./report";
import { leafWith, replaceExtension, run, world, type Fields } from "./world";

describe("SEV-SNP certificates", function () {
    // RSA-4096 keys have to be made first.
    this.timeout(60_000);

    describe("the layout of Turin", () => {
        it("is refused under Milan's chain, and Milan's under Turin's", () => {
            assertRefused(run(buildReport({ change: (r) => { r.set(tcbBytes("Turin", { fmc: 3, bootloader: 1, tee: 8, snp: 2, microcode: 115 }), At.reportedTcb); } })), ["MALFORMED", "REPORTED_TCB"]);
            assertRefused(run(buildReport({ product: "Turin", change: (r) => { r.set(tcbBytes("Milan", MILAN_TCB), At.reportedTcb); } }), world({ product: "Turin" })), ["MALFORMED", "REPORTED_TCB"]);
        });

        it("is refused when its first components are swapped", () => {
            const swapped = tcbBytes("Turin", { fmc: 3, bootloader: 2, tee: 1, snp: 8, microcode: 115 });
            assertRefused(run(buildReport({ product: "Turin", change: (r) => { r.set(swapped, At.reportedTcb); } }), world({ product: "Turin" })), ["CHAIN", "fmc version"]);
        });

        it("is refused when the chip id goes on after its eight bytes", () => {
            assertRefused(run(buildReport({ product: "Turin", change: (r) => r.writeUInt8(1, At.chipId + 8) }), world({ product: "Turin" })), ["CHAIN", "hwID"]);
        });

        it("is refused with the extension structure of Milan, and Milan with Turin's", () => {
            assertRefused(run(buildReport({ product: "Turin" }), world({ product: "Turin", change: ({ leaf }) => ({ leaf: replaceExtension(leaf, `${ARC}.1`, int(0)) }) })), ["CHAIN", "structure version"]);
            assertRefused(run(buildReport(), leafWith(`${ARC}.1`, int(1))), ["CHAIN", "structure version"]);
        });

        it("is refused with a firmware component that Milan does not have", () => {
            const extra = { id: `${ARC}.3.9`, value: int(0) };
            assertRefused(run(buildReport(), world({ change: ({ leaf }) => ({ leaf: { ...leaf, extensions: [...leaf.extensions, extra] } }) })), ["CHAIN", "spl9"]);
        });
    });

    describe("the endorsement certificate", () => {
        for (const [component, arc] of [["bootloader", 1], ["tee", 2], ["snp", 3], ["microcode", 8]] as const) {
            it(`is refused: ${component} version other than reported, absent, or beyond a byte`, () => {
                const id = `${ARC}.3.${arc}`;
                assertRefused(run(buildReport(), leafWith(id, int((MILAN_TCB[component] ?? 0) + 1))), ["CHAIN", `${component} version`]);
                assertRefused(run(buildReport(), leafWith(id, null)), ["CHAIN", `${component} version`]);
                assertRefused(run(buildReport(), leafWith(id, int(256 + (MILAN_TCB[component] ?? 0)))), ["MALFORMED", `${component} version`]);
            });
        }

        it("is refused: a reserved version set", () => {
            assertRefused(run(buildReport(), leafWith(`${ARC}.3.5`, int(1))), ["CHAIN", "spl5"]);
        });

        it("is refused: hwID absent, shortened, or wrapped into an OCTET STRING", () => {
            assertRefused(run(buildReport(), leafWith(`${ARC}.4`, null)), ["CHAIN", "hwID"]);
            assertRefused(run(buildReport(), leafWith(`${ARC}.4`, hardwareIdOf("Milan").subarray(0, 63))), ["CHAIN", "hwID"]);
            assertRefused(run(buildReport(), leafWith(`${ARC}.4`, octets(hardwareIdOf("Milan")))), ["CHAIN", "hwID"]);
        });

        for (const first of [0x02, 0x04]) {
            it(`is accepted: hwID beginning with 0${first}, which is raw and not DER`, () => {
                const chipId = chipIdOf("Milan").with(0, first).with(1, 62);
                assertAccepted(run(buildReport({ change: (r) => { r.set(chipId, At.chipId); } }), leafWith(`${ARC}.4`, chipId)));
            });
        }

        it("is refused: another product's name, or a longer word that begins with it", () => {
            assertRefused(run(buildReport(), leafWith(`${ARC}.2`, ia5("Genoa-B0"))), ["CHAIN", "product name"]);
            assertRefused(run(buildReport(), leafWith(`${ARC}.2`, ia5("Milano"))), ["CHAIN", "product name"]);
        });

        it("is refused: VLEK passed as VCEK, and VCEK as VLEK", () => {
            assertRefused(run(buildReport({ signer: keyPair("VLEK", "P-384").privateKey }), world({ key: "VLEK" })), ["CHAIN", "VCEK certificate: common name"]);
            assertRefused(run(buildReport({ key: "VLEK", signer: keyPair("VCEK", "P-384").privateKey }), world()), ["CHAIN", "VLEK certificate: common name"]);
        });

        it("is refused: a VLEK under the ASK", () => {
            const ask = chainFields("Milan", "VCEK", hardwareIdOf("Milan")).authority;
            const mixed = world({ key: "VLEK", change: ({ leaf }) => ({ authority: ask, leaf: { ...leaf, issuer: ask.subject, signer: keyPair("ASK", "rsa").privateKey } }) });
            assertRefused(run(buildReport({ key: "VLEK" }), mixed), ["CHAIN", "ASVK certificate: common name"]);
        });

        it("is refused: a VLEK by the default policy, and one of a provider that is not listed", () => {
            const vlek = world({ key: "VLEK" });
            assertRefused(run(buildReport({ key: "VLEK" }), vlek),
                ["POLICY", "endorsementKey", "authentic:trust.snp.endorsementKeys"], ["POLICY", "cspId", "authentic:trust.snp.cspIds"]);
            assertRefused(run(buildReport({ key: "VLEK" }), { ...vlek, policy: { endorsementKeys: ["vlek"], cspIds: ["Other"] } }), ["POLICY", "cspId"]);
        });

        it("is refused: a VLEK without a provider, and one with a chip", () => {
            const policy = { endorsementKeys: ["vlek"], cspIds: ["Test Cloud"] };
            const without = world({ key: "VLEK", change: ({ leaf }) => ({ leaf: replaceExtension(leaf, `${ARC}.5`, null) }) });
            assertRefused(run(buildReport({ key: "VLEK" }), { ...without, policy }), ["CHAIN", "CSP id"]);
            const withChip = world({ key: "VLEK", change: ({ leaf }) => ({ leaf: { ...leaf, extensions: [...leaf.extensions, { id: `${ARC}.4`, value: hardwareIdOf("Milan") }] } }) });
            assertRefused(run(buildReport({ key: "VLEK" }), { ...withChip, policy }), ["CHAIN", "hwID"]);
        });
    });

    describe("the chain", () => {
        const refusedChain = (title: string, change: (fields: Fields) => Partial<Fields>, ...reason: readonly [string, string]) => {
            it(`is refused: ${title}`, () => {
                assertRefused(run(buildReport(), world({ change })), reason);
            });
        };
        const with_ = (fields: TestCertificate, changes: Partial<TestCertificate>): TestCertificate => ({ ...fields, ...changes });
        const caExtensions = (ca: boolean, usage: number): TestExtension[] => [
            { id: "2.5.29.15", critical: true, value: bits(Uint8Array.of(usage), 1) },
            { id: "2.5.29.19", critical: true, value: ca ? seq(TRUE) : seq() },
        ];

        refusedChain("an intermediate that is no CA", ({ authority }) => ({ authority: with_(authority, { extensions: caExtensions(false, 0x04) }) }), "COLLATERAL", "VCEK or VLEK certificate");
        refusedChain("an intermediate that may not sign certificates", ({ authority }) => ({ authority: with_(authority, { extensions: caExtensions(true, 0x02) }) }), "CHAIN", "ASK certificate: key usage");
        refusedChain("an intermediate signed by another key", ({ authority }) => ({ authority: with_(authority, { signer: keyPair("ASVK", "rsa").privateKey }) }), "SIGNATURE", "ASK certificate: signature");
        refusedChain("a leaf signed by another key", ({ leaf }) => ({ leaf: with_(leaf, { signer: keyPair("ASVK", "rsa").privateKey }) }), "SIGNATURE", "VCEK certificate: signature");
        refusedChain("a leaf that names another issuer", ({ leaf }) => ({ leaf: with_(leaf, { issuer: "SEV-Genoa" }) }), "CHAIN", "VCEK certificate: issuer");
        refusedChain("an intermediate of another product", ({ authority, leaf }) => ({ authority: with_(authority, { subject: "SEV-Genoa" }), leaf: with_(leaf, { issuer: "SEV-Genoa" }) }), "CHAIN", "ASK certificate: common name");
        refusedChain("a leaf that expired", ({ leaf }) => ({ leaf: with_(leaf, { notAfter: NOW - 1000 }) }), "EXPIRED", "VCEK certificate");
        refusedChain("an intermediate that is not valid yet", ({ authority }) => ({ authority: with_(authority, { notBefore: NOW + 1000 }) }), "EXPIRED", "ASK certificate");
        refusedChain("a leaf with a P-256 key", ({ leaf }) => ({ leaf: with_(leaf, { publicKey: keyPair("small", "P-256").publicKey }) }), "CHAIN", "VCEK certificate: key");
        refusedChain("an unknown critical extension", ({ leaf }) => ({ leaf: with_(leaf, { extensions: [...leaf.extensions, { id: "1.2.3.4", critical: true, value: int(1) }] }) }), "CHAIN", "VCEK certificate: extensions");
        refusedChain("the same extension twice", ({ leaf }) => ({ leaf: with_(leaf, { extensions: [...leaf.extensions, ...leafExtensions("Milan", "VCEK", hardwareIdOf("Milan")).slice(0, 1)] }) }), "MALFORMED", "extensions");

        it("is refused: a CA certificate used as the leaf", () => {
            const { files, roots, collateral } = world();
            assertRefused(run(buildReport(), { roots, collateral: collateral.filter((file) => file !== files.leaf) }), ["COLLATERAL", "VCEK or VLEK certificate"]);
        });

        it("is refused: a root that is not pinned, though it has the right name", () => {
            const { collateral } = world();
            const other = world({ change: ({ root }) => ({ root: { ...root, serial: 2 } }) });
            assertRefused(run(buildReport(), { collateral, roots: other.roots }), ["CHAIN", "ARK certificate: fingerprint"]);
        });

        it("is refused: a pinned root of no product", () => {
            const unknown = world({ change: ({ root, authority }) => ({ root: { ...root, subject: "ARK-Naples", issuer: "ARK-Naples" }, authority: { ...authority, issuer: "ARK-Naples" } }) });
            assertRefused(run(buildReport(), unknown), ["CHAIN", "ARK certificate: common name"]);
        });

        it("is refused: trailing bytes after a certificate, and a certificate given twice", () => {
            const { files, roots, collateral } = world();
            assertRefused(run(buildReport(), { roots, collateral: collateral.map((file) => (file === files.leaf ? concat(file, Uint8Array.of(0)) : file)) }), ["MALFORMED", "file 1"]);
            assertRefused(run(buildReport(), { roots, collateral: [...collateral, files.leaf] }), ["COLLATERAL", "VCEK or VLEK certificate"]);
        });

        it("is refused: PEM with other line ends, spaces, or text around it", function () {
            const pem = genuine(this, "snp-cert-chain-milan.pem").toString("latin1");
            for (const spelling of [pem.replaceAll("\n", "\r\n"), `${pem}\n`, pem.replace("MII", "M II"), `subject\n${pem}`]) {
                assertRefused(run(buildReport(), { collateral: [Buffer.from(spelling, "latin1")] }), ["MALFORMED", "file 1"]);
            }
        });
    });

    describe("the revocation list", () => {
        const withList = (list: Uint8Array | null) => run(buildReport(), world({ list }));

        it("is refused: missing, empty, or garbage", () => {
            assertRefused(withList(null), ["COLLATERAL", "AMD CRL", "authentic:trust.snp.revocation"]);
            assertRefused(withList(new Uint8Array(0)), ["MALFORMED", "file 4"]);
            assertRefused(withList(Uint8Array.from({ length: 64 }, (_, index) => index * 7)), ["MALFORMED", "file 4"]);
        });

        it("is refused: a bad signature, another signer, or another issuer's name", () => {
            const list = revocationList(listFields("Milan"));
            assertRefused(withList(list.with(list.length - 1, (list.at(-1) ?? 0) ^ 1)), ["SIGNATURE", "AMD CRL"]);
            assertRefused(withList(revocationList({ ...listFields("Milan"), signer: keyPair("ASK", "rsa").privateKey })), ["SIGNATURE", "AMD CRL"]);
            assertRefused(withList(revocationList(listFields("Genoa"))), ["CHAIN", "AMD CRL: issuer"]);
            assertRefused(withList(revocationList({ ...listFields("Milan"), issuer: "SEV-Milan", signer: keyPair("ASK", "rsa").privateKey })), ["CHAIN", "AMD CRL: issuer"]);
        });

        it("is refused: expired, or of the future", () => {
            assertRefused(withList(revocationList({ ...listFields("Milan"), nextUpdate: NOW - 1000 })), ["EXPIRED", "AMD CRL"]);
            assertRefused(withList(revocationList({ ...listFields("Milan"), thisUpdate: NOW + 1000 })), ["EXPIRED", "AMD CRL"]);
        });

        it("is refused with the intermediate on it", () => {
            assertRefused(withList(revocationList({ ...listFields("Milan"), revoked: [1, 0x10001] })), ["REVOKED", "ASK or ASVK certificate"]);
        });

        it("is checked wherever it is there, required or not", () => {
            const optional = { policy: { revocation: "optional" } };
            const revoked = world({ list: revocationList({ ...listFields("Milan"), revoked: [0x10001] }) });
            assertRefused(run(buildReport(), { ...revoked, ...optional }), ["REVOKED", "ASK or ASVK certificate"]);
            assertAccepted(run(buildReport(), { ...world({ list: null }), ...optional }));
        });

        it("is refused twice", () => {
            const list = revocationList(listFields("Milan"));
            assertRefused(run(buildReport(), { collateral: [...world().collateral, list] }), ["MALFORMED", "revocation lists"]);
        });

        it("is refused with any single byte changed", function () {
            this.timeout(0);
            const { collateral, roots } = world();
            const list = revocationList(listFields("Milan"));
            const report = buildReport();
            for (const { offset, changed } of singleByteChanges(list)) {
                assert.equal(run(report, { collateral: collateral.with(3, changed), roots }).accepted, false, `byte ${offset}`);
            }
        });
    });
});

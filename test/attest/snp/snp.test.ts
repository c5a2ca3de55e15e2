// SEV-SNP: the genuine Milan report, and every negative case with a test hierarchy, for each product and report version.
import assert from "node:assert/strict";
import { concat, hex } from "../../../provider/attest/bytes";
import type { AmdProduct } from "../../../provider/attest/collateral/kds";
import { evidenceOfFile } from "../../../provider/attest/container";
import { snp } from "../../../provider/attest/snp";
import { appraise, assertAccepted, assertRefused, type Appraising } from "../appraising";
import { genuine, singleByteChanges } from "../vectors";
import { ARC, certificate, chainFields, keyPair, leafExtensions, listFields, MILAN_TCB, NOW, revocationList, type TestCertificate, type TestExtension } from "./authority";
import { bits, ia5, int, octets, seq, TRUE } from "./der";
import { At, buildReport, chipIdOf, hardwareIdOf, signReport, tcbBytes } from "./report";

type Fields = ReturnType<typeof chainFields>;

interface World {
    readonly product?: AmdProduct;
    readonly key?: "VCEK" | "VLEK";
    /** Changes certificates before they are signed. */
    readonly change?: (fields: Fields) => Partial<Fields>;
    readonly list?: Uint8Array | null;
}

/** The collateral files of a test hierarchy, and its root set. */
function world({ product = "Milan", key = "VCEK", change, list }: World = {}): Required<Pick<Appraising, "collateral" | "roots">> & { files: Record<keyof Fields, Uint8Array> } {
    const original = chainFields(product, key, hardwareIdOf(product));
    const fields = { ...original, ...change?.(original) };
    const files = { leaf: certificate(fields.leaf), authority: certificate(fields.authority), root: certificate(fields.root) };
    const lists = list === null ? [] : [list ?? revocationList(listFields(product))];
    return { files, collateral: [...Object.values(files), ...lists], roots: { assurance: "emulated", anchors: [files.root] } };
}

const run = (report: Uint8Array, options: Appraising = {}) =>
    appraise(snp, report, { ...(options.collateral === undefined ? world() : {}), emulated: true, at: NOW, ...options });

const replaceExtension = (certificateFields: TestCertificate, id: string, value: Uint8Array | null): TestCertificate => ({
    ...certificateFields,
    extensions: certificateFields.extensions.flatMap((extension): TestExtension[] =>
        extension.id !== id ? [extension] : value === null ? [] : [{ ...extension, value }]),
});

const leafWith = (id: string, value: Uint8Array | null) => world({ change: ({ leaf }) => ({ leaf: replaceExtension(leaf, id, value) }) });

describe("SEV-SNP", function () {
    // Three RSA-4096 keys have to be made first.
    this.timeout(60_000);

    before(() => {
        for (const name of ["ARK", "ASK", "ASVK"]) {
            keyPair(name, "rsa");
        }
    });

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

    describe("well-formed reports of a test hierarchy", () => {
        for (const product of ["Milan", "Genoa", "Turin"] as const) {
            for (const version of [2, 3, 4, 5]) {
                it(`are accepted: ${product}, version ${version}`, () => {
                    assertAccepted(run(buildReport({ product, version }), world({ product })));
                });
            }

            it(`are accepted under a VLEK of ${product}, when the policy names key and provider`, () => {
                const policy = { endorsementKeys: ["vlek"], cspIds: ["Test Cloud"] };
                assertAccepted(run(buildReport({ product, key: "VLEK" }), { ...world({ product, key: "VLEK" }), policy }));
            });
        }

        it("are not hardware evidence", () => {
            assertRefused(run(buildReport(), { roots: { assurance: "hardware" } }), ["CHAIN", "ARK certificate: fingerprint"]);
        });

        it("are refused where emulation is not accepted", () => {
            assertRefused(run(buildReport(), { emulated: false }), ["POLICY", "assurance", "authentic:trust.emulated"]);
        });

        it("are accepted with the other s of the signature, which anybody can compute", () => {
            const report = buildReport();
            const order = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n;
            const s = BigInt(`0x${hex(report.subarray(At.signature + 72, At.signature + 120).toReversed())}`);
            report.set(Buffer.from((order - s).toString(16).padStart(96, "0"), "hex").toReversed(), At.signature + 72);
            assertAccepted(run(report));
        });
    });

    describe("the report", () => {
        const refusedReport = (title: string, change: (report: Buffer) => void, ...reason: readonly [string, string, string?]) => {
            it(`is refused: ${title}`, () => {
                assertRefused(run(buildReport({ change })), reason);
            });
        };

        refusedReport("version 1", (r) => r.writeUInt32LE(1, At.version), "UNSUPPORTED", "version");
        refusedReport("version 6", (r) => r.writeUInt32LE(6, At.version), "UNSUPPORTED", "version");
        refusedReport("another signature algorithm", (r) => r.writeUInt32LE(2, At.algorithm), "UNSUPPORTED", "SIGNATURE_ALGO");
        refusedReport("policy bit 17 clear", (r) => r.writeBigUInt64LE(0x10000n, At.policy), "MALFORMED", "POLICY bit 17");
        refusedReport("a reserved policy bit set", (r) => r.writeBigUInt64LE(0x30000n | (1n << 40n), At.policy), "MALFORMED", "POLICY reserved");
        refusedReport("a policy bit of version 5 in version 3", (r) => r.writeBigUInt64LE(0x30000n | (1n << 25n), At.policy), "MALFORMED", "POLICY reserved");
        refusedReport("a reserved platform bit set", (r) => r.writeBigUInt64LE(0x121n, At.platformInfo), "MALFORMED", "PLATFORM_INFO");
        refusedReport("a reserved flag set", (r) => r.writeUInt32LE(0x20, At.flags), "MALFORMED", "flags");
        refusedReport("the signature withheld by MASK_CHIP_KEY", (r) => r.writeUInt32LE(2, At.flags), "UNSUPPORTED", "MASK_CHIP_KEY");
        refusedReport("signing key 2", (r) => r.writeUInt32LE(8, At.flags), "UNSUPPORTED", "SIGNING_KEY");
        refusedReport("signing key 7 (none)", (r) => r.writeUInt32LE(28, At.flags), "UNSUPPORTED", "SIGNING_KEY");
        refusedReport("reserved bytes at 4c", (r) => r.writeUInt8(1, At.reserved4c), "MALFORMED", "reserved 0x4c");
        refusedReport("reserved bytes after the CPUID", (r) => r.writeUInt8(1, At.cpuid + 3), "MALFORMED", "reserved 0x18b");
        refusedReport("padding of the current version", (r) => r.writeUInt8(1, At.current + 3), "MALFORMED", "CURRENT version padding");
        refusedReport("padding of the committed version", (r) => r.writeUInt8(1, At.committed + 3), "MALFORMED", "COMMITTED version padding");
        refusedReport("mitigation vectors before version 5", (r) => r.writeUInt8(1, At.mitigations), "MALFORMED", "reserved before the signature");
        refusedReport("a processor of another product", (r) => r.set([0x19, 0x11, 0], At.cpuid), "CHAIN", "CPUID");
        refusedReport("a processor of no product", (r) => r.set([0x17, 0x31, 0], At.cpuid), "CHAIN", "CPUID");
        refusedReport("reserved bytes of REPORTED_TCB", (r) => r.writeUInt8(1, At.reportedTcb + 3), "MALFORMED", "REPORTED_TCB");
        refusedReport("reserved bytes of COMMITTED_TCB", (r) => r.writeUInt8(1, At.committedTcb + 3), "MALFORMED", "COMMITTED_TCB");
        refusedReport("reserved bytes of LAUNCH_TCB", (r) => r.writeUInt8(1, At.launchTcb + 3), "MALFORMED", "LAUNCH_TCB");
        refusedReport("reserved bytes of CURRENT_TCB", (r) => r.writeUInt8(1, At.currentTcb + 3), "MALFORMED", "CURRENT_TCB");
        refusedReport("debugging allowed", (r) => r.writeBigUInt64LE(0xb0000n, At.policy), "POLICY", "debugAllowed", "authentic:trust.snp.debug");
        refusedReport("a migration agent allowed", (r) => r.writeBigUInt64LE(0x70000n, At.policy), "POLICY", "migrationAgentAllowed", "authentic:trust.snp.migrationAgent");
        refusedReport("VMPL 1", (r) => r.writeUInt32LE(1, At.vmpl), "POLICY", "vmpl", "authentic:trust.snp.vmpl");
        refusedReport("a masked chip id", (r) => r.fill(0, At.chipId, At.chipId + 64), "BINDING", "CHIP_ID", "authentic:trust.snp.maskedChipId");
        refusedReport("another chip than the certificate's", (r) => r.writeUInt8(1, At.chipId), "CHAIN", "hwID");
        refusedReport("no alias check", (r) => r.writeBigUInt64LE(1n, At.platformInfo), "POLICY", "aliasCheckComplete", "authentic:trust.snp.aliasCheck");

        it("is refused: CPUID in version 2", () => {
            assertRefused(run(buildReport({ version: 2, change: (r) => r.writeUInt8(0x19, At.cpuid) })), ["MALFORMED", "reserved 0x188"]);
        });

        it("is refused: reserved bytes after the mitigation vectors of version 5", () => {
            assertRefused(run(buildReport({ version: 5, change: (r) => r.writeUInt8(1, At.mitigations + 16) })), ["MALFORMED", "reserved before the signature"]);
        });

        for (const offset of [48, 71, 72 + 48, 143, 144, 511]) {
            it(`is refused: signature padding at ${offset} set`, () => {
                const report = buildReport();
                report.writeUInt8(1, At.signature + offset);
                assertRefused(run(report), ["MALFORMED", "padding"]);
            });
        }

        it("is refused: a signature of another key", () => {
            assertRefused(run(buildReport({ signer: keyPair("other", "P-384").privateKey })), ["SIGNATURE", "SNP report: signature"]);
        });

        it("is refused: a signature of zeros", () => {
            assertRefused(run(buildReport().fill(0, At.signature)), ["SIGNATURE", "SNP report: signature"]);
        });

        it("is refused: multithreading, where the policy excludes it", () => {
            assertRefused(run(buildReport(), { policy: { smt: false } }),
                ["POLICY", "platformInfo.smtEnabled", "authentic:trust.snp.smt"], ["POLICY", "guestPolicy.smtAllowed", "authentic:trust.snp.smt"]);
        });

        it("is accepted with what the policy excludes by default, once it says so", () => {
            assertAccepted(run(buildReport({ change: (r) => r.writeBigUInt64LE(0xf0000n, At.policy) }), { policy: { debug: true, migrationAgent: true } }));
            assertAccepted(run(buildReport({ change: (r) => r.writeUInt32LE(1, At.vmpl) }), { policy: { vmpl: 1 } }));
            assertAccepted(run(buildReport({ change: (r) => r.fill(0, At.chipId, At.chipId + 64) }), { policy: { maskedChipId: true } }));
            assertAccepted(run(buildReport({ change: (r) => r.writeBigUInt64LE(1n, At.platformInfo) }), { policy: { aliasCheck: "ignored" } }));
        });

        it("is refused: an alias check that version 2 cannot report, where it is required", () => {
            assertRefused(run(buildReport({ version: 2 }), { policy: { aliasCheck: "required" } }), ["POLICY", "aliasCheckComplete"]);
        });

        for (const [which, offset] of [["reported", At.reportedTcb], ["committed", At.committedTcb], ["launch", At.launchTcb]] as const) {
            it(`is refused: ${which} TCB below the minimum`, () => {
                const low = { ...MILAN_TCB, snp: 7 };
                const report = buildReport({ change: (r) => { r.set(tcbBytes("Milan", low), offset); } });
                const certified = which === "reported" ? leafWith(`${ARC}.3.3`, int(7)) : {};
                assertRefused(run(report, { ...certified, policy: { minimumTcb: { Milan: { snp: 8 } } } }), ["TCB", `tcb.${which}.snp`, "authentic:trust.snp.minimumTcb.Milan.snp"]);
            });
        }

        it("is accepted: a TCB at the minimum, and a minimum of another product", () => {
            assertAccepted(run(buildReport(), { policy: { minimumTcb: { Milan: { snp: 8, microcode: 115 }, Genoa: { snp: 99 } } } }));
        });

        it("is refused: a machine that is not enrolled, where machines are", () => {
            assertAccepted(run(buildReport(), { policy: { platforms: [hex(chipIdOf("Milan"))] } }));
            assertRefused(run(buildReport(), { policy: { platforms: ["00".repeat(64)] } }), ["POLICY", "platform", "authentic:trust.snp.platforms"]);
        });

        it("is refused: a product that the policy does not list", () => {
            assertRefused(run(buildReport(), { policy: { products: ["Genoa"] } }), ["POLICY", "product", "authentic:trust.snp.products"]);
        });
    });

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

    describe("the binding and the reference values", () => {
        const reportData = Buffer.alloc(64, 0x22);
        const measurement = "11".repeat(48);

        it("are accepted when they are the same", () => {
            assertAccepted(run(buildReport(), { reportData, references: { measurement, platform: hex(chipIdOf("Milan")) } }));
        });

        it("are refused: another nonce, and report data that is the same for a prefix only", () => {
            assertRefused(run(buildReport(), { reportData: Buffer.alloc(64, 0x23) }), ["BINDING", "reportData", null]);
            assertRefused(run(buildReport({ change: (r) => r.writeUInt8(0, At.reportData + 63) }), { reportData }), ["BINDING", "reportData", null]);
        });

        it("are refused: another measurement, host data, or machine", () => {
            assertRefused(run(buildReport(), { references: { measurement: "12".repeat(48) } }), ["MEASUREMENT", "measurement", null]);
            assertRefused(run(buildReport({ change: (r) => r.writeUInt8(1, At.hostData) }), { references: { measurement } }), ["MEASUREMENT", "hostData"]);
            assertRefused(run(buildReport(), { references: { measurement, platform: "00".repeat(64) } }), ["BINDING", "platform"]);
        });

        for (const [field, offset, length] of [["idKeyDigest", At.idKeyDigest, 48], ["authorKeyDigest", At.authorKeyDigest, 48], ["familyId", At.familyId, 16], ["imageId", At.imageId, 16]] as const) {
            it(`are compared: ${field}`, () => {
                const report = buildReport({
                    change: (r) => {
                        r.fill(0x33, offset, offset + length);
                        r.writeUInt32LE(field === "authorKeyDigest" ? 1 : 0, At.flags);
                    },
                });
                assertAccepted(run(report, { references: { measurement, [field]: "33".repeat(length) } }));
                assertRefused(run(report, { references: { measurement, [field]: "34".repeat(length) } }), ["MEASUREMENT", field]);
            });
        }

        it("do not count an author key digest that the report does not vouch for", () => {
            const report = buildReport({ change: (r) => r.fill(0x33, At.authorKeyDigest, At.authorKeyDigest + 48) });
            assertRefused(run(report, { references: { measurement, authorKeyDigest: "33".repeat(48) } }), ["MEASUREMENT", "authorKeyDigest"]);
        });

        it("are compared: the guest's version", () => {
            const report = buildReport({ change: (r) => r.writeUInt32LE(4, At.guestSvn) });
            assertAccepted(run(report, { references: { measurement, minGuestSvn: 4 } }));
            assertRefused(run(report, { references: { measurement, minGuestSvn: 5 } }), ["MEASUREMENT", "guestSvn"]);
        });
    });

    it("verifies a report that was signed again only under the chain's key", () => {
        const report = buildReport();
        assertAccepted(run(signReport(report, keyPair("VCEK", "P-384").privateKey)));
        assertRefused(run(signReport(report, keyPair("VLEK", "P-384").privateKey)), ["SIGNATURE", "SNP report: signature"]);
    });
});

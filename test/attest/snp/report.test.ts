// SEV-SNP reports of each product and version: accepted well-formed, refused with one defect each.
import { hex } from "../../../provider/attest/bytes";
import { assertAccepted, assertRefused } from "../appraising";
import { ARC, keyPair, MILAN_TCB } from "./authority";
import { int } from "./der";
import { At, buildReport, chipIdOf, signReport, tcbBytes } from "./report";
import { leafWith, run, world } from "./world";

describe("SEV-SNP reports", function () {
    // RSA-4096 keys have to be made first.
    this.timeout(60_000);

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

    it("verifies a report that was signed again only under the chain's key", () => {
        const report = buildReport();
        assertAccepted(run(signReport(report, keyPair("VCEK", "P-384").privateKey)));
        assertRefused(run(signReport(report, keyPair("VLEK", "P-384").privateKey)), ["SIGNATURE", "SNP report: signature"]);
    });
});

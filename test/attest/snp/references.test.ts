// The binding of a SEV-SNP report to a challenge, and its reference values.
import { hex } from "../../../provider/attest/bytes";
import { assertAccepted, assertRefused } from "../appraising";
import { At, buildReport, chipIdOf } from "./report";
import { run } from "./world";

describe("SEV-SNP", function () {
    // RSA-4096 keys have to be made first.
    this.timeout(60_000);

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
});

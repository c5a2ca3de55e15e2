// Sancus evidence: MACs of a module, under keys derived from a node key, and with one defect each.
import assert from "node:assert/strict";
import { concat } from "../../../provider/attest/bytes";
import { sancus } from "../../../provider/attest/sancus";
import { sancusEvidenceMessage } from "../../../provider/attest/sancus/parse";
import { publishedTestKey } from "../../../provider/attest/test-keys";
import { sancusModuleKey, sancusVendorKey } from "../../../provider/crypto/sancus-keys";
import { spongentMac } from "../../../provider/crypto/spongent";
import { appraise, assertAccepted, assertRefused } from "../appraising";
import { singleByteChanges } from "../vectors";

const identity = {
    text: Buffer.from("b2407777000292420002100830406040", "hex"),
    layout: { publicStart: 0x4098, publicEnd: 0x40a8, secretStart: 0x0200, secretEnd: 0x0240 },
};
const challenge = new Uint8Array(64).fill(0x22);

for (const [bits, nodeKey] of [[64, "0011223344556677"], [128, "00112233445566778899aabbccddeeff"]] as const) {
    describe(`Sancus evidence, ${bits} bits`, () => {
        const key = Buffer.from(nodeKey, "hex");
        const moduleKey = sancusModuleKey(sancusVendorKey(key, 0x1234), identity);
        const evidence = (message = sancusEvidenceMessage(challenge), macKey: Uint8Array = moduleKey) => concat(challenge, spongentMac(macKey, message));
        const run = (bytes: Uint8Array, options: Parameters<typeof appraise>[2] = {}) =>
            appraise(sancus, bytes, { collateral: [moduleKey], policy: { minimumSecurity: 64 }, emulated: true, roots: { assurance: "emulated", anchors: [] }, ...options });

        it("is accepted under the module's key, for the whole challenge", () => {
            assertAccepted(run(evidence(), { reportData: challenge }));
        });

        it("is refused: another challenge, or one that is the same for a prefix only", () => {
            assertRefused(run(evidence(), { reportData: new Uint8Array(64).fill(0x23) }), ["BINDING", "reportData"]);
            assertRefused(run(evidence(), { reportData: challenge.with(63, 0) }), ["BINDING", "reportData"]);
        });

        it("is refused: the module with other text, elsewhere in memory, of another vendor, or on another node", () => {
            const vendorKey = sancusVendorKey(key, 0x1234);
            const others = [
                sancusModuleKey(vendorKey, { ...identity, text: Buffer.from(identity.text).fill(0, 15) }),
                sancusModuleKey(vendorKey, { ...identity, layout: { ...identity.layout, secretEnd: 0x0242 } }),
                sancusModuleKey(sancusVendorKey(key, 0x1235), identity),
                sancusModuleKey(sancusVendorKey(Buffer.from(key).fill(1, 0, 1), 0x1234), identity),
            ];
            for (const other of others) {
                assertRefused(run(evidence(undefined, other)), ["SIGNATURE", "tag"]);
            }
        });

        it("is refused: a MAC made for another use of the key", () => {
            assertRefused(run(evidence(challenge)), ["SIGNATURE", "tag"]);
            assertRefused(run(evidence(concat(Buffer.from("L2"), challenge))), ["SIGNATURE", "tag"]);
        });

        it("is refused: a tag cut short, extended, or absent, and a challenge of another length", () => {
            const bytes = evidence();
            assertRefused(run(bytes.subarray(0, bytes.length - 1)), ["MALFORMED", "tag"]);
            assertRefused(run(concat(bytes, Uint8Array.of(0))), ["MALFORMED", "tag"]);
            assertRefused(run(challenge), ["MALFORMED", "tag"]);
            assertRefused(run(challenge.subarray(0, 32)), ["MALFORMED", "challenge"]);
            assert.throws(() => sancusEvidenceMessage(challenge.subarray(0, 32)), RangeError);
        });

        it("is refused: a tag of the other security level", () => {
            const size = bits === 64 ? 16 : 8;
            assertRefused(run(concat(challenge, new Uint8Array(size))), ["SIGNATURE", "tag"]);
        });

        it("is refused without the key, or with something that is no key", () => {
            assertRefused(run(evidence(), { collateral: [] }), ["MALFORMED", "Sancus collateral"]);
            assertRefused(run(evidence(), { collateral: [new Uint8Array(7)] }), ["MALFORMED", "Sancus collateral"]);
            assertRefused(run(evidence(), { collateral: [moduleKey, moduleKey] }), ["MALFORMED", "Sancus collateral"]);
        });

        it("is refused with any single byte changed", function () {
            this.timeout(0);
            for (const { offset, changed } of singleByteChanges(evidence())) {
                assert.equal(run(changed).accepted, false, `byte ${offset}`);
            }
        });

        it(`${bits === 64 ? "is refused" : "is accepted"} by the default policy, which asks for 128 bits`, () => {
            const verdict = run(evidence(), { policy: {} });
            if (bits === 64) {
                assertRefused(verdict, ["POLICY", "security", "authentic:trust.sancus.minimumSecurity"]);
            } else {
                assertAccepted(verdict);
            }
        });
    });
}

describe("Sancus node keys", () => {
    it("are known where they are published", () => {
        assert.match(publishedTestKey(Buffer.from("deadbeefcafebabe", "hex")) ?? "", /64-bit Sancus core/);
        assert.match(publishedTestKey(Buffer.from("deadbeefcafebabec0defeeddefec8ed", "hex")) ?? "", /128-bit Sancus core/);
        assert.equal(publishedTestKey(Buffer.from("0011223344556677", "hex")), null);
    });
});

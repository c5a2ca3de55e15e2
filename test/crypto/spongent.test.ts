// Spongent, SpongeWrap and the Sancus key hierarchy against vectors obtained from the published Sancus core.
import assert from "node:assert/strict";
import { bytesToHex as hex, hexToBytes as bytes } from "@noble/hashes/utils";
import { spongentMac, spongentPermute, spongeUnwrap, spongeWrap } from "../../provider/crypto/spongent";
import { sancusConfidentialText, sancusIdentityBytes, sancusModuleKey, sancusVendorKey, sancusVerifyTag } from "../../provider/crypto/sancus-keys";

const identity = {
    text: bytes("b2407777000292420002100830406040"),
    layout: { publicStart: 0x4098, publicEnd: 0x40a8, secretStart: 0x0200, secretEnd: 0x0240 },
};

const LEVELS = [
    {
        security: 64,
        nodeKey: "deadbeefcafebabe",
        vendor: "4078d505d82099ba",
        wrapKey: "0102030405060708",
        cipher: "f59e365e",
        tag: "e10d0bfdeea014b4",
        moduleKey: "7b9ffbb91999f6c0",
        verify: "e864528dc013356b",
        loadCipher: "8ee875a60163348db0c720e94acc4d07",
        loadTag: "96bdc9a247d1b6a3",
    },
    {
        security: 128,
        nodeKey: "deadbeefcafebabec0defeeddefec8ed",
        vendor: "0b7bf3ae40880a8be430d0da34fb76f0",
        wrapKey: "0102030405060708090a0b0c0d0e0f10",
        cipher: "89bbd794",
        tag: "a97dd5b9665a1f7aec20affbdd7bbe25",
        moduleKey: "6304395a4f0072833c35e427fac66c37",
        verify: undefined,
        loadCipher: "15bd73bada18e6e7c91029d2c717cf4f",
        loadTag: "e7e28f222bd9c2aab183baf78c94dc10",
    },
] as const;

describe("Spongent", () => {
    it("permutes the all-zero 176-bit state as the hardware does", () => {
        assert.equal(hex(spongentPermute(64, new Uint8Array(22))), "7cc4ce71e12103a7601e25ff8970fb10bf32793c2379");
    });

    it("refuses a state of another length", () => {
        assert.throws(() => spongentPermute(64, new Uint8Array(42)), /state must have 22 bytes/);
        assert.throws(() => spongentPermute(128, new Uint8Array(22)), /state must have 42 bytes/);
    });

    it("derives the second published vendor key", () => {
        assert.equal(hex(sancusVendorKey(bytes("deadbeefcafebabe"), 0x4444)), "d0b0a0ede8991459");
    });

    for (const level of LEVELS) {
        describe(`at ${level.security} bits`, () => {
            const key = bytes(level.wrapKey);
            const ad = bytes("11121314");
            const body = bytes("21222324");
            const vendorKey = bytes(level.vendor);

            it("wraps the published vector", () => {
                const { ciphertext, tag } = spongeWrap(key, ad, body);
                assert.equal(hex(ciphertext), level.cipher);
                assert.equal(hex(tag), level.tag);
            });

            it("unwraps what it wrapped, bodies of every even length up to 40", () => {
                for (let length = 0; length <= 40; length += 2) {
                    const plaintext = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);
                    const { ciphertext, tag } = spongeWrap(key, ad, plaintext);
                    assert.deepEqual(spongeUnwrap(key, ad, ciphertext, tag), plaintext);
                }
            });

            it("refuses every single-bit change of key, associated data, ciphertext and tag", () => {
                const { ciphertext, tag } = spongeWrap(key, ad, body);
                const inputs = [key, ad, ciphertext, tag] as const;
                inputs.forEach((input, which) => {
                    for (let bit = 0; bit < 8 * input.length; bit++) {
                        const changed = inputs.map((x) => x.slice()) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
                        changed[which]![bit >> 3]! ^= 1 << (bit & 7);
                        assert.equal(spongeUnwrap(...changed), undefined, `input ${which}, bit ${bit}`);
                    }
                });
            });

            it("refuses a tag cut short or extended", () => {
                const { ciphertext, tag } = spongeWrap(key, ad, body);
                assert.equal(spongeUnwrap(key, ad, ciphertext, tag.subarray(0, 2)), undefined);
                assert.equal(spongeUnwrap(key, ad, ciphertext, new Uint8Array(0)), undefined);
                assert.equal(spongeUnwrap(key, ad, ciphertext, new Uint8Array([...tag, 0])), undefined);
            });

            it("separates the boundary between associated data and body", () => {
                const a = spongeWrap(key, bytes("1112"), bytes("13142122")).tag;
                const b = spongeWrap(key, bytes("11121314"), bytes("2122")).tag;
                assert.notEqual(hex(a), hex(b));
            });

            it("derives the vendor key, the module key and the verify tag", () => {
                assert.equal(hex(sancusVendorKey(bytes(level.nodeKey), 0x1234)), level.vendor);
                assert.equal(hex(sancusModuleKey(vendorKey, identity)), level.moduleKey);
                if (level.verify !== undefined) assert.equal(hex(sancusVerifyTag(level.security, identity)), level.verify);
                assert.equal(hex(sancusVerifyTag(level.security, identity)), hex(spongentMac(new Uint8Array(level.security / 8), sancusIdentityBytes(identity))));
            });

            it("encrypts a confidential load", () => {
                const { ciphertext, tag } = sancusConfidentialText(vendorKey, identity.text, 0x315a);
                assert.equal(hex(ciphertext), level.loadCipher);
                assert.equal(hex(tag), level.loadTag);
            });

            it("gives another module key for another text or any other address", () => {
                const changes = [
                    { ...identity, text: identity.text.map((b, i) => (i === 15 ? b ^ 1 : b)) },
                    { ...identity, layout: { ...identity.layout, publicStart: 0x409a, publicEnd: 0x40aa } },
                    { ...identity, layout: { ...identity.layout, secretStart: 0x0202 } },
                    { ...identity, layout: { ...identity.layout, secretEnd: 0x0242 } },
                ];
                for (const changed of changes) assert.notEqual(hex(sancusModuleKey(vendorKey, changed)), level.moduleKey);
            });
        });
    }

    it("refuses lengths that the hardware does not support", () => {
        const key = new Uint8Array(8);
        assert.throws(() => spongeWrap(new Uint8Array(10), bytes("0102"), bytes("")), /8 or 16 bytes/);
        assert.throws(() => spongeWrap(key, bytes(""), bytes("")), /associatedData must not be empty/);
        assert.throws(() => spongeWrap(key, bytes("01"), bytes("")), /associatedData must have an even/);
        assert.throws(() => spongeWrap(key, bytes("0102"), bytes("03")), /body must have an even/);
        assert.throws(() => spongeUnwrap(key, bytes("0102"), bytes("03"), new Uint8Array(8)), /ciphertext must have an even/);
    });

    it("refuses identities that the hardware would not enable", () => {
        const key = new Uint8Array(8);
        const withLayout = (layout: Partial<typeof identity.layout>) => ({ ...identity, layout: { ...identity.layout, ...layout } });
        assert.throws(() => sancusModuleKey(key, withLayout({ publicEnd: 0x4098 })), /must be below publicEnd/);
        assert.throws(() => sancusModuleKey(key, withLayout({ secretStart: 0x0300 })), /must not be above secretEnd/);
        assert.throws(() => sancusModuleKey(key, withLayout({ publicEnd: 0x40aa })), /text has 16 bytes/);
        assert.throws(() => sancusModuleKey(key, withLayout({ secretEnd: 0x10000 })), /secretEnd must be an integer/);
        assert.throws(() => sancusVendorKey(key, 0x12345), /vendorId must be an integer/);
        assert.throws(() => sancusConfidentialText(key, identity.text, 0), /nonce must not be 0/);
    });
});

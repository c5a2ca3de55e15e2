// The vendor's signature, checked with node's own RSA and with the arithmetic of EINIT.
import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { AuthenticError } from "../../../provider/errors";
import { AT, makeSigstruct, SIGSTRUCT, signedPart } from "../../../provider/tee/sgx/sigstruct";
import { generateVendorKey, mrsigner, readVendorKey } from "../../../provider/tee/sgx/vendor-key";

const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

describe("SIGSTRUCT", function () {
    this.timeout(30_000);
    let pem: string;
    const measurement = Uint8Array.from({ length: 32 }, (_, index) => index);
    const signed = (options: { debug?: boolean } = {}) => Buffer.from(makeSigstruct({ measurement, isvProdId: 0x0102, isvSvn: 0x0304, ...options }, readVendorKey(pem)));

    before(async () => {
        pem = await generateVendorKey();
    });

    it("has each field in its place and zeros everywhere else", () => {
        const structure = signed();
        assert.equal(structure.length, SIGSTRUCT);
        const rest = Buffer.from(structure);
        const take = (at: number, length: number): string => {
            const text = rest.subarray(at, at + length).toString("hex");
            rest.fill(0, at, at + length);
            return text;
        };
        assert.equal(take(0, 16), "06000000e10000000000010000000000");
        assert.equal(take(16, 4), "00000000");
        assert.equal(take(20, 4), "01012620");
        assert.equal(take(24, 16), "01010000600000006000000001000000");
        assert.equal(take(512, 4), "03000000");
        assert.equal(take(900, 8), "00000000ffffffff");
        assert.equal(take(928, 16), "04000000000000000700000000000000");
        assert.equal(take(944, 16), "ff".repeat(16));
        assert.equal(take(960, 32), Buffer.from(measurement).toString("hex"));
        assert.equal(take(1024, 4), "02010403");
        for (const at of [128, 516, 1040, 1424]) take(at, 384);
        assert.ok(rest.every((byte) => byte === 0));
    });

    it("carries a signature that node:crypto verifies", () => {
        const structure = signed();
        const n = Buffer.from(structure.subarray(AT.modulus, AT.modulus + 384)).reverse().toString("base64url");
        const key = createPublicKey({ key: { kty: "RSA", n, e: "Aw" }, format: "jwk" });
        const signature = Buffer.from(structure.subarray(AT.signature, AT.signature + 384)).reverse();
        assert.ok(verify("sha256", signedPart(structure), key, signature));
        for (const at of [0, 20, AT.attributes, AT.attributeMask, AT.enclaveHash, AT.isvSvn]) {
            const other = Buffer.from(structure);
            other[at]! ^= 1;
            assert.ok(!verify("sha256", signedPart(other), key, signature), `byte ${at} is not covered`);
        }
    });

    it("carries the quotients with which EINIT verifies without dividing", () => {
        const structure = signed();
        const field = (at: number) => number(structure.subarray(at, at + 384));
        const [m, s, q1, q2] = [field(AT.modulus), field(AT.signature), field(AT.q1), field(AT.q2)];
        // s² = q1·m + r1, r1·s = q2·m + r2: r2 is s³ mod m, the padded digest (RFC 8017 §9.2).
        const r1 = s * s - q1 * m;
        const r2 = r1 * s - q2 * m;
        assert.ok(r1 >= 0n && r1 < m && r2 >= 0n && r2 < m);
        const digest = createHash("sha256").update(signedPart(structure)).digest("hex");
        const prefix = "3031300d060960864801650304020105000420";
        const padded = `0001${"ff".repeat(384 - 3 - (prefix.length + digest.length) / 2)}00${prefix}${digest}`;
        assert.equal(r2.toString(16).padStart(768, "0"), padded);
    });

    it("is the same each time, and another one for debugging", () => {
        assert.ok(signed().equals(signed()));
        const debug = signed({ debug: true });
        assert.equal(debug.readBigUInt64LE(AT.attributes), 6n);
        assert.notDeepEqual(debug.subarray(AT.signature, AT.signature + 384), signed().subarray(AT.signature, AT.signature + 384));
    });

    it("names the vendor by the digest of the modulus", () => {
        assert.equal(Buffer.from(mrsigner(readVendorKey(pem))).toString("hex"), createHash("sha256").update(signed().subarray(AT.modulus, AT.modulus + 384)).digest("hex"));
    });
});

describe("a vendor key", function () {
    this.timeout(30_000);
    const pemOf = (key: ReturnType<typeof createPrivateKey>) => key.export({ type: "pkcs8", format: "pem" }).toString();

    it("may be PKCS #1 or PKCS #8", async () => {
        const pem = await generateVendorKey();
        const other = createPrivateKey(pem).export({ type: "pkcs1", format: "pem" }).toString();
        assert.deepEqual(readVendorKey(other).modulus, readVendorKey(pem).modulus);
    });

    const unusable: readonly [string, () => string][] = [
        ["another exponent", () => pemOf(generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 65_537 }).privateKey)],
        ["another length", () => pemOf(generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 }).privateKey)],
        ["another algorithm", () => pemOf(generateKeyPairSync("ed25519").privateKey)],
        ["no private part", () => generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 }).publicKey.export({ type: "spki", format: "pem" }).toString()],
        ["a passphrase", () => generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 }).privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" }).toString()],
        ["no PEM", () => "a secret that is no key"],
    ];
    for (const [what, make] of unusable) {
        it(`is refused with ${what}, and the message says nothing of it`, () => {
            const pem = make();
            assert.throws(() => readVendorKey(pem), (error) => error instanceof AuthenticError && error.code === "AE-SGX-VENDOR-KEY"
                && error.cause === undefined && !pem.split("\n").some((line) => line.length > 20 && !line.startsWith("-") && error.message.includes(line)) && !error.message.includes("a secret"));
        });
    }
});

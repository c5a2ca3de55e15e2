// Strict Ed25519: what a lenient verifier would accept is refused here.
import assert from "node:assert/strict";
import { ed25519 } from "@noble/curves/ed25519";
import { concat, fromHex } from "../../provider/protocol/bytes";
import { publicKeyOf, sign, signedBytes, verify, type SignatureType } from "../../provider/protocol/signature";
import { addGroupOrder } from "../vectors/cases/session-refused";

const TYPES: readonly SignatureType[] = ["m1", "m3", "activate", "command", "prepare", "abort", "release"];
const secretKey = new Uint8Array(32).fill(7);
const publicKey = publicKeyOf(secretKey);
const body = Buffer.from("a body");

describe("signatures", () => {
    it("are valid as the type they were made for, and as no other", () => {
        for (const made of TYPES) {
            const signature = sign(made, body, secretKey);
            for (const type of TYPES) assert.equal(verify(type, body, signature, publicKey), type === made, `${made} as ${type}`);
        }
    });

    it("cover a label that ends with a zero byte, so no type is the beginning of another's body", () => {
        assert.equal(Buffer.from(signedBytes("m1", body)).toString("latin1"), "aex/v1/m1\0a body");
    });

    it("are invalid when body, signature or key differ, or the signature has another length", () => {
        const signature = sign("m1", body, secretKey);
        assert.equal(verify("m1", Buffer.from("another"), signature, publicKey), false);
        assert.equal(verify("m1", body, signature.map((b, i) => (i === 0 ? b ^ 1 : b)), publicKey), false);
        assert.equal(verify("m1", body, signature, publicKeyOf(new Uint8Array(32).fill(8))), false);
        assert.equal(verify("m1", body, signature.subarray(1), publicKey), false);
        assert.equal(verify("m1", body, concat(signature, Uint8Array.of(0)), publicKey), false);
    });

    it("with S + L in place of S are refused", () => {
        assert.equal(verify("m1", body, addGroupOrder(sign("m1", body, secretKey)), publicKey), false);
    });

    it("under a key of small order are refused, although lenient rules accept them", () => {
        // The neutral point as key and as R, S = 0: the equation holds for every message.
        const neutral = fromHex("point", `01${"00".repeat(31)}`);
        const signature = concat(neutral, new Uint8Array(32));
        assert.equal(ed25519.verify(signature, signedBytes("m1", body), neutral), true);
        assert.equal(verify("m1", body, signature, neutral), false);
    });

    it("under a key that is not a point, or not encoded canonically, are refused", () => {
        const signature = sign("m1", body, secretKey);
        assert.equal(verify("m1", body, signature, new Uint8Array(32).fill(0xff)), false);
        // y = p + 1: the neutral point once more.
        assert.equal(verify("m1", body, concat(fromHex("point", `ee${"ff".repeat(30)}7f`), new Uint8Array(32)), fromHex("point", `ee${"ff".repeat(30)}7f`)), false);
    });

    it("name a key of another length", () => {
        assert.throws(() => sign("m1", body, new Uint8Array(31)), /secretKey must have 32 bytes/);
        assert.throws(() => verify("m1", body, new Uint8Array(64), new Uint8Array(31)), /publicKey must have 32 bytes/);
        assert.throws(() => publicKeyOf(new Uint8Array(33)), /secretKey must have 32 bytes/);
    });
});

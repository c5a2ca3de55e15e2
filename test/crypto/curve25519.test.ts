// OpenSSL's Ed25519 and X25519 against another implementation, and what both must refuse.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ed25519, x25519 } from "@noble/curves/ed25519";
import { publicKey, sharedSecret, signEd25519 } from "../../provider/crypto/curve25519";

const ROUNDS = 50;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

describe("Ed25519 and X25519", () => {
    it("give the same public keys, signatures and shared secrets as another implementation", () => {
        for (let round = 0; round < ROUNDS; round++) {
            const [secret, peer, message] = [random(32), random(32), random(round * 7)];
            assert.deepEqual(publicKey("Ed25519", secret), ed25519.getPublicKey(secret));
            assert.deepEqual(publicKey("X25519", secret), x25519.getPublicKey(secret));
            assert.deepEqual(signEd25519(message, secret), ed25519.sign(message, secret));
            assert.deepEqual(sharedSecret(secret, peer), x25519.getSharedSecret(secret, peer));
        }
    });

    it("refuse public keys of small order", () => {
        const secret = random(32);
        for (const peer of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31)), Uint8Array.from({ length: 32 }, (_, at) => at === 0 ? 0xec : at === 31 ? 0x7f : 0xff)]) {
            assert.throws(() => x25519.getSharedSecret(secret, peer));
            assert.throws(() => sharedSecret(secret, peer));
        }
    });

    it("refuse keys of another length", () => {
        for (const length of [0, 31, 33]) {
            assert.throws(() => publicKey("Ed25519", random(length)), RangeError);
            assert.throws(() => signEd25519(random(3), random(length)), RangeError);
            assert.throws(() => sharedSecret(random(32), random(length)), RangeError);
        }
    });
});

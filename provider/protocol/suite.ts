// The AEADs of connections behind one interface (docs/protocol.md sections 4 and 6).
import { gcm } from "@noble/ciphers/aes";
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { spongeUnwrap, spongeWrap } from "../crypto/spongent";
import { Writer, concat, requireLength } from "./bytes";
import { KEY_LENGTH, isSpongeWrap } from "./keys";
import { SUITE, type CipherSuite } from "./status";

/** Bytes of a suite's tag. */
export const TAG_LENGTH: Readonly<Record<CipherSuite, 8 | 16>> = { 1: 16, 2: 16, 3: 16, 4: 8 };

const nonceOf = (counter: bigint): Uint8Array => new Writer().zeros(4).u64(counter, "counter").finish();

/**
 * Seals under a connection's key. With suites 1 and 2 the nonce is four zero bytes and the counter; SpongeWrap has none,
 * the header holds the counter.
 *
 * @param header - the 22 bytes of associated data
 * @returns ciphertext and tag
 * @throws RangeError for a key of another length, or an odd plaintext under SpongeWrap
 */
export function sealWith(suite: CipherSuite, key: Uint8Array, counter: bigint, header: Uint8Array, plaintext: Uint8Array): Uint8Array {
    requireLength("key", key, KEY_LENGTH[suite]);
    if (isSpongeWrap(suite)) {
        const { ciphertext, tag } = spongeWrap(key, header, plaintext);
        return concat(ciphertext, tag);
    }
    const nonce = nonceOf(counter);
    return (suite === SUITE.aes128Gcm ? gcm(key, nonce, header) : chacha20poly1305(key, nonce, header)).encrypt(plaintext);
}

/**
 * Opens what {@link sealWith} sealed.
 *
 * @returns the plaintext, or `undefined` if it does not authenticate
 */
export function openWith(suite: CipherSuite, key: Uint8Array, counter: bigint, header: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    requireLength("key", key, KEY_LENGTH[suite]);
    const body = sealed.length - TAG_LENGTH[suite];
    if (body < 0) return undefined;
    if (isSpongeWrap(suite)) {
        if (body % 2 !== 0) return undefined;
        return spongeUnwrap(key, header, sealed.subarray(0, body), sealed.subarray(body));
    }
    const nonce = nonceOf(counter);
    try {
        return (suite === SUITE.aes128Gcm ? gcm(key, nonce, header) : chacha20poly1305(key, nonce, header)).decrypt(sealed);
    } catch {
        return undefined;
    }
}

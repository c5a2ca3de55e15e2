// HPKE base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305: RFC 9180 sections 4.1, 5.1.1,
// 5.2 and 5.3, for one message a context, which is all that docs/protocol.md section 4 asks for.
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { expand, extract } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { randomBytes } from "node:crypto";
import { publicKey, sharedSecret } from "../crypto/curve25519";
import { ascii, concat, requireLength } from "./bytes";
import { ProtocolError, REFUSAL } from "./refusal";

const MODE_BASE = 0;
/** `"KEM" ‖ I2OSP(kem_id, 2)`. */
const KEM_SUITE = concat(ascii("KEM"), Uint8Array.of(0x00, 0x20));
/** `"HPKE" ‖ kem_id ‖ kdf_id ‖ aead_id`. */
const HPKE_SUITE = concat(ascii("HPKE"), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x03));
const VERSION = ascii("HPKE-v1");
const EMPTY = new Uint8Array(0);

const labeledExtract = (suite: Uint8Array, salt: Uint8Array, name: string, ikm: Uint8Array): Uint8Array => {
    const labeled = concat(VERSION, suite, ascii(name), ikm);
    try {
        return extract(sha256, labeled, salt);
    } finally {
        labeled.fill(0);
    }
};

const labeledExpand = (suite: Uint8Array, prk: Uint8Array, name: string, info: Uint8Array, length: number): Uint8Array =>
    expand(sha256, prk, concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suite, ascii(name), info), length);

/** An X25519 key pair. */
export interface KeyPair {
    readonly secretKey: Uint8Array;
    readonly publicKey: Uint8Array;
}

/** A fresh X25519 key pair. */
export function generateKeyPair(): KeyPair {
    const secretKey = new Uint8Array(randomBytes(32));
    return { secretKey, publicKey: publicKey("X25519", secretKey) };
}

// RFC 9180 section 7.1.4: the all-zero result of a low-order point must be refused.
const diffieHellman = (secretKey: Uint8Array, peer: Uint8Array): Uint8Array => {
    try {
        return sharedSecret(secretKey, peer);
    } catch (cause) {
        throw Object.assign(new ProtocolError(REFUSAL.decryption, "the X25519 public key has a small order"), { cause });
    }
};

/** What both ends share after the set-up: a key for one message and a secret to export from. */
export interface HpkeContext {
    /** Seals the one message of the context. */
    seal(plaintext: Uint8Array, aad?: Uint8Array): Uint8Array;
    /** Opens it. @throws ProtocolError when it was altered */
    open(ciphertext: Uint8Array, aad?: Uint8Array): Uint8Array;
    /** 32 bytes bound to the context (section 5.3). */
    exportSecret(exporterContext: Uint8Array): Uint8Array;
    /** Clears the key material; the context is of no use afterwards. */
    wipe(): void;
    /** The values of the key schedule, for vectors; the arrays are those that {@link HpkeContext.wipe} clears. */
    readonly intermediates: { readonly sharedSecret: Uint8Array; readonly key: Uint8Array; readonly baseNonce: Uint8Array; readonly exporterSecret: Uint8Array };
}

const keySchedule = (sharedSecret: Uint8Array, info: Uint8Array): HpkeContext => {
    const scheduleContext = concat(
        Uint8Array.of(MODE_BASE),
        labeledExtract(HPKE_SUITE, EMPTY, "psk_id_hash", EMPTY),
        labeledExtract(HPKE_SUITE, EMPTY, "info_hash", info),
    );
    const secret = labeledExtract(HPKE_SUITE, sharedSecret, "secret", EMPTY);
    const key = labeledExpand(HPKE_SUITE, secret, "key", scheduleContext, 32);
    const baseNonce = labeledExpand(HPKE_SUITE, secret, "base_nonce", scheduleContext, 12);
    const exporterSecret = labeledExpand(HPKE_SUITE, secret, "exp", scheduleContext, 32);
    secret.fill(0);
    let sealed = false;
    let wiped = false;
    const requireLive = (): void => {
        if (wiped) throw new Error("the HPKE context has been wiped");
    };
    return {
        seal(plaintext, aad) {
            requireLive();
            // A second message would reuse the nonce of the first.
            if (sealed) throw new Error("an HPKE context seals one message");
            sealed = true;
            return chacha20poly1305(key, baseNonce, aad).encrypt(plaintext);
        },
        open(ciphertext, aad) {
            requireLive();
            try {
                return chacha20poly1305(key, baseNonce, aad).decrypt(ciphertext);
            } catch (cause) {
                throw Object.assign(new ProtocolError(REFUSAL.decryption, "the HPKE ciphertext does not authenticate"), { cause });
            }
        },
        exportSecret(exporterContext) {
            requireLive();
            return labeledExpand(HPKE_SUITE, exporterSecret, "sec", exporterContext, 32);
        },
        wipe() {
            wiped = true;
            for (const bytes of [sharedSecret, key, baseNonce, exporterSecret]) bytes.fill(0);
        },
        intermediates: { sharedSecret, key, baseNonce, exporterSecret },
    };
};

const kemSecret = (dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Uint8Array => {
    const prk = labeledExtract(KEM_SUITE, EMPTY, "eae_prk", dh);
    try {
        return labeledExpand(KEM_SUITE, prk, "shared_secret", concat(enc, recipient), 32);
    } finally {
        prk.fill(0);
        dh.fill(0);
    }
};

/**
 * `SetupBaseS`: the sending side.
 *
 * @param recipient - the recipient's X25519 public key, 32 bytes
 * @param info - application context
 * @param ephemeral - for vectors only: a fixed key pair instead of a fresh one; cleared like a fresh one
 * @returns the encapsulated key (32 bytes) and the context
 * @throws RangeError for another length; ProtocolError for a public key of small order
 * @example
 * const { enc, context } = setupSender(pkE, sha256(transcript));
 * const ciphertext = context.seal(plaintext);
 */
export function setupSender(recipient: Uint8Array, info: Uint8Array, ephemeral: KeyPair = generateKeyPair()): { enc: Uint8Array; context: HpkeContext } {
    requireLength("recipient", recipient, 32);
    const enc = ephemeral.publicKey;
    const dh = diffieHellman(ephemeral.secretKey, recipient);
    ephemeral.secretKey.fill(0);
    return { enc, context: keySchedule(kemSecret(dh, enc, recipient), info) };
}

/**
 * `SetupBaseR`: the receiving side.
 *
 * @param enc - the encapsulated key, 32 bytes
 * @param recipient - the recipient's key pair
 * @param info - as given to {@link setupSender}
 * @throws RangeError for another length; ProtocolError for a public key of small order
 */
export function setupReceiver(enc: Uint8Array, recipient: KeyPair, info: Uint8Array): HpkeContext {
    requireLength("enc", enc, 32);
    return keySchedule(kemSecret(diffieHellman(recipient.secretKey, enc), enc, recipient.publicKey), info);
}

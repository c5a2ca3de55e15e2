// Hand-over of an instance's state and connections: prepare, offer, abort, release, accept (docs/protocol.md section 9).
import { sha256 } from "@noble/hashes/sha2";
import { Reader, Writer, ascii, concat, label } from "./bytes";
import { setupReceiver, setupSender, type HpkeContext, type KeyPair } from "./hpke";
import { SIGNATURE_LENGTH, requireSignature, sign, type SignatureType } from "./signature";

export const PREPARE_LENGTH = 309;
export const RELEASE_LENGTH = 133;
/** Bytes by which the deployer knows that the old instance made a state message. */
export const CONFIRMATION_LENGTH = 32;

/**
 * Bytes of an Offer with these objects and no grants or connections: the least it can have.
 *
 * @param objects - of the old instance's state
 */
export function offerLength(objects: readonly { readonly name: string; readonly length: number }[]): number {
    const plaintext = 2 + objects.reduce((sum, { name, length }) => sum + 1 + name.length + 2 + 4 + length, 0) + 2 + 2 + 32;
    return PREPARE_LENGTH + 5 + 32 + plaintext + 16 + SIGNATURE_LENGTH;
}

export interface Prepare {
    /** `nonceM` of the session with the old instance, 32 bytes. */
    readonly h: Uint8Array;
    readonly oldIncarnation: Uint8Array;
    readonly oldMeasurement: Uint8Array;
    readonly newIncarnation: Uint8Array;
    readonly newMeasurement: Uint8Array;
    /** `SHA-256(M1 ‖ M2core)` of a session of purpose hand-over with the new instance. */
    readonly targetHash: Uint8Array;
    /** That session's `pkE`. */
    readonly targetKey: Uint8Array;
}

/** A Prepare as it was received: what only the old instance can do with `enc` and `tag` is in the context of its session. */
export interface ReceivedPrepare extends Prepare {
    readonly enc: Uint8Array;
    readonly tag: Uint8Array;
}

const signed = (type: SignatureType, body: Uint8Array, secretKey: Uint8Array): Uint8Array => concat(body, sign(type, body, secretKey));

const begin = (bytes: Uint8Array, message: string, magic: string): Reader => {
    const reader = new Reader(bytes, message);
    reader.magic(magic);
    reader.version();
    return reader;
};

const finish = (type: SignatureType, reader: Reader, bytes: Uint8Array, deployerKey: Uint8Array): void => {
    const signature = reader.bytes(SIGNATURE_LENGTH, "signature");
    reader.end();
    requireSignature(type, bytes.subarray(0, bytes.length - SIGNATURE_LENGTH), signature, deployerKey);
};

/**
 * Encodes and signs a Prepare.
 *
 * @param session - `SHA-256(M1 ‖ M2core)` of the session with the old instance
 * @param pkE - that session's public key
 * @param ephemeral - fixed for vectors
 * @returns the message, and the context that confirms its reply; the caller wipes that
 * @throws RangeError naming a field of another length; ProtocolError for a public key of small order
 */
export function makePrepare(prepare: Prepare, session: Uint8Array, pkE: Uint8Array, secretKey: Uint8Array, ephemeral?: KeyPair): { message: Uint8Array; context: HpkeContext } {
    const { enc, context } = setupSender(pkE, session, ephemeral);
    const body = new Writer()
        .bytes(ascii("AEXP"))
        .u8(1)
        .field("h", prepare.h, 32)
        .field("oldIncarnation", prepare.oldIncarnation, 16)
        .field("oldMeasurement", prepare.oldMeasurement, 32)
        .field("newIncarnation", prepare.newIncarnation, 16)
        .field("newMeasurement", prepare.newMeasurement, 32)
        .field("targetHash", prepare.targetHash, 32)
        .field("targetKey", prepare.targetKey, 32)
        .field("enc", enc, 32)
        .field("tag", context.seal(new Uint8Array(0)), 16)
        .finish();
    return { message: signed("prepare", body, secretKey), context };
}

/** Decodes a Prepare and checks its signature. @throws ProtocolError */
export function decodePrepare(bytes: Uint8Array, deployerKey: Uint8Array): ReceivedPrepare {
    const reader = begin(bytes, "Prepare", "AEXP");
    const prepare: ReceivedPrepare = {
        h: reader.bytes(32, "h"),
        oldIncarnation: reader.bytes(16, "oldIncarnation"),
        oldMeasurement: reader.bytes(32, "oldMeasurement"),
        newIncarnation: reader.bytes(16, "newIncarnation"),
        newMeasurement: reader.bytes(32, "newMeasurement"),
        targetHash: reader.bytes(32, "targetHash"),
        targetKey: reader.bytes(32, "targetKey"),
        enc: reader.bytes(32, "enc"),
        tag: reader.bytes(16, "tag"),
    };
    finish("prepare", reader, bytes, deployerKey);
    return prepare;
}

/** What confirms a state message: the exporter of the old instance's session. */
export const stateConfirmation = (context: HpkeContext, prepare: Uint8Array, state: Uint8Array): Uint8Array =>
    context.exportSecret(concat(label("aex/v1/prepared"), sha256(concat(prepare, state))));

/** Encodes and signs an Offer: the deployer vouches for the state message of the old instance. */
export const encodeOffer = (prepare: Uint8Array, state: Uint8Array, secretKey: Uint8Array): Uint8Array => signed("offer", concat(prepare, state), secretKey);

/** Splits an Offer and checks its signature. @throws ProtocolError */
export function decodeOffer(bytes: Uint8Array, deployerKey: Uint8Array): { readonly prepare: Uint8Array; readonly state: Uint8Array } {
    const reader = new Reader(bytes, "Offer");
    const parts = { prepare: reader.bytes(PREPARE_LENGTH, "prepare"), state: reader.bytes(Math.max(0, reader.remaining - SIGNATURE_LENGTH), "state") };
    finish("offer", reader, bytes, deployerKey);
    return parts;
}

/** Encodes and signs an Abort. @throws RangeError for another length of h */
export const encodeAbort = (h: Uint8Array, secretKey: Uint8Array): Uint8Array =>
    signed("abort", new Writer().bytes(ascii("AEXB")).u8(1).field("h", h, 32).finish(), secretKey);

/** Decodes an Abort and checks its signature. @returns h @throws ProtocolError */
export function decodeAbort(bytes: Uint8Array, deployerKey: Uint8Array): Uint8Array {
    const reader = begin(bytes, "Abort", "AEXB");
    const h = reader.bytes(32, "h");
    finish("abort", reader, bytes, deployerKey);
    return h;
}

/** The reply to an Abort: `"AEXB" | h32`. */
export const encodeAborted = (h: Uint8Array): Uint8Array => new Writer().bytes(ascii("AEXB")).field("h", h, 32).finish();

export interface Release {
    readonly h: Uint8Array;
    readonly targetHash: Uint8Array;
}

/** Encodes and signs a Release. @throws RangeError naming a field of another length */
export const encodeRelease = ({ h, targetHash }: Release, secretKey: Uint8Array): Uint8Array =>
    signed("release", new Writer().bytes(ascii("AEXR")).u8(1).field("h", h, 32).field("targetHash", targetHash, 32).finish(), secretKey);

/** Decodes a Release and checks its signature. @throws ProtocolError */
export function decodeRelease(bytes: Uint8Array, deployerKey: Uint8Array): Release {
    const reader = begin(bytes, "Release", "AEXR");
    const release = { h: reader.bytes(32, "h"), targetHash: reader.bytes(32, "targetHash") };
    finish("release", reader, bytes, deployerKey);
    return release;
}

const releaseInfo = (prepare: Uint8Array, release: Uint8Array): Uint8Array => sha256(concat(label("aex/v1/release"), prepare, release));

/**
 * The reply to a Release: the keys, sealed to the target (the module's side).
 *
 * @param keys - of ./exported-state
 * @returns `enc32 | ciphertext`; the module keeps these bytes, to repeat them
 */
export function sealKeys(prepare: Uint8Array, release: Uint8Array, targetKey: Uint8Array, keys: Uint8Array, ephemeral?: KeyPair): Uint8Array {
    const { enc, context } = setupSender(targetKey, releaseInfo(prepare, release), ephemeral);
    try {
        return concat(enc, context.seal(keys));
    } finally {
        context.wipe();
    }
}

/** Opens the keys at the target. @throws ProtocolError (decryption) */
export function openKeys(prepare: Uint8Array, release: Uint8Array, target: KeyPair, released: Uint8Array): Uint8Array {
    const reader = new Reader(released, "released keys");
    const enc = reader.bytes(32, "enc");
    const ciphertext = reader.bytes(reader.remaining, "ciphertext");
    const context = setupReceiver(enc, target, releaseInfo(prepare, release));
    try {
        return context.open(ciphertext);
    } finally {
        context.wipe();
    }
}

/** An Accept: the Release as the old instance got it, and its reply. @throws RangeError for a Release of another length */
export const encodeAccept = ({ release, released }: { readonly release: Uint8Array; readonly released: Uint8Array }): Uint8Array =>
    new Writer().field("release", release, RELEASE_LENGTH).bytes(released).finish();

/** Splits an Accept; its parts are checked on their own. @throws ProtocolError (malformed) */
export function decodeAccept(bytes: Uint8Array): { readonly release: Uint8Array; readonly released: Uint8Array } {
    const reader = new Reader(bytes, "Accept");
    return { release: reader.bytes(RELEASE_LENGTH, "release"), released: reader.bytes(reader.remaining, "keys") };
}

/** The reply to an Offer or an Accept: a receipt, which proves nothing. */
export const receipt = (message: Uint8Array): Uint8Array => sha256(message);

// Hand-over of an instance's state and connections: prepare, abort, release, accept (docs/protocol.md section 9).
import { sha256 } from "@noble/hashes/sha2";
import { Reader, Writer, ascii, concat, label } from "./bytes";
import { setupReceiver, setupSender, type KeyPair } from "./hpke";
import { SIGNATURE_LENGTH, requireSignature, sign, type SignatureType } from "./signature";

export const PREPARE_LENGTH = 263;
export const RELEASE_LENGTH = 133;
/** `enc32 | ciphertext48`. */
export const RELEASED_LENGTH = 80;

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
    readonly schema: number;
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

/** Encodes and signs a Prepare. @throws RangeError naming a field of another length */
export function encodePrepare(prepare: Prepare, secretKey: Uint8Array): Uint8Array {
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
        .u16(prepare.schema, "schema")
        .finish();
    return signed("prepare", body, secretKey);
}

/** Decodes a Prepare and checks its signature. @throws ProtocolError */
export function decodePrepare(bytes: Uint8Array, deployerKey: Uint8Array): Prepare {
    const reader = begin(bytes, "Prepare", "AEXP");
    const prepare: Prepare = {
        h: reader.bytes(32, "h"),
        oldIncarnation: reader.bytes(16, "oldIncarnation"),
        oldMeasurement: reader.bytes(32, "oldMeasurement"),
        newIncarnation: reader.bytes(16, "newIncarnation"),
        newMeasurement: reader.bytes(32, "newMeasurement"),
        targetHash: reader.bytes(32, "targetHash"),
        targetKey: reader.bytes(32, "targetKey"),
        schema: reader.u16("schema"),
    };
    finish("prepare", reader, bytes, deployerKey);
    return prepare;
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
 * The reply to a Release: the state key, sealed to the target's key (the module's side).
 *
 * @param stateKey - 32 bytes
 * @returns `enc32 | ciphertext48`; the module keeps these bytes, to repeat them
 */
export function sealStateKey(prepare: Uint8Array, release: Uint8Array, targetKey: Uint8Array, stateKey: Uint8Array, ephemeral?: KeyPair): Uint8Array {
    const { enc, context } = setupSender(targetKey, releaseInfo(prepare, release), ephemeral);
    try {
        return concat(enc, context.seal(stateKey));
    } finally {
        context.wipe();
    }
}

/** Opens the state key at the target. @throws ProtocolError (decryption) */
export function openStateKey(prepare: Uint8Array, release: Uint8Array, target: KeyPair, released: Uint8Array): Uint8Array {
    const reader = new Reader(released, "released state key");
    const enc = reader.bytes(32, "enc");
    const ciphertext = reader.bytes(48, "ciphertext");
    reader.end();
    const context = setupReceiver(enc, target, releaseInfo(prepare, release));
    try {
        return context.open(ciphertext);
    } finally {
        context.wipe();
    }
}

/** The parts of an Accept, as they were exchanged with the old instance. */
export interface Accept {
    readonly prepare: Uint8Array;
    readonly release: Uint8Array;
    /** `enc32 | ciphertext48`. */
    readonly released: Uint8Array;
    /** The reply to Prepare. */
    readonly state: Uint8Array;
}

/** Encodes an Accept. @throws RangeError naming a part of another length */
export const encodeAccept = ({ prepare, release, released, state }: Accept): Uint8Array =>
    new Writer()
        .field("prepare", prepare, PREPARE_LENGTH)
        .field("release", release, RELEASE_LENGTH)
        .field("released", released, RELEASED_LENGTH)
        .bytes(state)
        .finish();

/** Splits an Accept; its parts are checked on their own. @throws ProtocolError (malformed) */
export function decodeAccept(bytes: Uint8Array): Accept {
    const reader = new Reader(bytes, "Accept");
    return {
        prepare: reader.bytes(PREPARE_LENGTH, "prepare"),
        release: reader.bytes(RELEASE_LENGTH, "release"),
        released: reader.bytes(RELEASED_LENGTH, "state key"),
        state: reader.bytes(reader.remaining, "state"),
    };
}

/** The reply to an Accept: a receipt, which proves nothing. */
export const acceptReceipt = (accept: Uint8Array): Uint8Array => sha256(accept);

// Frames of events, requests, replies and acks (docs/protocol.md section 6).
import { Reader, Writer, concat } from "./bytes";
import { KIND, deriveKey, type ConnectionKey, type Kind } from "./keys";
import { malformed } from "./refusal";
import { TAG_LENGTH, openWith, sealWith } from "./suite";

/** Bytes of the header, which is the associated data. */
export const HEADER_LENGTH = 22;
/** Longest plaintext. */
export const MAX_EVENT = 65_536;
/** `length` of the shortest frame, an ack with an 8-byte tag, and of the longest. */
export const MIN_FRAME = HEADER_LENGTH + 8;
export const MAX_FRAME = HEADER_LENGTH + MAX_EVENT + 16;

export interface FrameHeader {
    readonly kind: Kind;
    readonly connection: number;
    readonly epoch: bigint;
    readonly counter: bigint;
}

/** Encodes the 22 bytes from `version` to `counter`. @throws RangeError naming a field beyond its width */
export const encodeHeader = (header: FrameHeader): Uint8Array =>
    new Writer()
        .u8(1)
        .u8(header.kind)
        .u32(header.connection, "connection")
        .u64(header.epoch, "epoch")
        .u64(header.counter, "counter")
        .finish();

export interface Frame extends FrameHeader {
    /** Ciphertext and tag. */
    readonly sealed: Uint8Array;
}

/**
 * Encodes a frame as it goes over a socket.
 *
 * @returns the length prefix, the header and what was sealed
 */
export function encodeFrame(frame: Frame): Uint8Array {
    const body = concat(encodeHeader(frame), frame.sealed);
    return new Writer().u32(body.length).bytes(body).finish();
}

/**
 * Decodes a frame without its length prefix, as rings carry it.
 *
 * @throws ProtocolError for another version or kind, connection or counter 0, or a length out of range
 */
export function decodeFrameBody(body: Uint8Array): Frame {
    if (body.length < MIN_FRAME || body.length > MAX_FRAME) throw malformed(`frame: ${body.length} bytes are not ${MIN_FRAME} to ${MAX_FRAME}`);
    const reader = new Reader(body, "frame");
    reader.version();
    const kind = reader.oneOf(reader.u8("kind"), Object.values(KIND), "kind");
    const connection = reader.u32("connection");
    if (connection === 0) throw malformed("frame: connection 0");
    const epoch = reader.u64("epoch");
    const counter = reader.u64("counter");
    return { kind, connection, epoch, counter, sealed: reader.bytes(reader.remaining, "ciphertext") };
}

/** Decodes one frame with its length prefix. @throws ProtocolError */
export function decodeFrame(bytes: Uint8Array): Frame {
    const reader = new Reader(bytes, "frame");
    const length = reader.u32("length");
    if (length !== reader.remaining) throw malformed(`frame: length ${length}, but ${reader.remaining} bytes follow`);
    return decodeFrameBody(reader.bytes(length, "frame"));
}

/**
 * Seals one frame. A counter is sealed once: the caller has consumed it before.
 *
 * @param key - what the connection's keys are derived from
 * @param plaintext - empty for an ack
 * @returns the frame with its length prefix
 * @throws RangeError for a plaintext of more than 64 KiB
 * @example
 * socket.write(sealFrame(key, KIND.event, 1n, data));
 */
export function sealFrame(key: ConnectionKey, kind: Kind, counter: bigint, plaintext: Uint8Array): Uint8Array {
    if (plaintext.length > MAX_EVENT) throw new RangeError(`plaintext must have at most ${MAX_EVENT} bytes, not ${plaintext.length}`);
    if (kind === KIND.ack && plaintext.length !== 0) throw new RangeError("plaintext of an ack must be empty");
    const frameKey = deriveKey(key, kind);
    try {
        const header = { kind, connection: key.connection, epoch: key.epoch, counter };
        return encodeFrame({ ...header, sealed: sealWith(key.suite, frameKey, counter, encodeHeader(header), plaintext) });
    } finally {
        frameKey.fill(0);
    }
}

/**
 * Opens a frame under a key of its connection and epoch.
 *
 * @returns the plaintext, or `undefined` if it does not authenticate (also: an ack that is not empty)
 */
export function openFrame(key: ConnectionKey, frame: Frame): Uint8Array | undefined {
    if (frame.connection !== key.connection || frame.epoch !== key.epoch) return undefined;
    if (frame.sealed.length < TAG_LENGTH[key.suite]) return undefined;
    const frameKey = deriveKey(key, frame.kind);
    try {
        const plaintext = openWith(key.suite, frameKey, frame.counter, encodeHeader(frame), frame.sealed);
        return frame.kind === KIND.ack && plaintext !== undefined && plaintext.length !== 0 ? undefined : plaintext;
    } finally {
        frameKey.fill(0);
    }
}

// Compact frames of boards: a short header that stands for the full one (docs/protocol.md section 6, "Compact frame").
import { Reader, Writer, concat } from "./bytes";
import { encodeHeader, type FrameHeader } from "./frame";
import { KIND, deriveKey, type ConnectionKey, type Kind } from "./keys";
import { malformed } from "./refusal";
import { TAG_LENGTH, openWith, sealWith } from "./suite";

/** Bytes from the version to the counter; `length` counts them, the ciphertext and the tag. */
export const COMPACT_HEADER = 8;
/** Largest `length` unless a board declares less. */
export const MAX_COMPACT = 1024;
/** At this counter the connection stops. */
export const COMPACT_COUNTER_END = 0xffff_ffff;

export interface CompactFrame {
    readonly kind: Kind;
    /** Low 8 bits of the epoch. */
    readonly epochLow: number;
    /** Low 16 bits of the connection. */
    readonly connectionLow: number;
    readonly counter: number;
    /** Ciphertext and tag. */
    readonly sealed: Uint8Array;
}

/** Encodes a compact frame with its length prefix. @throws RangeError beyond 1,024 bytes */
export function encodeCompact(frame: CompactFrame): Uint8Array {
    const length = COMPACT_HEADER + frame.sealed.length;
    if (length > MAX_COMPACT) throw new RangeError(`a compact frame has at most ${MAX_COMPACT} bytes, not ${length}`);
    return new Writer()
        .u16(length)
        .u8((1 << 4) | frame.kind)
        .u8(frame.epochLow, "epochLow")
        .u16(frame.connectionLow, "connectionLow")
        .u32(frame.counter, "counter")
        .bytes(frame.sealed)
        .finish();
}

/**
 * Decodes a compact frame with its length prefix.
 *
 * @param maximum - largest `length` of the board
 * @throws ProtocolError for another version or kind, or a length that does not fit
 */
export function decodeCompact(bytes: Uint8Array, maximum = MAX_COMPACT): CompactFrame {
    const reader = new Reader(bytes, "compact frame");
    const length = reader.u16("length");
    if (length !== reader.remaining) throw malformed(`compact frame: length ${length}, but ${reader.remaining} bytes follow`);
    if (length < COMPACT_HEADER + 8 || length > maximum) throw malformed(`compact frame: length ${length} is not ${COMPACT_HEADER + 8} to ${maximum}`);
    const first = reader.u8("version and kind");
    if (first >> 4 !== 1) throw malformed(`compact frame: version ${first >> 4} is not 1`);
    return {
        kind: reader.oneOf(first & 0xf, Object.values(KIND), "kind"),
        epochLow: reader.u8("epoch"),
        connectionLow: reader.u16("connection"),
        counter: reader.u32("counter"),
        sealed: reader.bytes(reader.remaining, "ciphertext"),
    };
}

/** The full header that a compact frame of a connection stands for; it is the associated data. */
export const fullHeader = (key: ConnectionKey, kind: Kind, counter: number): FrameHeader => ({
    kind,
    connection: key.connection,
    epoch: key.epoch,
    counter: BigInt(counter),
});

/**
 * Seals one compact frame.
 *
 * @param plaintext - empty for an ack; of even length with SpongeWrap
 * @throws RangeError at the last counter, for a plaintext that is too long, or an odd one under SpongeWrap
 */
export function sealCompact(key: ConnectionKey, kind: Kind, counter: number, plaintext: Uint8Array): Uint8Array {
    if (counter < 1 || counter >= COMPACT_COUNTER_END) throw new RangeError(`counter ${counter} is not 1 to 2^32 − 2`);
    if (kind === KIND.ack && plaintext.length !== 0) throw new RangeError("plaintext of an ack must be empty");
    const frameKey = deriveKey(key, kind);
    try {
        const header = encodeHeader(fullHeader(key, kind, counter));
        return encodeCompact({
            kind,
            epochLow: Number(key.epoch & 0xffn),
            connectionLow: key.connection & 0xffff,
            counter,
            sealed: sealWith(key.suite, frameKey, BigInt(counter), header, plaintext),
        });
    } finally {
        frameKey.fill(0);
    }
}

/**
 * Opens a compact frame under a key of its connection and epoch.
 *
 * @returns the plaintext, or `undefined` if it is another connection's or epoch's, or does not authenticate
 */
export function openCompact(key: ConnectionKey, frame: CompactFrame): Uint8Array | undefined {
    if (frame.connectionLow !== (key.connection & 0xffff) || BigInt(frame.epochLow) !== (key.epoch & 0xffn)) return undefined;
    if (frame.sealed.length < TAG_LENGTH[key.suite]) return undefined;
    const frameKey = deriveKey(key, frame.kind);
    try {
        const header = encodeHeader(fullHeader(key, frame.kind, frame.counter));
        const plaintext = openWith(key.suite, frameKey, BigInt(frame.counter), header, frame.sealed);
        return frame.kind === KIND.ack && plaintext !== undefined && plaintext.length !== 0 ? undefined : plaintext;
    } finally {
        frameKey.fill(0);
    }
}

/** The frame with the full header that carries the same ciphertext: what a bridge forwards. */
export const expandCompact = (key: Pick<ConnectionKey, "connection" | "epoch">, frame: CompactFrame): Uint8Array => {
    const body = concat(encodeHeader({ kind: frame.kind, connection: key.connection, epoch: key.epoch, counter: BigInt(frame.counter) }), frame.sealed);
    return new Writer().u32(body.length).bytes(body).finish();
};

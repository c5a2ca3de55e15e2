// Bounded reading and writing of the big-endian layouts of docs/protocol.md ("Conventions").
import { timingSafeEqual } from "node:crypto";
import { malformed } from "./refusal";

/** 2^64 − 1: the greatest counter, and the `lastCounter` that lets an epoch drain. */
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/**
 * Requires a byte string of one length.
 *
 * @throws RangeError naming the argument
 */
export function requireLength(name: string, bytes: Uint8Array, length: number): void {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
    if (bytes.length !== length) throw new RangeError(`${name} must have ${length} bytes, not ${bytes.length}`);
}

/**
 * Requires a whole number of a width.
 *
 * @throws RangeError naming the argument
 */
export function requireUint(name: string, value: number, bits: 8 | 16 | 32): void {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
        throw new RangeError(`${name} must be an integer below 2^${bits}, not ${value}`);
    }
}

/**
 * Requires a 64-bit counter, epoch or generation.
 *
 * @throws RangeError naming the argument
 */
export function requireU64(name: string, value: bigint): void {
    if (typeof value !== "bigint" || value < 0n || value > U64_MAX) throw new RangeError(`${name} must be a bigint below 2^64, not ${value}`);
}

/** A copy of several pieces, one after the other. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
    const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
        joined.set(piece, at);
        at += piece.length;
    }
    return joined;
}

/** Compares at full width, in time independent of the contents. Different lengths are different. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** Whether every byte is zero; looks at all of them. */
export const isZero = (bytes: Uint8Array): boolean => bytes.reduce((any, byte) => any | byte, 0) === 0;

/** Lower-case hexadecimal. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/**
 * Bytes of canonical hexadecimal.
 *
 * @throws RangeError for an odd length, upper case or other characters; the text is not repeated, it may be a secret
 */
export function fromHex(name: string, text: string): Uint8Array {
    if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw new RangeError(`${name} must be lower-case hexadecimal digits, even in number`);
    return new Uint8Array(Buffer.from(text, "hex"));
}

/** ASCII with one terminating zero byte, as labels are written. */
export const label = (text: string): Uint8Array => new Uint8Array(Buffer.from(`${text}\0`, "latin1"));

/** ASCII without a terminator, as magics are written. */
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/**
 * Builds a message field by field. Values are checked against their width, so that nothing is ever truncated.
 *
 * @example
 * new Writer().bytes(ascii("AEXH")).u8(1).zeros(3).bytes(deployment).finish();
 */
export class Writer {
    private readonly pieces: Uint8Array[] = [];

    bytes(piece: Uint8Array): this {
        this.pieces.push(piece);
        return this;
    }

    /** A field of fixed length. @throws RangeError naming the field */
    field(name: string, bytes: Uint8Array, length: number): this {
        requireLength(name, bytes, length);
        return this.bytes(bytes);
    }

    u8(value: number, name = "u8"): this {
        requireUint(name, value, 8);
        return this.bytes(Uint8Array.of(value));
    }

    u16(value: number, name = "u16"): this {
        requireUint(name, value, 16);
        return this.bytes(Uint8Array.of(value >>> 8, value & 0xff));
    }

    u32(value: number, name = "u32"): this {
        requireUint(name, value, 32);
        return this.bytes(Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff));
    }

    u64(value: bigint, name = "u64"): this {
        requireU64(name, value);
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, value);
        return this.bytes(bytes);
    }

    zeros(length: number): this {
        return this.bytes(new Uint8Array(length));
    }

    /** The message so far, a new array. */
    finish(): Uint8Array {
        return concat(...this.pieces);
    }

    /** The message, after which the pieces that were written are cleared: for plaintexts that hold keys. */
    finishAndWipe(): Uint8Array {
        const message = this.finish();
        for (const piece of this.pieces) piece.fill(0);
        return message;
    }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a message from outside. Every read checks its bound first; {@link Reader.end} refuses what is left over. Byte
 * fields are copies, so that a caller may clear or change its buffer.
 *
 * @example
 * const reader = new Reader(hello, "hello");
 * reader.magic("AEXH");
 * reader.version();
 * reader.reserved(3);
 */
export class Reader {
    private at = 0;
    private readonly view: DataView;

    /**
     * @param input - the message
     * @param message - its name in refusals
     */
    constructor(
        private readonly input: Uint8Array,
        private readonly message: string,
    ) {
        this.view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    }

    /** Bytes not read yet. */
    get remaining(): number {
        return this.input.length - this.at;
    }

    /** Bytes read so far. */
    get position(): number {
        return this.at;
    }

    private advance(length: number, field: string): number {
        if (length > this.remaining) throw malformed(`${this.message}: ${field} needs ${length} bytes, ${this.remaining} are left`);
        const start = this.at;
        this.at += length;
        return start;
    }

    bytes(length: number, field: string): Uint8Array {
        const start = this.advance(length, field);
        return this.input.slice(start, start + length);
    }

    /** UTF-8; other bytes are refused, not replaced. */
    text(length: number, field: string): string {
        const bytes = this.bytes(length, field);
        try {
            return UTF8.decode(bytes);
        } catch {
            throw malformed(`${this.message}: ${field} is not UTF-8`);
        }
    }

    u8(field: string): number {
        return this.view.getUint8(this.advance(1, field));
    }

    u16(field: string): number {
        return this.view.getUint16(this.advance(2, field));
    }

    u32(field: string): number {
        return this.view.getUint32(this.advance(4, field));
    }

    u64(field: string): bigint {
        return this.view.getBigUint64(this.advance(8, field));
    }

    /** A fixed ASCII magic. */
    magic(text: string): void {
        if (!equalBytes(this.bytes(text.length, "magic"), ascii(text))) throw malformed(`${this.message}: the magic is not ${text}`);
    }

    /** The version byte, 1. */
    version(): void {
        const version = this.u8("version");
        if (version !== 1) throw malformed(`${this.message}: version ${version} is not 1`);
    }

    /** A reserved field, which must be zero. */
    reserved(length: number): void {
        if (!isZero(this.bytes(length, "reserved field"))) throw malformed(`${this.message}: a reserved field is not zero`);
    }

    /** One of a set of small numbers. */
    oneOf<T extends number>(value: number, allowed: readonly T[], field: string): T {
        if (!allowed.includes(value as T)) throw malformed(`${this.message}: ${field} ${value} is none of ${allowed.join(", ")}`);
        return value as T;
    }

    /** Refuses bytes that are left over. */
    end(): void {
        if (this.remaining !== 0) throw malformed(`${this.message}: ${this.remaining} bytes are left over`);
    }
}

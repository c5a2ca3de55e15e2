// Strict DER (X.690 §10–11): one encoding for each value, every other one refused.

import { malformed, type EvidenceRefused } from "../refusal";
import { hex } from "../bytes";

/** Tags of the types that attestation certificates use. */
export const Tag = {
    boolean: 0x01,
    integer: 0x02,
    bitString: 0x03,
    octetString: 0x04,
    null: 0x05,
    oid: 0x06,
    enumerated: 0x0a,
    utf8String: 0x0c,
    printableString: 0x13,
    ia5String: 0x16,
    utcTime: 0x17,
    generalizedTime: 0x18,
    sequence: 0x30,
    set: 0x31,
    /** Context-specific constructed [n]. */
    context: (number: number): number => 0xa0 | number,
    /** Context-specific primitive [n]. */
    contextPrimitive: (number: number): number => 0x80 | number,
} as const;

/** One tag-length-value: its content, and the whole encoding for signatures and comparisons. */
export interface DerElement {
    readonly tag: number;
    readonly content: Uint8Array;
    readonly encoded: Uint8Array;
}

// No document of any supported profile comes near: the largest is a revocation list of some hundred kilobytes.
const MAX_LENGTH = 0x7fffff;

/**
 * Reads the elements of one DER value from left to right. Parsers ask for the tags that their profile allows
 * and call {@link DerReader.end}, so neither unknown nor trailing elements pass.
 *
 * @example
 * const certificate = new DerReader(bytes, "PCK certificate").only(Tag.sequence);
 */
export class DerReader {
    private offset = 0;

    /**
     * @param bytes - the content of a constructed value, or a whole document
     * @param document - its name in refusals
     */
    constructor(private readonly bytes: Uint8Array, readonly document: string) {}

    /** Whether everything was read. */
    get done(): boolean {
        return this.offset === this.bytes.length;
    }

    /** The tag of the next element, or -1 at the end. */
    peek(): number {
        return this.bytes[this.offset] ?? -1;
    }

    /** Reads the next element whatever its tag. */
    any(field: string): DerElement {
        const start = this.offset;
        const tag = this.byte(field);
        if ((tag & 0x1f) === 0x1f) {
            throw this.error(field, "a multi-byte tag", "a single-byte tag");
        }
        const length = this.length(field);
        if (length > this.bytes.length - this.offset) {
            throw this.error(field, `a length of ${length} with ${this.bytes.length - this.offset} bytes left`, "a length within its parent");
        }
        const contentStart = this.offset;
        this.offset += length;
        return {
            tag,
            content: this.bytes.subarray(contentStart, this.offset),
            encoded: this.bytes.subarray(start, this.offset),
        };
    }

    /** Reads the next element, which must have this tag. */
    read(tag: number, field: string): DerElement {
        if (this.peek() !== tag) {
            throw this.error(field, this.done ? "absent" : `tag 0x${this.peek().toString(16)}`, `tag 0x${tag.toString(16)}`);
        }
        return this.any(field);
    }

    /** Reads the next element if it has this tag. */
    optional(tag: number, field: string): DerElement | null {
        return this.peek() === tag ? this.any(field) : null;
    }

    /** Enters the next element, a constructed one with this tag. */
    enter(tag: number, field: string): DerReader {
        return new DerReader(this.read(tag, field).content, this.document);
    }

    /** Enters the element that makes up the whole input, with nothing after it. */
    only(tag: number, field: string): DerReader {
        const inner = this.enter(tag, field);
        this.end(field);
        return inner;
    }

    /** @throws EvidenceRefused when elements are left over */
    end(field: string): void {
        if (!this.done) {
            throw this.error(field, `${this.bytes.length - this.offset} trailing bytes`, "nothing after the last element");
        }
    }

    /** A BOOLEAN, 0x00 or 0xff. */
    boolean(field: string): boolean {
        const { content } = this.read(Tag.boolean, field);
        if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) {
            throw this.error(field, hex(content), "the boolean 00 or ff");
        }
        return content[0] === 0xff;
    }

    /** A non-negative INTEGER as its minimal big-endian bytes without a sign byte. */
    unsigned(field: string, maximumLength: number): Uint8Array {
        return unsignedContent(this.read(Tag.integer, field).content, this, field, maximumLength);
    }

    /** A small non-negative INTEGER, at most 2^31 − 1. */
    smallInteger(field: string): number {
        return smallContent(this.read(Tag.integer, field).content, this, field);
    }

    /** A small non-negative ENUMERATED. */
    enumerated(field: string): number {
        return smallContent(this.read(Tag.enumerated, field).content, this, field);
    }

    /** An OBJECT IDENTIFIER in dotted form. */
    oid(field: string): string {
        return oidContent(this.read(Tag.oid, field).content, this, field);
    }

    /** A BIT STRING of whole bytes, as keys and signatures are. */
    bitStringBytes(field: string): Uint8Array {
        const { content } = this.read(Tag.bitString, field);
        if (content.length < 2 || content[0] !== 0) {
            throw this.error(field, "unused bits or no content", "a bit string of whole bytes");
        }
        return content.subarray(1);
    }

    /**
     * A BIT STRING that is a list of named bits: without trailing zero bits (X.690 §11.2.2).
     *
     * @returns the bits with bit 0 (the most significant of the first byte) as value 1
     */
    namedBits(field: string): number {
        const { content } = this.read(Tag.bitString, field);
        const unused = content[0] ?? 8;
        const last = content[content.length - 1] ?? 0;
        if (content.length < 2 || content.length > 3 || unused > 7 || (last & ((1 << unused) - 1)) !== 0 || ((last >> unused) & 1) === 0) {
            throw this.error(field, hex(content), "a minimal list of named bits");
        }
        let bits = 0;
        for (let index = 0; index < (content.length - 1) * 8; index++) {
            const byte = content[1 + (index >> 3)] ?? 0;
            bits |= ((byte >> (7 - (index & 7))) & 1) << index;
        }
        return bits;
    }

    /** The error for this document. */
    error(field: string, found: string, required: string): EvidenceRefused {
        return malformed(`${this.document}: ${field}`, found, required);
    }

    private byte(field: string): number {
        const byte = this.bytes[this.offset];
        if (byte === undefined) {
            throw this.error(field, "the end of the data", "another element");
        }
        this.offset++;
        return byte;
    }

    private length(field: string): number {
        const first = this.byte(field);
        if (first < 0x80) {
            return first;
        }
        const count = first & 0x7f;
        if (count === 0 || count > 3) {
            throw this.error(field, `length byte 0x${first.toString(16)}`, "a definite length below 8 MiB");
        }
        let length = 0;
        for (let index = 0; index < count; index++) {
            length = length * 256 + this.byte(field);
        }
        const minimal = count === 1 ? length >= 0x80 : length >= 256 ** (count - 1);
        if (!minimal || length > MAX_LENGTH) {
            throw this.error(field, "a length in more bytes than needed", "the shortest form of the length");
        }
        return length;
    }
}

function unsignedContent(content: Uint8Array, reader: DerReader, field: string, maximumLength: number): Uint8Array {
    const first = content[0];
    if (first === undefined || first >= 0x80) {
        throw reader.error(field, first === undefined ? "empty" : "negative", "a non-negative integer");
    }
    if (first === 0 && content.length > 1 && (content[1] ?? 0) < 0x80) {
        throw reader.error(field, "a padded integer", "the shortest form of the integer");
    }
    const magnitude = first === 0 && content.length > 1 ? content.subarray(1) : content;
    if (magnitude.length > maximumLength) {
        throw reader.error(field, `${magnitude.length} bytes`, `at most ${maximumLength} bytes`);
    }
    return magnitude;
}

function smallContent(content: Uint8Array, reader: DerReader, field: string): number {
    const magnitude = unsignedContent(content, reader, field, 4);
    const value = magnitude.reduce((total, byte) => total * 256 + byte, 0);
    if (value > 0x7fffffff) {
        throw reader.error(field, String(value), "at most 2147483647");
    }
    return value;
}

function oidContent(content: Uint8Array, reader: DerReader, field: string): string {
    const arcs: number[] = [];
    let arc = 0;
    let started = false;
    for (const byte of content) {
        if (!started && byte === 0x80) {
            throw reader.error(field, "a padded arc", "the shortest form of the object identifier");
        }
        arc = arc * 128 + (byte & 0x7f);
        if (arc > 0xffffffff) {
            throw reader.error(field, "an arc beyond 32 bits", "a known object identifier");
        }
        started = (byte & 0x80) !== 0;
        if (!started) {
            arcs.push(arc);
            arc = 0;
        }
    }
    const first = arcs.shift();
    if (first === undefined || started) {
        throw reader.error(field, "an unfinished object identifier", "a whole object identifier");
    }
    const top = Math.min(2, Math.floor(first / 40));
    return [top, first - 40 * top, ...arcs].join(".");
}

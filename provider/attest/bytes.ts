// Bounded reading of fixed binary layouts: nothing is read past the end, and nothing may be left over.

import { timingSafeEqual } from "node:crypto";
import { malformed } from "./refusal";

/**
 * A cursor over bytes from outside. Every read checks its bound first, and {@link ByteReader.end} refuses
 * what a parser did not ask for, so that each byte of a document is accounted for.
 * Multi-byte integers are little-endian, the order of all x86 evidence.
 *
 * @example
 * const reader = new ByteReader(bytes, "SGX quote");
 * const version = reader.u16("version");
 * const body = reader.take(384, "report body");
 * reader.end();
 */
export class ByteReader {
    private offset = 0;
    private readonly view: DataView;

    /**
     * @param bytes - the document; never modified, and views into it are handed out
     * @param document - its name in refusals
     */
    constructor(private readonly bytes: Uint8Array, private readonly document: string) {
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }

    /** Bytes not read yet. */
    get remaining(): number {
        return this.bytes.length - this.offset;
    }

    /** @throws EvidenceRefused when fewer than `length` bytes remain */
    take(length: number, field: string): Uint8Array {
        if (!Number.isSafeInteger(length) || length < 0 || length > this.remaining) {
            throw malformed(`${this.document}: ${field}`, `${this.remaining} bytes left`, `${length} bytes`);
        }
        const start = this.offset;
        this.offset += length;
        return this.bytes.subarray(start, this.offset);
    }

    u8(field: string): number {
        const at = this.offset;
        this.take(1, field);
        return this.view.getUint8(at);
    }

    u16(field: string): number {
        const at = this.offset;
        this.take(2, field);
        return this.view.getUint16(at, true);
    }

    u32(field: string): number {
        const at = this.offset;
        this.take(4, field);
        return this.view.getUint32(at, true);
    }

    u64(field: string): bigint {
        const at = this.offset;
        this.take(8, field);
        return this.view.getBigUint64(at, true);
    }

    /** Reads a reserved field, which must be zero. */
    zeros(length: number, field: string): void {
        const bytes = this.take(length, field);
        if (!isZero(bytes)) {
            throw malformed(`${this.document}: ${field}`, hex(bytes), "all bytes zero");
        }
    }

    /** @throws EvidenceRefused when bytes are left over */
    end(): void {
        if (this.remaining !== 0) {
            throw malformed(`${this.document}: length`, `${this.remaining} trailing bytes`, `exactly ${this.offset} bytes`);
        }
    }
}

/** Lower-case hexadecimal of bytes. */
export function hex(bytes: Uint8Array): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/**
 * Decodes canonical hexadecimal: even length, lower case, nothing else. One spelling for each value, so that
 * an altered container is never mistaken for the original.
 *
 * @param text - the digits
 * @param document - name in refusals
 */
export function fromHex(text: string, document: string): Uint8Array {
    if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
        throw malformed(document, "other characters or an odd length", "lower-case hexadecimal digits");
    }
    return new Uint8Array(Buffer.from(text, "hex"));
}

/** Whether every byte is zero; looks at all of them. */
export function isZero(bytes: Uint8Array): boolean {
    let any = 0;
    for (const byte of bytes) {
        any |= byte;
    }
    return any === 0;
}

/** Full-width comparison in time independent of the contents. Different lengths are different. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
    return left.length === right.length && timingSafeEqual(left, right);
}

/** A copy of several pieces, one after the other. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
    return new Uint8Array(Buffer.concat(pieces));
}

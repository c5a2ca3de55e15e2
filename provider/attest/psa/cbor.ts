// Strict CBOR (RFC 8949) for attestation tokens: definite lengths, shortest integers, no duplicate labels, no floats.
//
// The signature of a token covers its bytes, so the reader only has to make sure that every reader of those bytes sees
// the same claims: one encoding for each value and nothing after it.
import { malformed } from "../refusal";

/** A decoded value. Tags other than the ones a caller asks for do not occur in attestation tokens. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | CborMap | CborTag;

/** A map whose labels are integers or texts. */
export type CborMap = ReadonlyMap<number | string, CborValue>;

/** A tagged value. */
export class CborTag {
    constructor(readonly tag: number, readonly value: CborValue) {}
}

// COSE_Sign1 → payload → components → component is the deepest nesting of a token.
const MAX_DEPTH = 8;
// Far more than any token holds; bounds what a small input can make the reader allocate.
const MAX_ITEMS = 1024;

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;

/**
 * Decodes one value that fills the input.
 *
 * @param bytes - the encoding
 * @param document - name in refusals
 * @throws EvidenceRefused for another encoding than the one deterministic encoding rules give (map order aside)
 * @example
 * decodeCbor(Uint8Array.of(0xa1, 0x01, 0x26), "protected header"); // Map { 1 => -7 }
 */
export function decodeCbor(bytes: Uint8Array, document: string): CborValue {
    const reader = new CborReader(bytes, document);
    const value = reader.value(0);
    if (reader.offset !== bytes.length) {
        throw malformed(`${document}: length`, `${bytes.length - reader.offset} trailing bytes`, "nothing after the value");
    }
    return value;
}

class CborReader {
    offset = 0;
    private items = 0;

    constructor(private readonly bytes: Uint8Array, private readonly document: string) {}

    value(depth: number): CborValue {
        if (depth > MAX_DEPTH || ++this.items > MAX_ITEMS) {
            throw this.error("more nesting or items than a token has", `at most ${MAX_DEPTH} levels and ${MAX_ITEMS} items`);
        }
        const initial = this.byte();
        const major = initial >> 5;
        const additional = initial & 0x1f;
        if (major === MAJOR.simple) {
            return this.simple(additional);
        }
        const argument = this.argument(additional);
        switch (major) {
            case MAJOR.unsigned:
                return argument;
            case MAJOR.negative:
                return this.safe(-1 - argument);
            case MAJOR.bytes:
                return this.take(argument);
            case MAJOR.text:
                return this.text(argument);
            case MAJOR.array:
                return this.array(argument, depth);
            case MAJOR.map:
                return this.map(argument, depth);
            default:
                return new CborTag(argument, this.value(depth + 1));
        }
    }

    private simple(additional: number): boolean | null {
        switch (additional) {
            case 20:
                return false;
            case 21:
                return true;
            case 22:
                return null;
            default:
                throw this.error(`simple value ${additional}`, "an integer, string, array, map, boolean or null");
        }
    }

    private array(count: number, depth: number): CborValue[] {
        this.fits(count);
        return Array.from({ length: count }, () => this.value(depth + 1));
    }

    private map(count: number, depth: number): CborMap {
        this.fits(2 * count);
        const map = new Map<number | string, CborValue>();
        for (let index = 0; index < count; index++) {
            const label = this.value(depth + 1);
            if (typeof label !== "number" && typeof label !== "string") {
                throw this.error("a label of another type", "integer or text labels");
            }
            if (map.has(label)) {
                throw this.error(`label ${label} twice`, "each label once");
            }
            map.set(label, this.value(depth + 1));
        }
        return map;
    }

    // An item takes at least one byte, so a count beyond the rest is refused before anything is allocated.
    private fits(items: number): void {
        if (items > this.bytes.length - this.offset) {
            throw this.error(`${items} items announced, ${this.bytes.length - this.offset} bytes left`, "items within the input");
        }
    }

    private argument(additional: number): number {
        if (additional < 24) {
            return additional;
        }
        if (additional > 27) {
            throw this.error(additional === 31 ? "an indefinite length" : "a reserved length", "a definite length");
        }
        const size = 1 << (additional - 24);
        let value = 0;
        for (let index = 0; index < size; index++) {
            value = value * 256 + this.byte();
        }
        const shortest = size === 1 ? value >= 24 : value >= 256 ** (size / 2);
        if (!shortest) {
            throw this.error(`${value} in ${size} bytes`, "the shortest form");
        }
        return this.safe(value);
    }

    private safe(value: number): number {
        if (!Number.isSafeInteger(value)) {
            throw this.error("an integer beyond 2^53", "integers of at most 53 bits");
        }
        return value;
    }

    private text(length: number): string {
        const bytes = this.take(length);
        try {
            return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {
            throw this.error("text that is not UTF-8", "UTF-8");
        }
    }

    private take(length: number): Uint8Array {
        if (length > this.bytes.length - this.offset) {
            throw this.error(`${length} bytes announced, ${this.bytes.length - this.offset} left`, "a length within the input");
        }
        const start = this.offset;
        this.offset += length;
        return this.bytes.subarray(start, this.offset);
    }

    private byte(): number {
        const byte = this.bytes[this.offset];
        if (byte === undefined) {
            throw this.error("the end of the input", "another byte");
        }
        this.offset++;
        return byte;
    }

    private error(found: string, required: string): Error {
        return malformed(`${this.document}: CBOR at byte ${this.offset}`, found, required);
    }
}

/**
 * Encodes the head of an item in its shortest form.
 *
 * @param major - major type, 0 to 7
 * @param argument - value or length, below 2^32
 */
export function cborHead(major: number, argument: number): Uint8Array {
    if (argument < 24) {
        return Uint8Array.of((major << 5) | argument);
    }
    const size = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : 4;
    const head = new Uint8Array(1 + size);
    head[0] = (major << 5) | (23 + [1, 2, 4].indexOf(size) + 1);
    for (let index = 0; index < size; index++) {
        head[1 + index] = (argument / 256 ** (size - 1 - index)) & 0xff;
    }
    return head;
}

/** Encodes a byte string (`text: false`) or a text string. */
export function cborString(bytes: Uint8Array, text: boolean): Uint8Array {
    return new Uint8Array([...cborHead(text ? MAJOR.text : MAJOR.bytes, bytes.length), ...bytes]);
}

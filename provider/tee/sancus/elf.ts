// Reads sections and symbols of a 32-bit little-endian ELF image for the MSP430 (System V ABI; machine 105), strictly: it
// comes from our own linker.
import { AuthenticError } from "../../errors";

/** A section of an image. */
export interface Section {
    readonly name: string;
    readonly type: number;
    /** Flags: 1 writable, 2 in memory, 4 executable. */
    readonly flags: number;
    readonly address: number;
    /** The content; empty for a section without content in the file. */
    readonly content: Uint8Array;
    readonly size: number;
}

/** A symbol of an image. */
export interface Symbol {
    readonly name: string;
    readonly value: number;
    readonly size: number;
    /** Index of its section; 0xfff1 for an absolute one. */
    readonly section: number;
}

export interface Image {
    readonly sections: readonly Section[];
    readonly symbols: readonly Symbol[];
}

const MACHINE_MSP430 = 105;
const HEADER = 52;
const SECTION_ENTRY = 40;
const SYMBOL_ENTRY = 16;
const SYMTAB = 2;
const NOBITS = 8;

const damaged = (what: string): AuthenticError =>
    new AuthenticError("AE-SANCUS-IMAGE", `the linked image is not an ELF file for the MSP430: ${what}`, "build again; if it stays so, reinstall Zig with `npm run setup`");

const nameAt = (strings: Uint8Array, at: number): string => {
    const end = strings.indexOf(0, at);
    if (at >= strings.length || end < 0) throw damaged("a name lies outside its table");
    return Buffer.from(strings.subarray(at, end)).toString("latin1");
};

/**
 * The sections and symbols of an image.
 *
 * @throws AuthenticError `AE-SANCUS-IMAGE` for anything malformed or outside the file
 */
export function readElf(file: Uint8Array): Image {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    if (file.length < HEADER || view.getUint32(0, false) !== 0x7f454c46) throw damaged("no magic number");
    if (view.getUint8(4) !== 1 || view.getUint8(5) !== 1) throw damaged("another class or byte order");
    if (view.getUint16(18, true) !== MACHINE_MSP430) throw damaged(`machine ${view.getUint16(18, true)}`);
    const table = view.getUint32(32, true);
    const [entrySize, count, names] = [view.getUint16(46, true), view.getUint16(48, true), view.getUint16(50, true)];
    if (entrySize !== SECTION_ENTRY || table + count * SECTION_ENTRY > file.length || names >= count) throw damaged("section headers outside the file");
    const raw = Array.from({ length: count }, (_, index) => {
        const field = (n: number): number => view.getUint32(table + index * SECTION_ENTRY + 4 * n, true);
        const [name, type, flags, address, offset, size, link] = [field(0), field(1), field(2), field(3), field(4), field(5), field(6)];
        const stored = type === NOBITS ? 0 : size;
        if (offset + stored > file.length) throw damaged(`section ${index} outside the file`);
        return { name, type, flags, address, size, link, content: file.subarray(offset, offset + stored) };
    });
    const strings = raw[names]?.content ?? new Uint8Array(0);
    const symbols = raw.filter(({ type }) => type === SYMTAB).flatMap(({ content, link }) => {
        const symbolNames = raw[link]?.content ?? new Uint8Array(0);
        const entries = new DataView(content.buffer, content.byteOffset, content.byteLength);
        return Array.from({ length: Math.floor(content.length / SYMBOL_ENTRY) }, (_, index) => {
            const at = index * SYMBOL_ENTRY;
            return {
                name: nameAt(symbolNames, entries.getUint32(at, true)),
                value: entries.getUint32(at + 4, true),
                size: entries.getUint32(at + 8, true),
                section: entries.getUint16(at + 14, true),
            };
        });
    });
    return { sections: raw.map(({ name, type, flags, address, size, content }) => ({ name: nameAt(strings, name), type, flags, address, size, content })), symbols };
}

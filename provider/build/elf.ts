// Reads the section headers of a little-endian ELF image of 32 or 64 bits (System V ABI, "Object Files"), strictly: an image of our
// own linker has nothing to be lenient about.
import { AuthenticError } from "../errors";

/** A section of an image. */
export interface Section {
    readonly name: string;
    readonly type: number;
    /** Flags: 1 writable, 2 in memory, 4 executable. */
    readonly flags: number;
    readonly address: number;
    /** Offset and bytes in the file; a section of type 8 (nobits) has none there. */
    readonly offset: number;
    readonly size: number;
}

export const NOBITS = 8;
/** Where the fields lie: bytes of the file header and of a section header, and offsets of what is read. */
const CLASSES = {
    1: { header: 52, entry: 40, table: 32, counts: 46, fields: [8, 12, 16, 20] },
    2: { header: 64, entry: 64, table: 40, counts: 58, fields: [8, 16, 24, 32] },
} as const;

const damaged = (what: string): AuthenticError =>
    new AuthenticError("AE-BUILD-IMAGE", `the linked image is not a little-endian ELF file: ${what}`, "remove the build cache and build again");

/** A number that lies in the file's range; ELF has 64 bits, files do not. */
const size = (view: DataView, at: number, wide: boolean): number => {
    if (!wide) return view.getUint32(at, true);
    const value = view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`a field at ${at} holds ${value}`);
    return Number(value);
};

const text = (strings: Uint8Array, at: number): string => {
    const end = strings.indexOf(0, at);
    if (at >= strings.length || end < 0) throw damaged("a section has no name");
    return Buffer.from(strings.subarray(at, end)).toString("latin1");
};

/**
 * The sections of an image, in the order of its section headers.
 *
 * @throws AuthenticError `AE-BUILD-IMAGE` for anything malformed or outside the file
 */
export function readSections(image: Uint8Array): readonly Section[] {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    if (image.length < CLASSES[1].header || view.getUint32(0, false) !== 0x7f454c46) throw damaged("no magic number");
    const kind = view.getUint8(4);
    if ((kind !== 1 && kind !== 2) || view.getUint8(5) !== 1 || view.getUint8(6) !== 1) throw damaged("another class, byte order or version");
    const { header, entry, table: tableAt, counts, fields } = CLASSES[kind];
    if (image.length < header) throw damaged("no header");
    const number = (at: number): number => size(view, at, kind === 2);
    const table = number(tableAt);
    const [entrySize, count, names] = [view.getUint16(counts, true), view.getUint16(counts + 2, true), view.getUint16(counts + 4, true)];
    if (entrySize !== entry || table + count * entry > image.length || names >= count) throw damaged("section headers outside the file");
    const raw = Array.from({ length: count }, (_, index) => {
        const at = table + index * entry;
        const section = { nameAt: view.getUint32(at, true), type: view.getUint32(at + 4, true), flags: number(at + fields[0]), address: number(at + fields[1]), offset: number(at + fields[2]), size: number(at + fields[3]) };
        if (section.type !== NOBITS && section.offset + section.size > image.length) throw damaged(`section ${index} outside the file`);
        return section;
    });
    const { offset, size: length } = raw[names] ?? { offset: 0, size: 0 };
    const strings = image.subarray(offset, offset + length);
    return raw.map(({ nameAt, ...section }) => ({ name: text(strings, nameAt), ...section }));
}

/**
 * The one section of a name.
 *
 * @throws AuthenticError `AE-BUILD-IMAGE` if there is none or more than one
 */
export function sectionNamed(sections: readonly Section[], name: string): Section {
    const [section, ...others] = sections.filter((one) => one.name === name);
    if (section === undefined || others.length > 0) throw damaged(`${others.length + (section === undefined ? 0 : 1)} sections ${name}`);
    return section;
}

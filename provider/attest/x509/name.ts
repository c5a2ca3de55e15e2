// Distinguished names: compared byte for byte, read only for the common name.

import { hex } from "../bytes";
import { DerReader, Tag } from "./der";

const COMMON_NAME = "2.5.4.3";

/** A distinguished name. */
export interface Name {
    /** The exact encoding, the only thing that is compared between issuer and subject. */
    readonly encoded: Uint8Array;
    /** Common name; every supported certificate has exactly one. */
    readonly commonName: string;
}

/** Reads a Name: single-valued relative names of UTF8String or PrintableString. */
export function readName(reader: DerReader, field: string): Name {
    const element = reader.read(Tag.sequence, field);
    const names = new DerReader(element.content, reader.document);
    let commonName: string | null = null;
    const seen = new Set<string>();
    while (!names.done) {
        const set = names.enter(Tag.set, field);
        const attribute = set.enter(Tag.sequence, field);
        set.end(field);
        const type = attribute.oid(field);
        const value = readText(attribute, field);
        attribute.end(field);
        if (seen.has(type)) {
            throw reader.error(field, `attribute ${type} twice`, "each attribute once");
        }
        seen.add(type);
        if (type === COMMON_NAME) {
            commonName = value;
        }
    }
    if (commonName === null) {
        throw reader.error(field, "no common name", "a common name");
    }
    return { encoded: element.encoded, commonName };
}

function readText(reader: DerReader, field: string): string {
    const { tag, content } = reader.any(field);
    const printable = tag === Tag.printableString && /^[A-Za-z0-9 '()+,\-./:=?]+$/.test(Buffer.from(content).toString("latin1"));
    if (!printable && tag !== Tag.utf8String) {
        throw reader.error(field, `tag 0x${tag.toString(16)}: ${hex(content)}`, "a UTF8String or PrintableString");
    }
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    } catch {
        throw reader.error(field, hex(content), "valid UTF-8");
    }
}

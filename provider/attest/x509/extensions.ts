// X.509 extensions: read once, each at most once, with the four standard ones that a role is checked by.

import { hex } from "../bytes";
import { DerReader, Tag } from "./der";

/** Object identifiers of the standard extensions (RFC 5280 §4.2, §5.2, §5.3). */
export const ExtensionId = {
    subjectKeyIdentifier: "2.5.29.14",
    keyUsage: "2.5.29.15",
    basicConstraints: "2.5.29.19",
    crlNumber: "2.5.29.20",
    reasonCode: "2.5.29.21",
    invalidityDate: "2.5.29.24",
    crlDistributionPoints: "2.5.29.31",
    authorityKeyIdentifier: "2.5.29.35",
} as const;

/** Named bits of KeyUsage, as {@link DerReader.namedBits} returns them. */
export const KeyUsage = { digitalSignature: 1 << 0, nonRepudiation: 1 << 1, certificateSign: 1 << 5, crlSign: 1 << 6 } as const;

/** One extension. */
export interface Extension {
    readonly critical: boolean;
    /** Content of its OCTET STRING. */
    readonly value: Uint8Array;
}

/** Extensions by dotted object identifier. */
export type Extensions = ReadonlyMap<string, Extension>;

/** Reads a SEQUENCE OF Extension that may not be empty; duplicates are refused. */
export function readExtensions(reader: DerReader, field: string): Extensions {
    const list = reader.enter(Tag.sequence, field);
    const extensions = new Map<string, Extension>();
    do {
        const extension = list.enter(Tag.sequence, field);
        const id = extension.oid(field);
        // FALSE is the default, so DER leaves it out.
        const critical = extension.peek() === Tag.boolean;
        if ((critical && !extension.boolean(field)) || extensions.has(id)) {
            throw reader.error(field, `extension ${id} twice, or an explicit FALSE`, "each extension once, with defaults left out");
        }
        const value = extension.read(Tag.octetString, field).content;
        extension.end(field);
        extensions.set(id, { critical, value });
    } while (!list.done);
    return extensions;
}

/** Basic constraints: CA flag and path length; an absent extension means no CA. */
export function basicConstraints(extensions: Extensions, document: string): { ca: boolean; pathLength: number | null } {
    const extension = extensions.get(ExtensionId.basicConstraints);
    if (extension === undefined) {
        return { ca: false, pathLength: null };
    }
    const content = new DerReader(extension.value, document).only(Tag.sequence, "basic constraints");
    // FALSE is the default, so DER leaves it out.
    const ca = content.peek() === Tag.boolean;
    if (ca && !content.boolean("basic constraints")) {
        throw content.error("basic constraints", "an explicit FALSE", "the default left out");
    }
    const pathLength = ca && content.peek() === Tag.integer ? content.smallInteger("basic constraints") : null;
    content.end("basic constraints");
    return { ca, pathLength };
}

// AMD's intermediates (ASK, ASVK) write keyCertSign with a trailing zero bit, against DER; that one encoding is taken.
const AMD_KEY_CERT_SIGN = "03020104";

/** Key usage bits, or null when the extension is absent. */
export function keyUsage(extensions: Extensions, document: string): number | null {
    const extension = extensions.get(ExtensionId.keyUsage);
    if (extension === undefined) {
        return null;
    }
    if (hex(extension.value) === AMD_KEY_CERT_SIGN) {
        return KeyUsage.certificateSign;
    }
    const reader = new DerReader(extension.value, document);
    const bits = reader.namedBits("key usage");
    reader.end("key usage");
    return bits;
}

/** Subject key identifier, or null. */
export function subjectKeyIdentifier(extensions: Extensions, document: string): Uint8Array | null {
    const extension = extensions.get(ExtensionId.subjectKeyIdentifier);
    if (extension === undefined) {
        return null;
    }
    const reader = new DerReader(extension.value, document);
    const { content } = reader.read(Tag.octetString, "subject key identifier");
    reader.end("subject key identifier");
    return content;
}

/** The key identifier [0] of the authority key identifier; null when the extension is absent. */
export function authorityKeyIdentifier(extensions: Extensions, document: string): Uint8Array | null {
    const extension = extensions.get(ExtensionId.authorityKeyIdentifier);
    if (extension === undefined) {
        return null;
    }
    const content = new DerReader(extension.value, document).only(Tag.sequence, "authority key identifier");
    const identifier = content.optional(Tag.contextPrimitive(0), "authority key identifier");
    // Issuer and serial may follow; the signature, not this hint, decides.
    content.optional(Tag.context(1), "authority key identifier");
    content.optional(Tag.contextPrimitive(2), "authority key identifier");
    content.end("authority key identifier");
    return identifier?.content ?? null;
}

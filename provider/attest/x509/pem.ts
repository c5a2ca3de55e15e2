// Canonical PEM (RFC 7468 §3, the strict form with LF): re-encoding what was read must give the same text.

import { malformed } from "../refusal";

const LINE = 64;
// A chain has three certificates, and none is longer than a few kilobytes.
const MAX_TEXT = 1 << 20;

/**
 * Writes one block: 64 columns, LF, a final LF.
 *
 * @param label - `CERTIFICATE`, `X509 CRL`, `PUBLIC KEY`
 */
export function encodePem(label: string, der: Uint8Array): string {
    const base64 = Buffer.from(der).toString("base64");
    const lines = base64.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/**
 * Reads one or more blocks of one label and nothing else. Text that {@link encodePem} would not write
 * (other line lengths, spaces, CR, comments, unused base64 bits) is refused, so a chain has one spelling.
 *
 * @param text - the blocks, one after the other
 * @param label - the label of all blocks
 * @param document - name in refusals
 * @returns the DER of each block, at least one
 */
export function decodePem(text: string, label: string, document: string): Uint8Array[] {
    if (text.length > MAX_TEXT) {
        throw malformed(document, `${text.length} characters`, `at most ${MAX_TEXT} characters`);
    }
    const begin = `-----BEGIN ${label}-----\n`;
    const end = `-----END ${label}-----\n`;
    const blocks: Uint8Array[] = [];
    let offset = 0;
    while (offset < text.length) {
        const bodyStart = offset + begin.length;
        const bodyEnd = text.indexOf(end, bodyStart);
        if (!text.startsWith(begin, offset) || bodyEnd < 0) {
            throw malformed(document, "text outside a block, or another label", `only canonical "${label}" blocks`);
        }
        const block = text.slice(offset, bodyEnd + end.length);
        const der = new Uint8Array(Buffer.from(text.slice(bodyStart, bodyEnd), "base64"));
        if (der.length === 0 || encodePem(label, der) !== block) {
            throw malformed(document, "a non-canonical block", "base64 in lines of 64 characters ending in LF, without other whitespace");
        }
        blocks.push(der);
        offset += block.length;
    }
    if (blocks.length === 0) {
        throw malformed(document, "empty", `at least one "${label}" block`);
    }
    return blocks;
}

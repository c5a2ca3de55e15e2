// Files that hold evidence: its bytes as they are, or their hexadecimal digits.

const HEX_LOWER = /^(?:[0-9a-f]{2})+\n?$/;
const HEX_UPPER = /^(?:[0-9A-F]{2})+\n?$/;
// The largest evidence is a TDX quote of some 10 KB; anything near this is something else.
const MAX_FILE = 1 << 20;

/**
 * The evidence in a file. A file that consists of hexadecimal digits in one case, with at most one newline at its end,
 * is decoded; every other file is the evidence itself. No evidence format consists of such digits.
 *
 * @param file - contents
 * @returns the bytes for the parser of the evidence type
 */
export function evidenceOfFile(file: Uint8Array): Uint8Array {
    if (file.length > MAX_FILE) {
        return file;
    }
    const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString("latin1");
    return HEX_LOWER.test(text) || HEX_UPPER.test(text) ? new Uint8Array(Buffer.from(text.trimEnd(), "hex")) : file;
}

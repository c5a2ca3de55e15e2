// ELF files of enclaves, made field by field, so that tests can make them wrong.

/** A loadable segment as the file describes it. */
export interface SegmentSpec {
    address: number;
    /** Bit 0 executable, bit 1 writable, bit 2 readable. */
    flags: number;
    content: Uint8Array;
    /** Bytes in memory; those of the content by default. */
    size?: number;
    /** `p_type`; PT_LOAD by default. */
    type?: number;
    /** `p_offset`; behind the headers and the segments before it by default. */
    offset?: number;
}

export const [R, RW, RX] = [4, 6, 5];
const [HEADER, PROGRAM_HEADER] = [64, 56];

/** Bytes that differ everywhere, so that a page in another place shows. */
export function filled(length: number, seed: number): Uint8Array {
    return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8) * 13 + seed) & 0xff);
}

/** A file with these segments and nothing else. */
export function enclaveFile(segments: readonly SegmentSpec[]): Uint8Array {
    const table = HEADER + segments.length * PROGRAM_HEADER;
    const file = Buffer.alloc(table + segments.reduce((sum, { content }) => sum + content.length, 0));
    file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    file.writeUInt16LE(3, 16); // ET_DYN
    file.writeUInt16LE(62, 18); // EM_X86_64
    file.writeBigUInt64LE(BigInt(HEADER), 32);
    file.writeUInt16LE(PROGRAM_HEADER, 54);
    file.writeUInt16LE(segments.length, 56);
    let end = table;
    segments.forEach(({ address, flags, content, size = content.length, type = 1, offset = end }, index) => {
        const at = HEADER + index * PROGRAM_HEADER;
        file.writeUInt32LE(type, at);
        file.writeUInt32LE(flags, at + 4);
        for (const [field, value] of [[8, offset], [16, address], [24, address], [32, content.length], [40, size], [48, 4096]] as const) {
            file.writeBigUInt64LE(BigInt(value), at + field);
        }
        file.set(content, end);
        end += content.length;
    });
    return new Uint8Array(file);
}

/** A well-formed enclave: code, data that ends in zeros, and the TCS. */
export function smallEnclave(): SegmentSpec[] {
    return [
        { address: 0, flags: R, content: filled(300, 1) },
        { address: 4096, flags: RX, content: filled(5000, 2) },
        { address: 3 * 4096, flags: RW, content: filled(100, 3), size: 9000 },
        { address: 6 * 4096, flags: R, content: filled(4096, 4) },
    ];
}

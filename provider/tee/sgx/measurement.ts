// MRENCLAVE: the SHA-256 of what builds an enclave, in order (Intel SDM vol. 3D, "Enclave Measurement and
// Identification", and the leaves ECREATE, EADD and EEXTEND). The stream that is hashed is the "SGXS" format of other tools.
import { createHash } from "node:crypto";
import { PAGE, type EnclaveLayout, type Segment, pagesOf, readLayout } from "./layout";

/** Bytes of a record; after EEXTEND come the 256 bytes that it measures. */
const RECORD = 64;
const CHUNK = 256;
const CHUNKS = PAGE / CHUNK;
/** Pages of a frame of the state save area: enough for x87, SSE and AVX state. */
const SSA_FRAME_PAGES = 1;

/** SECINFO.FLAGS (SDM vol. 3D, "Security Information (SECINFO)"): permissions in the low bits, the page's type in bits 15 to 8. */
const [SEC_R, SEC_W, SEC_X] = [1, 2, 4];
const [PT_TCS, PT_REG] = [1, 2];

/** Leaf names as their records begin. */
const [ECREATE, EADD, EEXTEND] = ["ECREATE\0", "EADD\0\0\0\0", "EEXTEND\0"];

/** ECREATE: name, SSAFRAMESIZE u32, SIZE u64, 44 bytes of zero (SDM vol. 3D, ECREATE, "TMPUPDATEFIELD"). */
const create = (size: number): Buffer => {
    const record = Buffer.alloc(RECORD);
    record.write(ECREATE, 0, "latin1");
    record.writeUInt32LE(SSA_FRAME_PAGES, 8);
    record.writeBigUInt64LE(BigInt(size), 12);
    return record;
};

/** EADD: name, offset of the page u64, the first 48 bytes of SECINFO; then for each chunk EEXTEND: name, offset u64, and the chunk. */
const page = (address: number, flags: number, content: Uint8Array): Buffer => {
    const records = Buffer.alloc(RECORD + CHUNKS * (RECORD + CHUNK));
    records.write(EADD, 0, "latin1");
    records.writeBigUInt64LE(BigInt(address), 8);
    records.writeBigUInt64LE(BigInt(flags), 16);
    for (let chunk = 0; chunk < CHUNKS; chunk++) {
        const at = RECORD + chunk * (RECORD + CHUNK);
        records.write(EEXTEND, at, "latin1");
        records.writeBigUInt64LE(BigInt(address + chunk * CHUNK), at + 8);
        records.set(content.subarray(chunk * CHUNK, (chunk + 1) * CHUNK), at + RECORD);
    }
    return records;
};

const flagsOf = ({ writable, executable }: Segment): number => (PT_REG << 8) | SEC_R | (writable ? SEC_W : 0) | (executable ? SEC_X : 0);

function* segmentPages(segment: Segment, flags: number): Generator<Buffer> {
    for (let offset = 0; offset < pagesOf(segment); offset += PAGE) {
        yield page(segment.address + offset, flags, segment.content.subarray(offset, offset + PAGE));
    }
}

/**
 * The measured stream of an enclave, a record or a page at a time.
 *
 * @example
 * writeFileSync("module.sgxs", Buffer.concat([...sgxs(readLayout(image))]));
 */
export function* sgxs({ segments, tcs, size }: EnclaveLayout): Generator<Uint8Array> {
    yield create(size);
    for (const segment of segments) yield* segmentPages(segment, flagsOf(segment));
    // A TCS has no permissions: only the processor reads it.
    yield* segmentPages(tcs, PT_TCS << 8);
}

/**
 * MRENCLAVE of an image.
 *
 * @param image - ELF file, see {@link readLayout}
 * @returns 32 bytes
 * @throws AuthenticError `AE-SGX-IMAGE`
 */
export function mrenclave(image: Uint8Array): Uint8Array {
    const hash = createHash("sha256");
    for (const piece of sgxs(readLayout(image))) hash.update(piece);
    return new Uint8Array(hash.digest());
}

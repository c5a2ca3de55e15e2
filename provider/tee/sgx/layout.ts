// Where the pages of an enclave lie: the program headers of its ELF image (System V ABI, "Program Header"), read strictly,
// because the loader on the node and this measurement have to see exactly the same pages.
import { AuthenticError } from "../../errors";

/** Bytes of a page (Intel SDM vol. 3D, "Enclave Page Cache"). */
export const PAGE = 4096;

/** A loadable segment. Addresses are relative to the enclave's base. */
export interface Segment {
    /** A multiple of the page size. */
    readonly address: number;
    /** Bytes in memory, as the header says; the last page is filled up with zeros. */
    readonly size: number;
    /** What the file has of it; zeros follow. */
    readonly content: Uint8Array;
    readonly writable: boolean;
    readonly executable: boolean;
}

/** An enclave image, page by page. */
export interface EnclaveLayout {
    /** Readable segments in address order, without the thread control structure. */
    readonly segments: readonly Segment[];
    /** The one page of the thread control structure (TCS), the last segment. */
    readonly tcs: Segment;
    /** SECS.SIZE: the smallest power of two that holds everything (SDM vol. 3D, "SGX Enclave Control Structure (SECS)"). */
    readonly size: number;
}

const HEADER = 64;
const PROGRAM_HEADER = 56;
/** An image of our own link script has five. */
const MAX_HEADERS = 16;
/** Largest address range of an enclave; the agent takes images of at most 64 MiB. */
export const MAX_SIZE = 256 << 20;

const [ET_DYN, EM_X86_64, PT_LOAD] = [3, 62, 1];
const [EXECUTABLE, WRITABLE, READABLE] = [1, 2, 4];

const damaged = (what: string): AuthenticError =>
    new AuthenticError("AE-SGX-IMAGE", `the image is not an enclave: ${what}`, "remove the build cache and build again with the kit's link script");

/** A number of 64 bits that lies within an enclave. */
const within = (view: DataView, at: number, what: string): number => {
    const value = view.getBigUint64(at, true);
    if (value > BigInt(MAX_SIZE)) throw damaged(`${what} is ${value}, more than ${MAX_SIZE}`);
    return Number(value);
};

const readSegment = (image: Uint8Array, view: DataView, at: number): Segment => {
    const flags = view.getUint32(at + 4, true);
    const [offset, address, fileSize, size] = [within(view, at + 8, "an offset"), within(view, at + 16, "an address"), within(view, at + 32, "a size"), within(view, at + 40, "a size")];
    if (address % PAGE !== 0) throw damaged(`a segment begins at ${address}, within a page`);
    if (size === 0 || fileSize > size || offset + fileSize > image.length) throw damaged(`the segment at ${address} is empty or not inside the file`);
    if ((flags & READABLE) === 0 || flags > (EXECUTABLE | WRITABLE | READABLE)) throw damaged(`the segment at ${address} has flags ${flags}`);
    const [writable, executable] = [(flags & WRITABLE) !== 0, (flags & EXECUTABLE) !== 0];
    if (writable && executable) throw damaged(`the segment at ${address} is both writable and executable`);
    return { address, size, content: image.subarray(offset, offset + fileSize), writable, executable };
};

/** Bytes of the pages that a segment occupies. */
export const pagesOf = ({ size }: Pick<Segment, "size">): number => Math.ceil(size / PAGE) * PAGE;

/**
 * Reads the pages of an enclave.
 *
 * @param image - ELF file: a static PIE for x86-64 whose last loadable segment is the TCS
 * @throws AuthenticError `AE-SGX-IMAGE` for anything else, or for segments that overlap, are out of order or too large
 */
export function readLayout(image: Uint8Array): EnclaveLayout {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    if (image.length < HEADER || view.getUint32(0, false) !== 0x7f454c46) throw damaged("no magic number");
    if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1 || view.getUint8(6) !== 1) throw damaged("another class, byte order or version");
    if (view.getUint16(16, true) !== ET_DYN || view.getUint16(18, true) !== EM_X86_64) throw damaged("not position-independent code for x86-64");
    const table = within(view, 32, "the place of the program headers");
    const [entrySize, count] = [view.getUint16(54, true), view.getUint16(56, true)];
    if (entrySize !== PROGRAM_HEADER || count > MAX_HEADERS || table + count * PROGRAM_HEADER > image.length) throw damaged("program headers outside the file");
    const loadable = Array.from({ length: count }, (_, index) => table + index * PROGRAM_HEADER).filter((at) => view.getUint32(at, true) === PT_LOAD);
    const segments = loadable.map((at) => readSegment(image, view, at));
    segments.reduce((end, segment) => {
        if (segment.address < end) throw damaged(`the segment at ${segment.address} overlaps the one before it, or is out of order`);
        return segment.address + pagesOf(segment);
    }, 0);
    const tcs = segments.pop();
    if (tcs === undefined || segments.length === 0) throw damaged("fewer than two segments");
    if (tcs.content.length !== PAGE || tcs.size !== PAGE || tcs.executable) throw damaged("the last segment is not the page of a thread control structure");
    const size = 2 ** Math.ceil(Math.log2(tcs.address + PAGE));
    if (size > MAX_SIZE) throw damaged(`it needs ${size} bytes, more than ${MAX_SIZE}`);
    return { segments, tcs, size };
}

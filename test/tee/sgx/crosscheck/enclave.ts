// The enclave that both implementations measure and sign: in segments for one, in files of whole pages for the other.
import { enclaveFile, filled, R, RW, RX } from "../enclave-file";

const PAGE = 4096;

/** Blocks as `sgxs-build` takes them: permissions and content, one after the other from address 0. */
export const BLOCKS: readonly { readonly permissions: "r" | "rx" | "rw"; readonly content: Uint8Array }[] = [
    { permissions: "r", content: filled(300, 1) },
    { permissions: "rx", content: filled(5000, 2) },
    { permissions: "rw", content: filled(9000, 3) },
];
export const SIGNED = { isvProdId: 0x0102, isvSvn: 0x0304 } as const;

/** The page of `tcs=nssa:0`: save area behind it, no frames, entry at 0, limits of one page (SDM vol. 3D, "Thread Control Structure (TCS)"). */
function tcsPage(address: number): Uint8Array {
    const page = Buffer.alloc(PAGE);
    page.writeBigUInt64LE(BigInt(address + PAGE), 16);
    page.writeUInt32LE(0xfff, 64);
    page.writeUInt32LE(0xfff, 68);
    return page;
}

/** The same as an ELF file. */
export function image(): Uint8Array {
    const flags = { r: R, rx: RX, rw: RW };
    let address = 0;
    const segments = BLOCKS.map(({ permissions, content }) => {
        const segment = { address, flags: flags[permissions], content };
        address += Math.ceil(content.length / PAGE) * PAGE;
        return segment;
    });
    return enclaveFile([...segments, { address, flags: R, content: tcsPage(address) }]);
}

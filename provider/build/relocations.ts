// What the ports can load: they add the image's address to the words that the linker lists, and know no other relocation
// (System V ABI, "Relocation"; processor supplements of x86-64 and Arm). Nor do they set up storage of threads.
import { AuthenticError } from "../errors";
import { type Section, NOBITS } from "./elf";

/** Of the relative relocation: section, bytes of an entry, where its kind is, and the kind. */
const RELATIVE = {
    8: { section: ".rela.dyn", entry: 24, kindAt: 8, mask: 0xffff_ffff, kind: 8 },
    4: { section: ".rel.dyn", entry: 8, kindAt: 4, mask: 0xff, kind: 23 },
} as const;
/** Flag of sections for each thread (SHF_TLS). */
const THREADS = 0x400;

/**
 * Refuses an image that would be loaded, but would not run as its source says.
 *
 * @param pointer - bytes of a pointer
 * @throws AuthenticError `AE-BUILD-IMAGE`
 */
export function requireRelocatable(module: string, image: Uint8Array, sections: readonly Section[], pointer: number): void {
    if (sections.some(({ flags }) => (flags & THREADS) !== 0)) {
        throw new AuthenticError("AE-BUILD-IMAGE", `module "${module}" has a variable for each thread, but a module is one thread`, "declare the variable without `_Thread_local`, `__thread` or `#[thread_local]`");
    }
    const { section, entry, kindAt, mask, kind } = RELATIVE[pointer === 8 ? 8 : 4];
    for (const { offset, size, type } of sections.filter(({ name }) => name === section)) {
        const view = new DataView(image.buffer, image.byteOffset + offset, type === NOBITS ? 0 : size);
        for (let at = 0; at + entry <= view.byteLength; at += entry) {
            const found = (view.getUint32(at + kindAt, true) & mask) >>> 0;
            if (found !== kind) {
                throw new AuthenticError("AE-BUILD-IMAGE", `module "${module}" needs a relocation of kind ${found} when it is loaded, which no port of the kit makes`,
                    "do without what needs it, such as functions that are chosen when the module is loaded (`ifunc`)");
            }
        }
    }
}

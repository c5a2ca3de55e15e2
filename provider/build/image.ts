// From a linked image to a build: its declarations, where its configuration goes, and its sizes.
import { AuthenticError } from "../errors";
import type { Build, BuildRequest } from "../tee/tee";
import { NOBITS, readSections, sectionNamed } from "./elf";
import { readInterface } from "./interface";
import { openKit } from "./kit";
import { languageOf } from "./language";
import { buildC } from "./module";
import { requireRelocatable } from "./relocations";
import { buildRust } from "./rust/rust";
import type { Target } from "./target";

const WRITABLE = 1;
const IN_MEMORY = 2;

/**
 * Compiles and links a module for a target and reads its interface.
 *
 * @param measure - the code measurement of an image
 * @throws AuthenticError of the area `AE-BUILD`
 */
export async function buildModule(request: BuildRequest, target: Target, measure: (image: Uint8Array) => Uint8Array | Promise<Uint8Array>): Promise<Build> {
    const kit = await openKit();
    const rust = await languageOf(request) === "rust";
    const { image: compiled, toolchain = {} } = rust ? await buildRust(request, kit, target) : { image: await buildC(request, kit, target) };
    const linked = new Uint8Array(compiled);
    const sections = readSections(linked);
    requireRelocatable(request.name, linked, sections, target.pointer);
    const image = target.flatten?.(linked, sections) ?? linked;
    const block = sectionNamed(sections, ".authentic.config");
    const inside = linked.subarray(block.offset, block.offset + block.size);
    if (block.size !== target.configurationSize || inside.length !== block.size || inside.some((byte) => byte !== 0)) {
        throw new AuthenticError("AE-BUILD-IMAGE", `the configuration block of module "${request.name}" is not ${target.configurationSize} zero bytes`, "put nothing into the section .authentic.config");
    }
    const declarations = sections.find(({ name }) => name === ".authentic.interface");
    const content = declarations === undefined ? new Uint8Array(0) : linked.subarray(declarations.offset, declarations.offset + declarations.size);
    const inMemory = sections.filter(({ flags }) => (flags & IN_MEMORY) !== 0);
    const sizeOf = (writable: boolean): number => inMemory.filter(({ flags }) => ((flags & WRITABLE) !== 0) === writable).reduce((sum, { size }) => sum + size, 0);
    if (block.type === NOBITS) throw new AuthenticError("AE-BUILD-IMAGE", `module "${request.name}" has no configuration block in its image`, "restore the kit's link.ld");
    return {
        image,
        configurationOffset: target.flatten === undefined ? block.offset : block.address,
        configurationSize: block.size,
        interface: readInterface(request.name, content, target.pointer, target.limits),
        kit: kit.digest,
        toolchain: { zig: kit.version, ...toolchain },
        codeMeasurement: await measure(image),
        sizes: { text: sizeOf(false), data: sizeOf(true) },
    };
}

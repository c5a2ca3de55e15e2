// Builds C sources into a Sancus protected module: compiles with Zig, links with the entry code and a private runtime, and
// checks that the result fits the board and asks nothing of it that it lacks.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheKey, cached } from "../../build/cache";
import { compileError } from "../../build/diagnostics";
import { kitFolder, packageFolder, zigVersion } from "../../build/folders";
import { inTemporaryFolder } from "../../build/kit";
import { execute } from "../../build/process";
import { findZig } from "../../build/zig";
import type { SancusIdentity } from "../../crypto/sancus-keys";
import type { SpongentSecurity } from "../../crypto/spongent";
import { AuthenticError } from "../../errors";
import type { BuildRequest } from "../tee";
import { type Image, readElf } from "./elf";
import { BOARD, DATA_SECTIONS, INITIAL_VALUES_SECTION, type Placement, TEXT_SECTION, linkerScript } from "./layout";
import { explainLink, isOutOfRange } from "./link-errors";

/** What the module is built for. */
export interface SancusTarget {
    /** Key and tag length of the node in bits. */
    readonly security: SpongentSecurity;
    /** What the module may occupy; the whole board where absent. */
    readonly place?: Placement;
    /** Bytes of the module's own stack, even; 256 where absent. */
    readonly stackBytes?: number;
    /** The module kit to link with: absolute sources, flags for them and the module alike, and what else its objects depend on. */
    readonly kit?: { readonly sources: readonly string[]; readonly flags: readonly string[]; readonly key: readonly (string | Uint8Array)[] };
    /** Is told what each source of the module includes, as a make rule. */
    readonly onRule?: (rule: string) => void;
}

/** A protected module, ready to be enabled. */
export interface SancusModule {
    /** Text and layout: what the hardware measures. */
    readonly identity: SancusIdentity;
    /** Entry names; the index is the number to call. */
    readonly entries: readonly string[];
    /** Bytes of program memory and of RAM, the stack included. */
    readonly sizes: { readonly text: number; readonly data: number; readonly stack: number };
    /** Offset of a symbol in the text; undefined where the text has none of that name. */
    offsetOf(symbol: string): number | undefined;
}

const DEFAULT_STACK = 256;
const IN_MEMORY = 2;
const ENTRY_PREFIX = "sancus_entry_";

const FLAGS: readonly string[] = [
    "-target", "msp430-freestanding", "-std=c11", "-Os", "-g0", "-ffreestanding", "-fno-builtin", "-fno-jump-tables", "-fno-common", "-fno-sanitize=all",
    "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections",
    "-ftrivial-auto-var-init=zero", "-Wall", "-Wextra", "-Werror=date-time",
    // What -Os inlines into several places makes modules 900 bytes longer, of 11,520.
    "-mllvm", "-inline-threshold=0",
];

/** The module's side of the interface: entry code, runtime, header. */
const supportFolder = (): string => path.join(packageFolder(), "runtime", "sancus", "module");

const checkTarget = (name: string, place: Placement, stackBytes: number): void => {
    const refuse = (problem: string, nextStep: string): AuthenticError => new AuthenticError("AE-SANCUS-PLACE", `module "${name}": ${problem}`, nextStep);
    for (const [what, { start, end }, board] of [["text", place.text, BOARD.text], ["data", place.data, BOARD.data]] as const) {
        if (!Number.isInteger(start) || !Number.isInteger(end) || start % 2 !== 0 || end % 2 !== 0 || start >= end) {
            throw refuse(`its place for ${what} is [${start}, ${end})`, "give even addresses, the end above the start");
        }
        if (start < board.start || end > board.end) {
            throw refuse(`its place for ${what} is [0x${start.toString(16)}, 0x${end.toString(16)}), outside the board's [0x${board.start.toString(16)}, 0x${board.end.toString(16)})`, "choose addresses the board has");
        }
    }
    if (!Number.isInteger(stackBytes) || stackBytes % 2 !== 0 || stackBytes < 32 || stackBytes > 0x2000) {
        throw refuse(`its stack of ${stackBytes} bytes is impossible`, "give an even number from 32 to 8192");
    }
};

type Compile = (source: string, output: string, ...flags: readonly string[]) => Promise<void>;

const compiler = (request: BuildRequest, zig: readonly string[], { security, kit }: SancusTarget): Compile => async (source, output, ...flags) => {
    const { code, stderr } = await execute([...zig, "cc", ...FLAGS, `-DSANCUS_SECURITY=${security}`, `-ffile-prefix-map=${path.dirname(source)}=.`, "-I", supportFolder(), ...kit?.flags ?? [],
        ...flags, "-c", source, "-o", output], path.dirname(source));
    if (code !== 0) throw compileError(request.name, source, stderr);
};

/** The module's side of the interface, and the kit where there is one, as one object. */
const supportObject = async (request: BuildRequest, zig: readonly string[], target: SancusTarget): Promise<Buffer> => {
    const sources = [...["entry.S", "support.c", "runtime.c"].map((file) => path.join(supportFolder(), file)), ...target.kit?.sources ?? []];
    const produce = (): Promise<Buffer> => inTemporaryFolder(async (folder) => {
        const compileOne = compiler(request, zig, target);
        const objects = await Promise.all(sources.map(async (source, index) => {
            const output = path.join(folder, `${index}.o`);
            await compileOne(source, output);
            return output;
        }));
        const output = path.join(folder, "support.o");
        const { code, stderr } = await execute([...zig, "ld.lld", "-r", ...objects, "-o", output], folder);
        if (code !== 0) throw explainLink(request.name, stderr);
        return readFile(output);
    });
    const contents = await Promise.all([...sources, path.join(supportFolder(), "sancus.h")].map((file) => readFile(file)));
    return cached(cacheKey("sancus-support", zigVersion(kitFolder()), String(target.security), ...FLAGS, ...target.kit?.key ?? [], ...contents), produce);
};

const compile = async (request: BuildRequest, zig: readonly string[], target: SancusTarget, folder: string): Promise<readonly string[]> => {
    const support = path.join(folder, "support.o");
    const compileOne = compiler(request, zig, target);
    const own = request.sources.map(async (given, index) => {
        const source = path.resolve(given);
        await readFile(source).catch((cause: unknown) => {
            throw new AuthenticError("AE-BUILD-SOURCE", `module "${request.name}": cannot read its source ${source}`, "correct the path in `source`; it is relative to the folder of the Pulumi program", { cause });
        });
        const [output, rule] = [path.join(folder, `${index}.o`), path.join(folder, `${index}.d`)];
        await compileOne(source, output, ...(request.includes ?? []).flatMap((include) => ["-I", path.resolve(include)]),
            ...Object.entries(request.defines ?? {}).map(([name, value]) => `-D${name}=${value}`), "-MD", "-MF", rule);
        target.onRule?.(await readFile(rule, "utf8"));
        return output;
    });
    await writeFile(support, await supportObject(request, zig, target));
    return [support, ...await Promise.all(own)];
};

const valueOf = (image: Image, name: string): number => {
    const symbol = image.symbols.find((one) => one.name === name);
    if (symbol === undefined) throw new AuthenticError("AE-SANCUS-IMAGE", `the linked image has no symbol ${name}`, "reinstall pulumi-authentic: its module runtime is incomplete");
    return symbol.value;
};

/** The largest things in a section, for somebody who has to make it smaller. */
const largest = (image: Image, names: readonly string[]): string =>
    image.symbols.filter(({ section, size }) => size > 0 && names.includes(image.sections[section]?.name ?? ""))
        .sort((a, b) => b.size - a.size).slice(0, 3).map(({ name, size }) => `${name} (${size})`).join(", ");

const checkSize = (name: string, image: Image, what: "text" | "data", size: number, region: { start: number; end: number }): void => {
    const room = region.end - region.start;
    if (size <= room) return;
    const symbols = largest(image, what === "text" ? [TEXT_SECTION] : DATA_SECTIONS);
    throw new AuthenticError("AE-SANCUS-SIZE", `module "${name}" needs ${size} bytes of ${what === "text" ? "program memory" : "RAM"}, but its place has ${room}${symbols === "" ? "" : `; largest: ${symbols}`}`,
        what === "text" ? "make it smaller, or give it a larger place for text" : "make its variables or stack smaller, or give it a larger place for data");
};

const finish = (name: string, image: Image, place: Placement, stackBytes: number): SancusModule => {
    const known = new Set([TEXT_SECTION, ...DATA_SECTIONS]);
    const stray = image.sections.find(({ name: section, flags, size }) => (flags & IN_MEMORY) !== 0 && size > 0 && !known.has(section));
    if (stray !== undefined) {
        throw new AuthenticError("AE-SANCUS-SECTION", `module "${name}" puts something into the section ${stray.name}, which is neither its text nor its data`, "remove the section attribute");
    }
    const layout = {
        publicStart: valueOf(image, "__public_start"),
        publicEnd: valueOf(image, "__public_end"),
        secretStart: valueOf(image, "__secret_start"),
        secretEnd: valueOf(image, "__secret_end"),
    };
    const sizes = { text: layout.publicEnd - layout.publicStart, data: layout.secretEnd - layout.secretStart, stack: stackBytes };
    checkSize(name, image, "text", sizes.text, place.text);
    checkSize(name, image, "data", sizes.data, place.data);
    const table = valueOf(image, "__entries");
    const entries = image.symbols.filter((symbol) => symbol.name.startsWith(ENTRY_PREFIX)).sort((a, b) => a.value - b.value);
    if (entries.length === 0) {
        throw new AuthenticError("AE-SANCUS-ENTRY", `module "${name}" has no entry`, "declare at least one function with SANCUS_ENTRY");
    }
    if (entries.length !== valueOf(image, "__entry_count") || entries.some(({ value }, index) => value !== table + 2 * index)) {
        throw new AuthenticError("AE-SANCUS-IMAGE", `the table of entries of module "${name}" does not match its symbols`, "put nothing into the section .sancus.entries");
    }
    const content = (section: string): Uint8Array => image.sections.find((one) => one.name === section)?.content ?? new Uint8Array(0);
    const text = Buffer.concat([content(TEXT_SECTION), content(INITIAL_VALUES_SECTION)]);
    if (text.length !== sizes.text) throw new AuthenticError("AE-SANCUS-IMAGE", `the text of module "${name}" has ${text.length} bytes instead of ${sizes.text}`, "restore the module runtime of the package");
    return {
        identity: { text: new Uint8Array(text), layout },
        entries: entries.map((symbol) => symbol.name.slice(ENTRY_PREFIX.length)),
        sizes,
        offsetOf: (symbol) => {
            const value = image.symbols.find(({ name: other }) => other === symbol)?.value;
            return value === undefined || value < layout.publicStart || value > layout.publicEnd ? undefined : value - layout.publicStart;
        },
    };
};

/**
 * Compiles and links a protected module. The same sources give the same bytes in any folder and on any machine.
 *
 * @param request - C sources that declare entries with `SANCUS_ENTRY` of `sancus.h`
 * @param target - the node's security level, and the memory the module may occupy
 * @throws AuthenticError `AE-SANCUS-SIZE` if it does not fit, `AE-SANCUS-ARITHMETIC` for 64-bit or floating-point
 * arithmetic, `AE-SANCUS-LINK` for a symbol the board lacks, `AE-SANCUS-PLACE`, `-ENTRY`, `-SECTION`, and those of the
 * area `AE-BUILD`
 * @example
 * const { identity } = await buildSancusModule({ name: "probe", sources: ["probe.c"] }, { security: 128 });
 * const moduleKey = sancusModuleKey(vendorKey, identity);
 */
export async function buildSancusModule(request: BuildRequest, target: SancusTarget): Promise<SancusModule> {
    const { place = BOARD, stackBytes = DEFAULT_STACK } = target;
    if (request.sources.length === 0) throw new AuthenticError("AE-BUILD-SOURCE", `module "${request.name}" has no sources`, "name at least one C file in `source`");
    checkTarget(request.name, place, stackBytes);
    const zig = await findZig(zigVersion(kitFolder()));
    return inTemporaryFolder(async (folder) => {
        const objects = await compile(request, zig, target, folder);
        const [script, output] = [path.join(folder, "link.ld"), path.join(folder, "module.elf")];
        await writeFile(script, linkerScript(place, stackBytes));
        const link = async (...flags: readonly string[]): Promise<string | undefined> => {
            const { code, stderr } = await execute([...zig, "ld.lld", "--gc-sections", "--build-id=none", "--no-check-sections", ...flags, "-T", script, ...objects, "-o", output], folder);
            return code === 0 ? undefined : stderr;
        };
        const problem = await link("--no-warnings");
        // Beyond 64 KiB nothing links: once more regardless of that, for the sizes.
        const oversize = problem !== undefined && isOutOfRange(problem) && await link("--noinhibit-exec") === undefined;
        if (problem !== undefined && !oversize) throw explainLink(request.name, problem);
        const module = finish(request.name, readElf(new Uint8Array(await readFile(output))), place, stackBytes);
        if (problem !== undefined) throw explainLink(request.name, problem);
        return module;
    });
}

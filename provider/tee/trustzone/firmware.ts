// Builds the software of a TrustZone board: the secure firmware, which is measured, and the non-secure side, which nobody
// trusts. The same bytes from any folder and machine, so that everyone can compare a device's firmware with its source.
import { sha256 } from "@noble/hashes/sha2";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheKey, cached } from "../../build/cache";
import { NOBITS, readSections } from "../../build/elf";
import { packageFolder } from "../../build/folders";
import { cryptoObject, inTemporaryFolder, type Kit, openKit } from "../../build/kit";
import { execute } from "../../build/process";
import { AuthenticError } from "../../errors";
import { concat, label } from "../../protocol/bytes";
import type { BoardSoftware } from "../tee";
import { CPU, TARGET, TRIPLE } from "./target";

/** Boards with a folder in `runtime/trustzone/firmware/boards`, and the addresses where their images begin. */
const BOARDS: Readonly<Record<string, { readonly firmware: number; readonly nonsecure: number }>> = { "mps2-an505": { firmware: 0x1000_0000, nonsecure: 0x0020_0000 } };
export const DEFAULT_BOARD = "mps2-an505";

const C_FLAGS: readonly string[] = [
    "-std=c11", "-Os", "-g0", "-ffreestanding", "-fvisibility=hidden", "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-ffunction-sections",
    "-fdata-sections", "-fno-sanitize=all", "-ftrivial-auto-var-init=zero", "-mfloat-abi=soft", "-Wall", "-Wextra", "-Werror=date-time",
];
const ZIG_FLAGS: readonly string[] = ["-O", "ReleaseSmall", "-fstrip", "-fno-stack-check", "-fno-stack-protector", "-fsingle-threaded", "-ffunction-sections", "-fcompiler-rt"];
const IN_MEMORY = 2;
const MAX_IMAGE = 1 << 20;

/** Measurement of a firmware image: `SHA-256("aex/v1/measurement/trustzone-firmware\0" ‖ image)`. */
export const firmwareMeasurement = (image: Uint8Array): Uint8Array => sha256(concat(label("aex/v1/measurement/trustzone-firmware"), image));

/** The kind of device that a board is, `SHA-256("aex/v1/trustzone/implementation\0" ‖ name)`: its tokens' implementation id. */
export const implementationId = (board: string): Uint8Array => sha256(concat(label("aex/v1/trustzone/implementation"), new TextEncoder().encode(board)));

interface Source {
    readonly file: string;
    readonly content: Buffer;
}

const sourcesBelow = async (folder: string): Promise<Source[]> => {
    const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort();
    return Promise.all(names.map(async (file) => ({ file, content: await readFile(file) })));
};

/** What is loaded from `start` on, without what is only reserved; linked files keep initial values behind the code. */
function flat(linked: Uint8Array, start: number): Uint8Array {
    const view = new DataView(linked.buffer, linked.byteOffset, linked.byteLength);
    const [table, size, count] = [view.getUint32(28, true), view.getUint16(42, true), view.getUint16(44, true)];
    const parts = Array.from({ length: count }, (_, index) => {
        const at = table + index * size;
        return { type: view.getUint32(at, true), offset: view.getUint32(at + 4, true), address: view.getUint32(at + 12, true), bytes: view.getUint32(at + 16, true) };
    }).filter(({ type, bytes }) => type === 1 && bytes > 0);
    const end = Math.max(0, ...parts.map(({ address, bytes }) => address - start + bytes));
    if (end === 0 || end > MAX_IMAGE) throw new AuthenticError("AE-TRUSTZONE-FIRMWARE", `the board's software has ${end} bytes`, "restore the package's runtime/trustzone");
    const image = new Uint8Array(end);
    for (const { offset, address, bytes } of parts) image.set(linked.subarray(offset, offset + bytes), address - start);
    return image;
}

/** Where tests find what else is to be linked into the non-secure side, in place of its own main loop. */
export interface FirmwareOptions {
    readonly board?: string;
    /** Another `runtime/trustzone/firmware` than that of the package, or than the folder that AUTHENTIC_FIRMWARE names. */
    readonly folder?: string;
}

function firmwareFolder(env: NodeJS.ProcessEnv = process.env): string {
    const chosen = env["AUTHENTIC_FIRMWARE"];
    return chosen ? path.resolve(chosen) : path.join(packageFolder(), "runtime", "trustzone", "firmware");
}

/**
 * Builds the software of a board, or takes it from the cache.
 *
 * @throws AuthenticError `AE-TRUSTZONE-BOARD` for a board without support, `AE-TRUSTZONE-FIRMWARE` where it does not compile
 */
export async function buildBoardSoftware({ board = DEFAULT_BOARD, folder = firmwareFolder() }: FirmwareOptions = {}): Promise<BoardSoftware> {
    const addresses = BOARDS[board];
    if (addresses === undefined) throw new AuthenticError("AE-TRUSTZONE-BOARD", `there is no support for a board "${board}"`, `choose one of ${Object.keys(BOARDS).join(", ")}`);
    const kit = await openKit();
    const sources = await sourcesBelow(folder);
    const key = cacheKey("trustzone-firmware", board, kit.digest, TRIPLE, CPU, ...C_FLAGS, ...ZIG_FLAGS, ...sources.flatMap(({ file, content }) => [path.relative(folder, file), content]));
    const both = await cached(key, () => inTemporaryFolder(async (work) => {
        const { secure, nonsecure } = await link(folder, board, sources, kit, work);
        const images = [flat(secure, addresses.firmware), flat(nonsecure, addresses.nonsecure)] as const;
        const length = Buffer.alloc(4);
        length.writeUInt32LE(images[0].length);
        return Buffer.concat([length, ...images]);
    }));
    const split = 4 + both.readUInt32LE(0);
    const firmware = new Uint8Array(both.subarray(4, split));
    return { firmware, nonsecure: new Uint8Array(both.subarray(split)), measurement: firmwareMeasurement(firmware) };
}

async function link(folder: string, board: string, sources: readonly Source[], { folder: kit, zig: findZig, ...rest }: Kit, work: string): Promise<{ secure: Uint8Array; nonsecure: Uint8Array }> {
    const zig = await findZig();
    const boardFolder = path.join(folder, "boards", board);
    const run = async (...command: readonly string[]): Promise<void> => {
        const { code, stderr } = await execute([...zig, ...command], work);
        if (code !== 0) throw new AuthenticError("AE-TRUSTZONE-FIRMWARE", `the board's software does not compile: ${stderr.trim().split("\n")[0] ?? ""}`, "restore the package's runtime/trustzone");
    };
    const target = ["-target", TRIPLE, `-mcpu=${CPU}`];
    const compile = async (file: string, ...flags: readonly string[]): Promise<string> => {
        const output = path.join(work, `${path.basename(path.dirname(file))}-${path.basename(file)}.o`);
        const includes = [boardFolder, path.join(kit, "core"), path.join(kit, "crypto"), path.join(kit, "include")].flatMap((one) => ["-I", one]);
        await run("cc", ...target, ...C_FLAGS, ...flags, ...includes, `-ffile-prefix-map=${folder}=firmware`, `-ffile-prefix-map=${kit}=kit`, "-c", file, "-o", output);
        return output;
    };
    const below = (name: string): string[] => sources.map(({ file }) => file).filter((file) => path.dirname(file) === path.join(folder, name) && /\.[cS]$/.test(file));
    const memory = await compile(path.join(kit, "core", "memory.c"), "-fno-builtin");
    const secureObjects = await Promise.all([...below("secure"), ...below(path.join("boards", board))].map((file) => compile(file, "-mcmse")));
    const nonsecureObjects = await Promise.all(below("nonsecure").map((file) => compile(file)));
    const [crypto, identity] = [path.join(work, "crypto.o"), path.join(work, "identity.o")];
    // The modules' own: hashes, HKDF and wiping are the same in both.
    await writeFile(crypto, await cryptoObject({ folder: kit, zig: findZig, ...rest }, TARGET));
    const source = path.join(folder, "secure", "identity.zig");
    await writeFile(identity, await cached(cacheKey("trustzone-identity", rest.version, TRIPLE, CPU, ...ZIG_FLAGS, await readFile(source)), async () => {
        await run("build-obj", source, "-target", TRIPLE, "-mcpu", CPU, ...ZIG_FLAGS, `-femit-bin=${identity}`);
        return readFile(identity);
    }));
    const [gateways, secure, nonsecure] = [path.join(work, "gateways.o"), path.join(work, "secure.elf"), path.join(work, "nonsecure.elf")];
    const linker = ["ld.lld", "--gc-sections", "--build-id=none"];
    await run(...linker, "-T", path.join(boardFolder, "secure.ld"), "--cmse-implib", `--out-implib=${gateways}`, ...secureObjects, memory, crypto, identity, "-o", secure);
    await run(...linker, "-T", path.join(boardFolder, "nonsecure.ld"), ...nonsecureObjects, memory, gateways, "-o", nonsecure);
    const images = { secure: new Uint8Array(await readFile(secure)), nonsecure: new Uint8Array(await readFile(nonsecure)) };
    requireNoWritableInitial(images.nonsecure);
    return images;
}

/** The non-secure side starts without a loader of its own. */
function requireNoWritableInitial(linked: Uint8Array): void {
    const data = readSections(linked).find(({ name, flags, size, type }) => name === ".data" && (flags & IN_MEMORY) !== 0 && size > 0 && type !== NOBITS);
    if (data !== undefined) throw new AuthenticError("AE-TRUSTZONE-FIRMWARE", "the non-secure side has initialized data, which nothing copies", "make it constant or zero");
}

/** Writes a board's images where the bridge looks for them. */
export async function writeBoardSoftware({ firmware, nonsecure }: BoardSoftware, folder: string): Promise<void> {
    await writeFile(path.join(folder, "firmware.bin"), firmware);
    await writeFile(path.join(folder, "nonsecure.bin"), nonsecure);
}

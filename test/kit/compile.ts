// Compiles programs of the kit's real sources for the tests, with the builder's own flags and cache.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { cacheKey, cached } from "../../provider/build/cache";
import { packageFolder } from "../../provider/build/folders";
import { C_FLAGS, inTemporaryFolder, openKit } from "../../provider/build/kit";
import { execute } from "../../provider/build/process";

const TARGET = ["-target", "x86_64-freestanding-none", "-mcpu=x86_64_v3+aes+pclmul", "-mno-red-zone"];

/** Sources below the kit's folder (`kit/…`) or below test/kit. */
export interface Program {
    readonly sources: readonly string[];
    readonly flags?: readonly string[];
    /** Flags of one source, by name. */
    readonly own?: Readonly<Record<string, readonly string[]>>;
    readonly crypto: boolean;
    /** Replaces text of the kit's sources: what a build without a check would be. Each must occur exactly once. */
    readonly patches?: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const CORE = [
    ...["command", "config", "events", "frames", "handover", "kit", "memory", "ring", "session", "sponge_frames", "status", "table", "task"].map((name) => `kit/core/${name}.c`),
    "kit/crypto/hpke.c", "kit/crypto/sponge.c",
];

interface Source {
    readonly name: string;
    readonly file: string;
    readonly text: string;
}

const TO_OBJECT = ["-target", "x86_64-freestanding-none", "-mcpu", "x86_64_v3+aes+pclmul", "-O", "ReleaseFast", "-fstrip", "-fno-stack-check", "-fno-stack-protector", "-fsingle-threaded",
    "-ffunction-sections", "-fPIE", "-mno-red-zone"];

const patched = ({ name, text }: Source, patches: NonNullable<Program["patches"]>): string =>
    patches.filter(({ file }) => `kit/${file}` === name).reduce((before, { from, to }) => {
        if (before.split(from).length !== 2) throw new Error(`${name} does not contain ${JSON.stringify(from)} exactly once`);
        return before.replace(from, () => to);
    }, text);

/**
 * Compiles and links an executable that needs nothing but Linux. Objects come from the cache, so that a patch costs one compile.
 *
 * @returns its bytes
 */
export async function compileProgram({ sources, flags = [], own = {}, crypto, patches = [] }: Program): Promise<Buffer> {
    const kit = await openKit();
    const tests = path.join(packageFolder(), "test", "kit");
    const zig = async (command: readonly string[], folder: string): Promise<void> => {
        const { code, stderr } = await execute([...await kit.zig(), ...command], folder);
        if (code !== 0) throw new Error(stderr);
    };
    const object = async (name: string): Promise<Buffer> => {
        const file = name.startsWith("kit/") ? path.join(kit.folder, name.slice(4)) : path.join(tests, name);
        const text = patched({ name, file, text: await readFile(file, "utf8") }, patches);
        const options = [...TARGET, ...C_FLAGS, ...flags, ...(name.endsWith("memory.c") ? ["-fno-builtin"] : []), ...(own[name] ?? [])];
        return cached(cacheKey("kit-test-object", kit.digest, name, text, JSON.stringify(options)), () => inTemporaryFolder(async (folder) => {
            const source = path.join(folder, path.basename(name));
            await writeFile(source, text);
            const output = path.join(folder, "object.o");
            // The folder of the original first, as if it lay there.
            await zig(["cc", ...options, "-I", path.dirname(file), "-I", path.join(kit.folder, "include"), "-I", path.join(kit.folder, "core"), "-I", path.join(kit.folder, "crypto"),
                "-DAUTHENTIC_KIT_DIGEST=" + Array(32).fill("0x6b").join(","), "-c", source, "-o", output], folder);
            return readFile(output);
        }));
    };
    const cryptoObject = async (): Promise<Buffer> => {
        const source = path.join(kit.folder, "crypto", "crypto.zig");
        return cached(cacheKey("kit-test-crypto", kit.version, await readFile(source), JSON.stringify(TO_OBJECT)), () => inTemporaryFolder(async (folder) => {
            const output = path.join(folder, "crypto.o");
            await zig(["build-obj", source, ...TO_OBJECT, `-femit-bin=${output}`], folder);
            return readFile(output);
        }));
    };
    const objects: Buffer[] = [];
    for (const name of sources) objects.push(await object(name));
    if (crypto) objects.push(await cryptoObject());
    return inTemporaryFolder(async (folder) => {
        const files = await Promise.all(objects.map(async (bytes, index) => {
            const file = path.join(folder, `${index}.o`);
            await writeFile(file, bytes);
            return file;
        }));
        const program = path.join(folder, "program");
        await zig(["ld.lld", "-pie", "--no-dynamic-linker", "--gc-sections", "--hash-style=sysv", "-z", "noexecstack", "-e", "_start",
            "-T", path.join(kit.folder, "ports", "native", "link.ld"), ...files, "-o", program], folder);
        return readFile(program);
    });
}

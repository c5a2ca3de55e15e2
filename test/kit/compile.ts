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

export const CORE = ["command", "config", "events", "frames", "handover", "hpke", "kit", "memory", "ring", "session", "status", "table", "task"].map((name) => `kit/core/${name}.c`);

/**
 * Compiles and links an executable that needs nothing but Linux.
 *
 * @returns its bytes
 */
export async function compileProgram({ sources, flags = [], own = {}, crypto, patches = [] }: Program): Promise<Buffer> {
    const kit = await openKit();
    const tests = path.join(packageFolder(), "test", "kit");
    const locate = (source: string): string => (source.startsWith("kit/") ? path.join(kit.folder, source.slice(4)) : path.join(tests, source));
    const contents = await Promise.all(sources.filter((source) => !source.startsWith("kit/")).map((source) => readFile(locate(source))));
    const key = cacheKey("kit-test", kit.digest, JSON.stringify([sources, flags, own, crypto, patches, C_FLAGS, TARGET]), ...contents);
    return cached(key, () => inTemporaryFolder(async (folder) => {
        const zig = await kit.zig();
        const run = async (command: readonly string[]): Promise<void> => {
            const { code, stderr } = await execute([...zig, ...command], folder);
            if (code !== 0) throw new Error(stderr);
        };
        const objects: string[] = [];
        for (const source of sources) {
            let file = locate(source);
            const mine = patches.filter((patch) => `kit/${patch.file}` === source);
            if (mine.length > 0) {
                let text = await readFile(file, "utf8");
                for (const { from, to } of mine) {
                    if (text.split(from).length !== 2) throw new Error(`${source} does not contain ${JSON.stringify(from)} exactly once`);
                    text = text.replace(from, () => to);
                }
                file = path.join(folder, path.basename(source));
                await writeFile(file, text.replace(/#include "(kit|port|bytes)\.h"/g, `#include "${path.dirname(locate(source))}/$1.h"`));
            }
            const object = path.join(folder, `${objects.length}.o`);
            objects.push(object);
            await run(["cc", ...TARGET, ...C_FLAGS, ...flags, ...(source.endsWith("memory.c") ? ["-fno-builtin"] : []), ...(own[source] ?? []),
                "-I", path.join(kit.folder, "include"), "-I", path.join(kit.folder, "core"), "-I", path.join(kit.folder, "crypto"), "-DAUTHENTIC_KIT_DIGEST=" + Array(32).fill("0x6b").join(","), "-c", file, "-o", object]);
        }
        if (crypto) {
            const object = path.join(folder, "crypto.o");
            await run(["build-obj", path.join(kit.folder, "crypto", "crypto.zig"), "-target", "x86_64-freestanding-none", "-mcpu", "x86_64_v3+aes+pclmul", "-O", "ReleaseFast", "-fstrip",
                "-fno-stack-check", "-fno-stack-protector", "-fsingle-threaded", "-ffunction-sections", "-fPIE", "-mno-red-zone", `-femit-bin=${object}`]);
            objects.push(object);
        }
        const program = path.join(folder, "program");
        await run(["ld.lld", "-pie", "--no-dynamic-linker", "--gc-sections", "--hash-style=sysv", "-z", "noexecstack", "-e", "_start", "-T", path.join(kit.folder, "ports", "native", "link.ld"), ...objects, "-o", program]);
        return readFile(program);
    }));
}

// What a Rust toolchain has said of itself, kept for the next program: asking it takes longer than all the rest of a build that
// is in the cache. What was said holds as long as nothing that decides which toolchain runs has changed.
import { realpath, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { cacheKey, readEntry, writeEntry } from "../cache";
import { traceOf } from "../traces";

/** What a toolchain says. */
export interface Said {
    readonly version: string;
    readonly sysroot: string;
}

const trace = async (file: string): Promise<string> => stat(file, { bigint: true }).then(traceOf, () => "absent");

const onPath = async (name: string, searched: string): Promise<string | undefined> => {
    for (const folder of searched.split(path.delimiter).filter((one) => path.isAbsolute(one))) {
        const file = path.join(folder, name);
        if (await stat(file).then((one) => one.isFile(), () => false)) return file;
    }
    return undefined;
};

const above = (folder: string): string[] => (folder === path.dirname(folder) ? [folder] : [folder, ...above(path.dirname(folder))]);

/**
 * Key of everything that decides which toolchain runs in a folder: the compiler on PATH, and where that is rustup's stand-in, its
 * settings and the files that choose for a folder. Undefined where the compiler is something else, which may decide by other things.
 */
async function decided(folder: string, environment: Readonly<Record<string, string>>): Promise<string | undefined> {
    const searched = process.env["PATH"] ?? "";
    const program = await onPath("rustc", searched);
    const target = program === undefined ? undefined : await realpath(program);
    if (program === undefined || target === undefined || !["rustc", "rustup"].includes(path.basename(target))) return undefined;
    const home = environment["RUSTUP_HOME"] ?? path.join(environment["HOME"] ?? os.homedir(), ".rustup");
    const files = [program, path.join(home, "settings.toml"), ...above(folder).flatMap((one) => [path.join(one, "rust-toolchain"), path.join(one, "rust-toolchain.toml")])];
    return cacheKey("rust-toolchain", searched, JSON.stringify(Object.entries(environment).sort()), ...(await Promise.all(files.map(async (file) => `${file} ${await trace(file)}`))));
}

const compilerOf = ({ sysroot }: Said): Promise<string> => trace(path.join(sysroot, "bin", "rustc"));

/** What the toolchain for a folder says: remembered, or asked. */
export async function remembered(folder: string, environment: Readonly<Record<string, string>>, ask: () => Promise<Said | undefined>): Promise<Said | undefined> {
    const key = await decided(folder, environment);
    const entry = key === undefined ? undefined : await readEntry(key);
    if (entry !== undefined) {
        const { compiler, ...said } = JSON.parse(entry.toString("utf8")) as Said & { compiler: string };
        // An update of the toolchain replaces the compiler itself.
        if (compiler !== "absent" && compiler === await compilerOf(said)) return said;
    }
    const said = await ask();
    if (key !== undefined && said !== undefined) await writeEntry(key, Buffer.from(JSON.stringify({ ...said, compiler: await compilerOf(said) })));
    return said;
}

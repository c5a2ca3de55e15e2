// The crate `authentic` as modules of one file are compiled with it, built once for each toolchain.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../../errors";
import { cacheKey, cached } from "../cache";
import { folderDigest } from "../folder-digest";
import { packageFolder } from "../folders";
import { inTemporaryFolder } from "../kit";
import type { RustTarget } from "../target";
import { ofFiles } from "../traces";
import { runCargo } from "./cargo";
import { type Message, parseLines } from "./diagnostics";
import { PROFILE, flagsFor } from "./flags";
import { type Toolchain, librariesOf } from "./toolchain";

/** The folder with the crates of this package. */
export const cratesFolder = (): string => path.join(packageFolder(), "runtime");
/** The crates that become part of modules, or write code of theirs. */
export const CRATES = ["authentic", "authentic-macros"] as const;

/** Digest of the crates' sources. */
export const cratesDigest = async (): Promise<string> => cacheKey(...await Promise.all(CRATES.map((name) => {
    const folder = path.join(cratesFolder(), name);
    return ofFiles("crate", folder, () => folderDigest(folder));
})));

/** The entries of a lock file for a package and all it depends on, as they are written there. */
export function lockedFor(lock: string, root: string): string {
    const entries = lock.split("[[package]]\n").slice(1).map((text) => text.trim());
    const wanted: string[] = [];
    for (const queue = [root]; queue.length > 0;) {
        // `name`, or `name version` where there are several.
        const [name = "", version] = (queue.pop() ?? "").split(" ");
        const entry = entries.find((text) => text.startsWith(`name = "${name}"\n`) && (version === undefined || text.includes(`\nversion = "${version}"`)));
        if (entry === undefined || wanted.includes(entry)) continue;
        wanted.push(entry);
        queue.push(...[...entry.matchAll(/^ "([^"]+)",$/gm)].map(([, dependency]) => dependency ?? ""));
    }
    return wanted.sort().join("\n\n");
}

/** Digest of the locked versions that the crates are built with. */
export const cratesLock = async (): Promise<string> => {
    const file = path.join(cratesFolder(), "Cargo.lock");
    return ofFiles("locked", file, async () => cacheKey(lockedFor(await readFile(file, "utf8"), CRATES[0])));
};

const build = async (toolchain: Toolchain, target: RustTarget): Promise<Buffer> =>
    inTemporaryFolder(async (scratch) => {
        const { code, stdout, stderr } = await runCargo({
            command: ["build", "-p", CRATES[0]], folder: cratesFolder(), targetFolder: path.join(scratch, "target"), scratch,
            renamed: [{ from: cratesFolder(), to: "/authentic" }],
        }, toolchain, target);
        const artifacts = parseLines<Message>(stdout).filter(({ reason, target: one }) => reason === "compiler-artifact" && (CRATES as readonly string[]).includes((one?.name ?? "").replaceAll("_", "-")));
        const files = artifacts.flatMap(({ filenames = [] }) => filenames.filter((file) => !file.endsWith(".rmeta")));
        if (code !== 0 || files.length !== CRATES.length) {
            throw new AuthenticError("AE-BUILD-CRATES", `the crate authentic does not compile with Rust ${toolchain.version}: ${stderr.trim()}`,
                "mend what it says; without a network, the crates it names have to be in cargo's cache");
        }
        const contents = await Promise.all(files.map((file) => readFile(file)));
        const index = JSON.stringify(files.map((file, at) => ({ name: path.basename(file), size: contents[at]?.length ?? 0 })));
        return Buffer.concat([Buffer.from(`${index}\n`), ...contents]);
    });

/**
 * Writes the compiled crates into a folder.
 *
 * @returns the file of the crate `authentic`
 * @throws AuthenticError `AE-BUILD-CRATES` where they do not compile
 */
export async function placeCrates(toolchain: Toolchain, target: RustTarget, folder: string): Promise<string> {
    const key = cacheKey("rust-crates", toolchain.version, target.triple, await librariesOf(toolchain, target), ...flagsFor(target), ...PROFILE, await cratesDigest(), await cratesLock());
    const packed = await cached(key, () => build(toolchain, target));
    const end = packed.indexOf("\n");
    let at = end + 1;
    let library = "";
    for (const { name, size } of JSON.parse(packed.subarray(0, end).toString("utf8")) as { name: string; size: number }[]) {
        await writeFile(path.join(folder, name), packed.subarray(at, at + size));
        at += size;
        if (name.endsWith(".rlib")) library = path.join(folder, name);
    }
    return library;
}

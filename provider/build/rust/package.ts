// A module that is a package of cargo: a folder with a Cargo.toml, which may have dependencies.
import { copyFile, readFile, readdir, realpath, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { AuthenticError } from "../../errors";
import { cacheKey, exclusive } from "../cache";
import { folderDigest } from "../folder-digest";
import { cacheFolder } from "../folders";
import { digestOf } from "../module";
import { execute } from "../process";
import type { RustTarget } from "../target";
import { type Renamed, runCargo } from "./cargo";
import { CRATES, cratesDigest, cratesFolder } from "./crates";
import { type Message, parseLines, rustError } from "./diagnostics";
import type { Compiled } from "./single";
import { type Toolchain, librariesOf, rustEnvironment } from "./toolchain";

/** What `cargo metadata` says (the Cargo book), what is used of it. */
interface Metadata {
    readonly packages: readonly { readonly name: string; readonly version: string; readonly source: string | null; readonly manifest_path: string }[];
    readonly workspace_root: string;
}

const folderOf = ({ manifest_path }: Metadata["packages"][number]): string => path.dirname(manifest_path);

const metadataOf = async (module: string, folder: string, toolchain: Toolchain, target: RustTarget): Promise<Metadata> => {
    const { code, stdout, stderr } = await execute([toolchain.cargo, "metadata", "--format-version", "1", "--locked", "--filter-platform", target.triple], folder, rustEnvironment());
    if (code !== 0) throw rustError(module, folder, [], stderr);
    return JSON.parse(stdout) as Metadata;
};

const sameFolder = async (one: string, other: string): Promise<boolean> =>
    await realpath(one) === await realpath(other) || await folderDigest(one) === await folderDigest(other);

/** Refuses a package that is no module, or of another version of the kit's crate. */
const requireCrate = async (module: string, folder: string, local: readonly Metadata["packages"][number][]): Promise<void> => {
    const ours = path.join(cratesFolder(), CRATES[0]);
    const line = `authentic = { path = ${JSON.stringify(path.relative(folder, ours).split(path.sep).join("/"))} }`;
    const crate = local.find(({ name }) => name === CRATES[0]);
    if (crate === undefined) {
        throw new AuthenticError("AE-BUILD-CRATE", `module "${module}" does not depend on the crate authentic of this package`, `write \`${line}\` below [dependencies] of its Cargo.toml`);
    }
    if (!await sameFolder(folderOf(crate), ours)) {
        throw new AuthenticError("AE-BUILD-CRATE", `module "${module}" depends on the crate authentic in ${folderOf(crate)}, but is built with another version of pulumi-authentic`, `write \`${line}\` below [dependencies] of its Cargo.toml`);
    }
};

/**
 * Forgets that packages on this machine were compiled: cargo goes by the age of their files, which says nothing about what
 * is in them.
 */
const forget = async (targetFolder: string, triple: string, names: readonly string[]): Promise<void> => {
    for (const below of [path.join(targetFolder, "release"), path.join(targetFolder, triple, "release")]) {
        const folder = path.join(below, ".fingerprint");
        const entries = await readdir(folder).catch(() => []);
        await Promise.all(entries.filter((entry) => names.includes(entry.replace(/-[0-9a-f]+$/, ""))).map((entry) => rm(path.join(folder, entry), { recursive: true })));
    }
};

/**
 * @param folder - absolute, with a Cargo.toml
 * @param scratch - for what is made
 * @throws AuthenticError `AE-BUILD-COMPILE`, `-LOCK`, `-CRATE`, `-SOURCE`
 */
export async function compilePackage(module: string, folder: string, toolchain: Toolchain, target: RustTarget, scratch: string): Promise<Compiled> {
    const { packages, workspace_root: root } = await metadataOf(module, folder, toolchain, target);
    const local = packages.filter(({ source }) => source === null);
    const own = local.find((one) => folderOf(one) === folder);
    if (own === undefined) {
        throw new AuthenticError("AE-BUILD-SOURCE", `module "${module}": ${folder} is a workspace without a package of its own`, "name the folder of one of its packages in `source`");
    }
    await requireCrate(module, folder, local);
    const renamed: Renamed[] = packages.map((one) => ({ from: folderOf(one), to: `/${one.name}-${one.version}` }));
    const ours = (name: string): boolean => (CRATES as readonly string[]).includes(name);
    // One folder for all packages, or each would compile the dependencies of `authentic` anew.
    const key = cacheKey("rust-packages", toolchain.version, await librariesOf(toolchain, target), await realpath(cratesFolder()), await cratesDigest());
    const targetFolder = path.join(cacheFolder(), "rust", key.slice(0, 32));
    const { code, stdout, stderr } = await exclusive(key, async () => {
        await forget(targetFolder, target.triple, local.map(({ name }) => name).filter((name) => !ours(name)));
        const outcome = await runCargo({ command: ["rustc", "--lib", "--crate-type", "staticlib"], folder, targetFolder, scratch, renamed }, toolchain, target);
        // Others build into the same folder.
        const built = parseLines<Message>(outcome.stdout).flatMap(({ target: one, filenames = [] }) => (one?.kind.includes("staticlib") ? filenames : [])).find((file) => file.endsWith(".a"));
        if (built !== undefined) await copyFile(built, path.join(scratch, "libmodule.a"));
        return outcome;
    });
    if (code !== 0) {
        const said = renamed.reduce((text, { from, to }) => text.replaceAll(`${to}/`, `${from}/`), stdout);
        throw rustError(module, root, parseLines<Message>(said).flatMap(({ message }) => (message === undefined ? [] : [message])), stderr);
    }
    const lock = path.join(root, "Cargo.lock");
    const above = [lock, path.join(root, "Cargo.toml")];
    return {
        archive: path.join(scratch, "libmodule.a"),
        included: {
            files: await Promise.all(above.map(async (file) => [file, await digestOf(file)] as const)),
            absent: [],
            folders: await Promise.all(local.map(folderOf).map(async (one) => [one, await folderDigest(one)] as const)),
            lock: cacheKey(await readFile(lock)),
        },
        places: [root, folder, targetFolder, scratch, path.join(os.homedir(), ".cargo")],
    };
}

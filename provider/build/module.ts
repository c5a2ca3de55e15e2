// Compiles a module's C sources and links a module with the kit, or takes the result from the cache.
import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../errors";
import type { BuildRequest } from "../tee/tee";
import { cacheKey, readEntry, shared, writeEntry } from "./cache";
import { folderDigest } from "./folder-digest";
import { compileError, linkError } from "./diagnostics";
import { C_FLAGS, type Kit, inTemporaryFolder, kitObject } from "./kit";
import { execute } from "./process";
import type { Target } from "./target";

/** What the last build of a request read besides its sources; valid while all of it is unchanged. */
export interface Included {
    /** Headers, absolute, with their digests. */
    readonly files: readonly (readonly [file: string, digest: string])[];
    /** Where the compiler would look before it finds those: a file that appears there changes the module. */
    readonly absent: readonly string[];
    /** Folders of which everything counts, absolute, with their digests. */
    readonly folders?: readonly (readonly [folder: string, digest: string])[];
    /** Digest of the Cargo.lock that was built from. */
    readonly lock?: string;
}

/** An image, and what it was made of besides its sources. */
export interface Kept {
    readonly image: Buffer;
    readonly included: Included;
}

/** Paths in full, sources read. */
export interface Request {
    readonly name: string;
    readonly sources: readonly { readonly file: string; readonly content: Buffer }[];
    readonly includes: readonly string[];
    readonly defines: Readonly<Record<string, string>>;
}

const openRequest = async ({ name, sources, includes = [], defines = {} }: BuildRequest): Promise<Request> => {
    if (sources.length === 0) throw new AuthenticError("AE-BUILD-SOURCE", `module "${name}" has no sources`, "name at least one file in `source`");
    const opened = await Promise.all(sources.map(async (source) => {
        const file = path.resolve(source);
        try {
            return { file, content: await readFile(file) };
        } catch (cause) {
            throw new AuthenticError("AE-BUILD-SOURCE", `module "${name}": cannot read its source ${source} (looked for ${file})`,
                "correct the path in `source`; it is relative to the folder of the Pulumi program", { cause });
        }
    }));
    const twice = opened.find(({ file }, index) => opened.findIndex((one) => one.file === file) !== index);
    if (twice !== undefined) throw new AuthenticError("AE-BUILD-SOURCE", `module "${name}" names its source ${twice.file} twice`, "name each source once");
    for (const define of Object.keys(defines)) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(define)) throw new AuthenticError("AE-BUILD-DEFINE", `module "${name}" defines "${define}", which is no C identifier`, "use letters, digits and underscores");
        // The kit is compiled with its own limits: a module that saw others would disagree with it.
        if (define.startsWith("AUTHENTIC_")) throw new AuthenticError("AE-BUILD-DEFINE", `module "${name}" defines ${define}, but names that begin with AUTHENTIC_ belong to the kit`, "choose another name");
    }
    for (const folder of includes) {
        if (!await stat(path.resolve(folder)).then((one) => one.isDirectory(), () => false)) {
            throw new AuthenticError("AE-BUILD-SOURCE", `module "${name}": there is no folder ${folder} to include from`, "correct the path in `includes`");
        }
    }
    return { name, sources: opened, includes: includes.map((folder) => path.resolve(folder)), defines };
};

const exists = (file: string): Promise<boolean> => stat(file).then(() => true, () => false);
/** Digest of a file's content, `absent` where there is none. */
export const digestOf = async (file: string): Promise<string> => readFile(file).then((content) => cacheKey(content), () => "absent");

const unchanged = async ({ files, absent, folders = [] }: Included): Promise<boolean> => {
    const present = await Promise.all(absent.map(exists));
    if (present.some(Boolean)) return false;
    const digests = await Promise.all([...files.map(([file]) => digestOf(file)), ...folders.map(([folder]) => folderDigest(folder))]);
    return digests.every((digest, index) => digest === [...files, ...folders][index]?.[1]);
};

/** The prerequisites in a make rule, which escapes spaces. */
const parseRule = (rule: string): string[] =>
    [...rule.replace(/\\\r?\n/g, " ").replace(/^.*?:\s/, "").matchAll(/(?:\\.|[^\s\\])+/g)].map(([word]) => word.replace(/\\(.)/g, "$1").replace(/\$\$/g, "$"));

/** What a build read besides its sources, from the rules that the compiler wrote. */
export const includedBy = async (request: Request, kit: Kit, rules: readonly string[]): Promise<Included> => {
    const own = new Set(request.sources.map(({ file }) => file));
    const headers = [...new Set(rules.flatMap(parseRule).map((file) => path.resolve(file)))]
        .filter((file) => !own.has(file) && !file.startsWith(kit.folder + path.sep));
    const folders = [...new Set(request.sources.map(({ file }) => path.dirname(file))), ...request.includes];
    const before = headers.flatMap((header) => folders.flatMap((folder, index) =>
        (header.startsWith(folder + path.sep) ? folders.slice(0, index).map((earlier) => path.join(earlier, path.relative(folder, header))) : [])));
    const there = await Promise.all(before.map(exists));
    const absent = before.filter((_, index) => there[index] === false);
    return { files: await Promise.all(headers.map(async (file) => [file, await digestOf(file)] as const)), absent };
};

/**
 * Links a module's objects with the kit.
 *
 * @param objects - files, and flags of the linker
 * @param folder - for the files that this writes
 * @throws AuthenticError `AE-BUILD-LINK`, `-KIT` or `-ZIG`
 */
export const linkModule = async (name: string, objects: readonly string[], kit: Kit, target: Target, folder: string): Promise<Buffer> => {
    const [zig, object] = await Promise.all([kit.zig(), kitObject(kit, target)]);
    const [kitFile, image] = [path.join(folder, "kit.o"), path.join(folder, "image")];
    await writeFile(kitFile, object);
    const { code, stderr } = await execute([...zig, "ld.lld", ...target.linkFlags, "--gc-sections", "--build-id=none", "--hash-style=sysv", "-z", "noexecstack", "-s",
        "-T", path.join(kit.folder, "ports", target.name, "link.ld"), ...objects, kitFile, "-o", image], folder);
    if (code !== 0) throw linkError(name, stderr);
    return readFile(image);
};

const compile = async (request: Request, kit: Kit, target: Target): Promise<Kept> =>
    inTemporaryFolder(async (folder) => {
        const zig = await kit.zig();
        const compiled = await Promise.all(request.sources.map(async ({ file }, index) => {
            const [output, rule] = [path.join(folder, `${index}.o`), path.join(folder, `${index}.d`)];
            const maps = [path.dirname(file), ...request.includes].map((from) => `-ffile-prefix-map=${from}=.`);
            const { code, stderr } = await execute([...zig, "cc", "-target", target.triple, `-mcpu=${target.cpu}`, ...C_FLAGS, ...target.cFlags, ...maps,
                "-I", path.join(kit.folder, "include"), ...request.includes.flatMap((include) => ["-I", include]),
                ...Object.entries(request.defines).map(([name, value]) => `-D${name}=${value}`), "-MD", "-MF", rule, "-c", file, "-o", output], path.dirname(file));
            if (code !== 0) throw compileError(request.name, file, stderr);
            return { output, rule: await readFile(rule, "utf8") };
        }));
        const image = await linkModule(request.name, compiled.map(({ output }) => output), kit, target, folder);
        return { image, included: await includedBy(request, kit, compiled.map(({ rule }) => rule)) };
    });

/**
 * What `make` makes, kept as long as nothing it read has changed.
 *
 * @param base - key of everything it depends on besides what it reports to have read
 */
export async function keep(base: string, make: () => Promise<Kept>): Promise<Buffer> {
    const keyOf = (included: Included): string => cacheKey("image", base, JSON.stringify(included));
    const find = async (): Promise<Buffer | undefined> => {
        const included = await includedIn(base);
        return included !== undefined && await unchanged(included) ? readEntry(keyOf(included)) : undefined;
    };
    return shared(base, find, async () => {
        const made = await make();
        await writeEntry(keyOf(made.included), made.image);
        await writeEntry(base, Buffer.from(JSON.stringify(made.included)));
        return made.image;
    });
}

/** What was read for the image that is kept under a key; undefined where there is none. */
export async function includedIn(base: string): Promise<Included | undefined> {
    const entry = await readEntry(base);
    return entry === undefined ? undefined : JSON.parse(entry.toString("utf8")) as Included;
}

/**
 * What `compile` makes of a request, kept as long as nothing it read has changed.
 *
 * @param parts - what the result depends on besides the request
 */
export async function keepCompiled(buildRequest: BuildRequest, parts: readonly (string | Uint8Array)[], compileRequest: (request: Request) => Promise<Kept>): Promise<Buffer> {
    const request = await openRequest(buildRequest);
    const base = cacheKey("module", ...parts, JSON.stringify(request.includes), JSON.stringify(Object.entries(request.defines)), ...request.sources.flatMap(({ file, content }) => [file, content]));
    return keep(base, () => compileRequest(request));
}

/**
 * Builds a module in C for a target.
 *
 * @returns the linked image, its configuration block all zero
 * @throws AuthenticError `AE-BUILD-SOURCE`, `-DEFINE`, `-COMPILE`, `-LINK`, `-KIT` or `-ZIG`
 */
export const buildC = (buildRequest: BuildRequest, kit: Kit, target: Target): Promise<Buffer> =>
    keepCompiled(buildRequest, [kit.digest, target.name, target.triple, target.cpu, target.optimize ?? "", ...target.cFlags, ...target.linkFlags, ...C_FLAGS], (request) => compile(request, kit, target));

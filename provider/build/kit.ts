// Compiles the kit and its cryptographic library for a target, once for each content of the kit and version of Zig.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { AuthenticError } from "../errors";
import { writing } from "../storage";
import { cacheKey, cached } from "./cache";
import { hashFolder } from "./folder-digest";
import { kitFolder, zigVersion } from "./folders";
import { execute } from "./process";
import type { Target } from "./target";
import { ofFiles } from "./traces";
import { type Zig, findZig } from "./zig";

/** The kit as modules are built with it. */
export interface Kit {
    readonly folder: string;
    readonly version: string;
    readonly zig: () => Promise<Zig>;
    /** Of the kit's sources and the compiler version, 32 bytes: what a module's status shows. */
    readonly digest: Uint8Array;
}

/** Flags of every C source, the kit's and a module's. Nothing of the machine or its paths gets into an object. */
export const C_FLAGS: readonly string[] = [
    "-std=c11", "-O2", "-g0", "-ffreestanding", "-fPIE", "-fvisibility=hidden", "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables",
    "-ffunction-sections", "-fdata-sections", "-fno-sanitize=all", "-ftrivial-auto-var-init=zero", "-Wall", "-Wextra", "-Werror=date-time",
];

/** The kit in use, looked at anew: tests change it. */
export async function openKit(): Promise<Kit> {
    const folder = kitFolder();
    const version = zigVersion(folder);
    const digest = await ofFiles("kit", folder, async () => (await hashFolder(createHash("sha256").update("aex/v1/kit\0").update(`${version}\0`), folder)).digest());
    let zig: Promise<Zig> | undefined;
    return { folder, version, zig: () => (zig ??= findZig(version)), digest };
}

/** Works in a folder of its own, which is gone afterwards. */
export function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    return writing({ what: "a build", folder: os.tmpdir(), variable: "TMPDIR" }, async () => {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-build-"));
        try {
            return await work(folder);
        } finally {
            await rm(folder, { recursive: true, force: true });
        }
    });
}

const kitError = (what: string, output: string): AuthenticError =>
    new AuthenticError("AE-BUILD-KIT", `the module kit does not compile: ${what}: ${output.trim().split("\n")[0] ?? ""}`, "restore the kit, or correct the one that AUTHENTIC_KIT names");

const run = async (what: string, command: readonly string[], folder: string): Promise<void> => {
    const { code, stderr } = await execute(command, folder);
    if (code !== 0) throw kitError(what, stderr);
};

/** The primitives of Zig's standard library as one object, keyed by its source alone: the rest of the kit changes more often. */
export const cryptoObject = async (kit: Kit, target: Target): Promise<Buffer> => {
    const source = path.join(kit.folder, "crypto", "crypto.zig");
    const { optimize = "ReleaseFast" } = target;
    const key = cacheKey("crypto", kit.version, target.triple, target.cpu, optimize, ...target.zigFlags, await readFile(source));
    return cached(key, () => inTemporaryFolder(async (folder) => {
        const object = path.join(folder, "crypto.o");
        await run("crypto.zig", [...await kit.zig(), "build-obj", source, "-target", target.triple, "-mcpu", target.cpu, "-O", optimize, "-fstrip",
            "-fno-stack-check", "-fno-stack-protector", "-fsingle-threaded", "-ffunction-sections", ...target.zigFlags, `-femit-bin=${object}`], folder);
        return readFile(object);
    }));
};

const sourcesOf = async (folder: string): Promise<string[]> =>
    (await readdir(folder)).filter((file) => /\.[cS]$/.test(file)).sort().map((file) => path.join(folder, file));

/**
 * Everything a module is linked with, as one relocatable object.
 *
 * @throws AuthenticError `AE-BUILD-KIT` where the kit does not compile, `AE-BUILD-ZIG` without a compiler
 */
export async function kitObject(kit: Kit, target: Target): Promise<Buffer> {
    const key = cacheKey("kit", kit.digest, target.name, target.triple, target.cpu, target.optimize ?? "", ...target.cFlags, ...target.zigFlags, ...C_FLAGS);
    return cached(key, async () => {
        const crypto = await cryptoObject(kit, target);
        return inTemporaryFolder(async (folder) => {
            const zig = await kit.zig();
            const sources = (await Promise.all(["core", "crypto", path.join("ports", target.name)].map((one) => sourcesOf(path.join(kit.folder, one))))).flat();
            const digest = [...kit.digest].map((byte) => String(byte)).join(",");
            const objects = sources.map((source) => path.join(folder, `${path.basename(source)}.o`));
            const compile = async (index: number): Promise<void> => {
                const source = sources[index] ?? "";
                // Or a loop that copies would become a call of itself.
                const builtin = path.basename(source) === "memory.c" ? ["-fno-builtin"] : [];
                await run(path.relative(kit.folder, source), [...zig, "cc", "-target", target.triple, `-mcpu=${target.cpu}`, ...C_FLAGS, ...target.cFlags, ...builtin, "-I", path.join(kit.folder, "include"),
                    `-DAUTHENTIC_KIT_DIGEST=${digest}`, `-ffile-prefix-map=${kit.folder}=kit`, "-c", source, "-o", objects[index] ?? ""], folder);
            };
            const queue = sources.map((_, index) => index);
            const worker = async (): Promise<void> => {
                for (let index = queue.shift(); index !== undefined; index = queue.shift()) await compile(index);
            };
            await Promise.all(Array.from({ length: Math.max(2, os.availableParallelism()) }, worker));
            const cryptoFile = path.join(folder, "crypto.o");
            await writeFile(cryptoFile, crypto);
            const linked = path.join(folder, "kit.o");
            await run("linking", [...zig, "ld.lld", "-r", ...objects, cryptoFile, "-o", linked], folder);
            return readFile(linked);
        });
    });
}

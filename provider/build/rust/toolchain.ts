// Finds cargo and rustc as the folder of a module has them: with rustup, a rust-toolchain.toml decides.
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../../errors";
import { type Outcome, execute } from "../process";
import type { RustTarget } from "../target";
import { type Said, remembered } from "./remembered";

/** A Rust toolchain. */
export interface Toolchain {
    readonly cargo: string;
    readonly rustc: string;
    /** Version and commit: `1.95.0 (59807616e 2026-04-14)`. */
    readonly version: string;
    readonly sysroot: string;
}

/** Where programs find their own files, and the way to registries: nothing that gets into a module. */
const PASSED = /^(HOME|USERPROFILE|CARGO_HOME|RUSTUP_HOME|RUSTUP_TOOLCHAIN|SSL_CERT_FILE|SSL_CERT_DIR|(https?|all|no)_proxy|CARGO_(HTTP|NET)_[A-Z_]+)$/i;

/** Variables of the environment for cargo and rustc. */
export const rustEnvironment = (): Record<string, string> =>
    Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value !== undefined && PASSED.test(name) ? [[name, value]] : [])));

const found = new Map<string, Promise<Toolchain | undefined>>();

const ask = async (argument: readonly string[], folder: string): Promise<Outcome> =>
    execute(["rustc", ...argument], folder, rustEnvironment()).catch(() => ({ code: -1, stdout: "", stderr: "" }));

const askBoth = async (folder: string): Promise<Said | undefined> => {
    const [version, root] = await Promise.all([ask(["--version"], folder), ask(["--print", "sysroot"], folder)]);
    const sysroot = root.stdout.trim();
    if (version.code !== 0 || root.code !== 0) {
        if (version.stderr.trim() === "") return undefined;
        throw new AuthenticError("AE-BUILD-RUST", `rustc does not run in ${folder}: ${version.stderr.trim()}`, "correct the toolchain that this folder asks for, or install it");
    }
    return { version: version.stdout.trim().replace(/^rustc /, ""), sysroot };
};

const look = async (folder: string): Promise<Toolchain | undefined> => {
    const said = await remembered(folder, rustEnvironment(), () => askBoth(folder));
    if (said === undefined) return undefined;
    const { version, sysroot } = said;
    // Behind rustup's stand-ins are the programs themselves, which start faster.
    const program = (name: string): string => (existsSync(path.join(sysroot, "bin", name)) ? path.join(sysroot, "bin", name) : name);
    return { cargo: program("cargo"), rustc: program("rustc"), version, sysroot };
};

/**
 * The toolchain for modules in a folder.
 *
 * @throws AuthenticError `AE-BUILD-RUST` where there is none
 */
export async function findRust(module: string, folder: string): Promise<Toolchain> {
    const key = JSON.stringify([folder, process.env["PATH"], rustEnvironment()]);
    let toolchain = found.get(key);
    if (toolchain === undefined) {
        toolchain = look(folder);
        found.set(key, toolchain);
        // Someone may install it in the meantime.
        toolchain.then((one) => one === undefined && found.delete(key), () => found.delete(key));
    }
    const result = await toolchain;
    if (result === undefined) {
        throw new AuthenticError("AE-BUILD-RUST", `module "${module}" is written in Rust, but there is no Rust compiler on PATH`,
            "install Rust as https://rustup.rs says, or write the module in C");
    }
    return result;
}

/**
 * Tells one build of a target's libraries from another: distributions build the same version again, and what was compiled with the
 * former is of no use then. Says nothing on other machines.
 */
export async function librariesOf({ sysroot }: Toolchain, { triple }: RustTarget): Promise<string> {
    const folder = path.join(sysroot, "lib", "rustlib", triple, "lib");
    const files = (await readdir(folder)).filter((name) => name.endsWith(".rlib")).sort();
    return (await Promise.all(files.map(async (name) => stat(path.join(folder, name)).then(({ size, mtimeMs }) => `${name} ${size} ${mtimeMs}`)))).join("\n");
}

/**
 * @throws AuthenticError `AE-BUILD-RUST-TARGET` where the toolchain has no standard library for a target
 */
export function requireTarget(module: string, { sysroot, version }: Toolchain, { triple }: RustTarget): void {
    if (!existsSync(path.join(sysroot, "lib", "rustlib", triple, "lib"))) {
        throw new AuthenticError("AE-BUILD-RUST-TARGET", `module "${module}" is written in Rust, but the Rust toolchain ${version} has no libraries for ${triple}`,
            `run \`rustup target add ${triple}\`, or write the module in C`);
    }
}

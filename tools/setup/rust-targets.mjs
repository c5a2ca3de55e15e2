// Rust's libraries for the processors of other machines and boards, with which tests build the programs of aarch64 machines
// and modules for TrustZone boards, and the emulator that runs the former. Who has both targets from rustup needs no more.
// Elsewhere on Debian its compiler and its sources make them: in the cache, so that Rust on PATH stays the one of the machine.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installOnce } from "./cache.mjs";
import { SetupFailure } from "./failure.mjs";
import { needTool, thisMachine } from "./prerequisites.mjs";
import { findProgram, run, runOrFail } from "./process.mjs";

export const SERVER = "aarch64-unknown-linux-musl";
export const BOARD = "thumbv8m.main-none-eabi";
/** Of the cache's folder; another one where what is in it is made in another way. */
const NAME = "rust-targets-1";
const HOST = "x86_64-unknown-linux-gnu";
const EMULATORS = ["qemu-aarch64-static", "qemu-aarch64"];

/** @typedef {(line: string) => void} Say */
/** @typedef {{ rust: string; emulator: string }} Foreign a sysroot with both targets and `bin/rustc`, and the path of qemu-aarch64 */

/** @param {string} sysroot */
const hasTargets = (sysroot) => existsSync(path.join(sysroot, "bin", "rustc")) && [SERVER, BOARD].every((target) => existsSync(path.join(sysroot, "lib", "rustlib", target, "lib")));

/**
 * @param {string | undefined} searchPath
 * @returns {Promise<Foreign | undefined>} what the machine has itself
 */
async function own(searchPath) {
    const rustc = findProgram("rustc", searchPath);
    const emulator = EMULATORS.map((name) => findProgram(name, searchPath)).find((found) => found !== undefined);
    if (rustc === undefined || emulator === undefined) return undefined;
    const rust = (await run([rustc, "--print", "sysroot"])).output.trim();
    return hasTargets(rust) ? { rust, emulator } : undefined;
}

/**
 * Debian's packages for both architectures, looked up in a folder of our own: the machine's list of architectures stays as it is.
 */
class Packages {
    /** @param {string} folder @param {Say} say */
    constructor(folder, say) {
        this.folder = folder;
        this.say = say;
        const state = { "Dir::State::lists": path.join(folder, "lists"), "Dir::Cache": path.join(folder, "cache"), "APT::Sandbox::User": "root", "Acquire::Languages": "none" };
        this.options = ["-q", ...["amd64", "arm64"].flatMap((name) => ["-o", `APT::Architectures::=${name}`]), ...Object.entries(state).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
        for (const name of ["lists/partial", "cache/archives/partial", "debs"]) mkdirSync(path.join(folder, name), { recursive: true });
    }

    async update() {
        await runOrFail(["apt-get", ...this.options, "update"], { onLine: this.say, nextStep: "check that Debian's mirror in /etc/apt is reachable" });
    }

    /** @param {string} name */
    async has(name) {
        return (await run(["apt-cache", ...this.options, "show", name])).code === 0;
    }

    /**
     * The package that another one depends on, where its name has a version in it.
     *
     * @param {string} name
     * @param {RegExp} pattern
     */
    async dependency(name, pattern) {
        const found = pattern.exec(await runOrFail(["apt-cache", ...this.options, "depends", name]))?.[0];
        if (found === undefined) throw new SetupFailure(`Debian's ${name} depends on nothing like ${pattern.source}`, "install the targets with rustup: see docs/install.md");
        return found;
    }

    /**
     * Downloads packages and unpacks what of them matches.
     *
     * @param {string} to
     * @param {readonly (readonly [name: string, files: string])[]} wanted
     */
    async unpack(to, wanted) {
        mkdirSync(to, { recursive: true });
        const debs = path.join(this.folder, "debs");
        await runOrFail(["apt-get", ...this.options, "download", ...wanted.map(([name]) => name)], { cwd: debs, onLine: this.say });
        for (const [name, files] of wanted) {
            const deb = only(debs, new RegExp(`^${name.replace(/:.*$/, "")}_.*\\.deb$`));
            await runOrFail(["sh", "-c", `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "$3"`, "sh", deb, to, files]);
            rmSync(deb);
        }
    }
}

/**
 * Files and folders below a folder whose path from there matches, absolute.
 *
 * @param {string} folder
 * @param {RegExp} pattern
 * @returns {string[]}
 */
const below = (folder, pattern) => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => pattern.test(file)).map((file) => path.join(folder, file));

/**
 * The one that matches.
 *
 * @param {string} folder
 * @param {RegExp} pattern
 */
function only(folder, pattern) {
    const [found] = below(folder, pattern);
    if (found === undefined) throw new SetupFailure(`${folder} has no ${pattern.source}`, "install the targets with rustup: see docs/install.md");
    return found;
}

/** This version of Debian has no Rust that is new enough. */
class Lacking extends Error {}

/** Runs the compiler that lies beside it, with the libraries of this folder. */
const RUSTC = `#!/bin/sh
top=$(cd "\${0%/*}/.." && pwd)
LD_LIBRARY_PATH=$top/lib exec "$top/libexec/rustc" --sysroot "$top" "$@"
`;
/** What libunwind of LLVM consists of on Linux; Zig has its sources. */
const UNWIND = ["libunwind.cpp", "UnwindLevel1.c", "UnwindLevel1-gcc-ext.c", "gcc_personality_v0.c", "UnwindRegistersRestore.S", "UnwindRegistersSave.S"];
const UNWIND_FLAGS = ["-target", "aarch64-linux-musl", "-O2", "-g0", "-fPIC", "-fno-sanitize=all", "-funwind-tables", "-fno-exceptions", "-fno-rtti", "-nostdinc++", "-D_LIBUNWIND_IS_NATIVE_ONLY", "-DNDEBUG"];

/**
 * What rustup's target has beside Rust's libraries, so that it links without a C compiler: musl, libunwind and start files.
 *
 * @param {{ zig: string; unpacked: string; to: string; scratch: string }} options
 */
async function placeC({ zig, unpacked, to, scratch }) {
    mkdirSync(to, { recursive: true });
    mkdirSync(scratch, { recursive: true });
    for (const file of below(path.join(unpacked, "usr/lib/aarch64-linux-musl"), /crt.*\.o$|^libc\.a$/)) copyFileSync(file, path.join(to, path.basename(file)));
    const unwind = path.join(path.dirname(realpathSync(zig)), "lib", "libunwind");
    const objects = [];
    for (const file of UNWIND) {
        const object = path.join(scratch, `${file}.o`);
        await runOrFail([zig, "cc", ...UNWIND_FLAGS, "-I", path.join(unwind, "include"), "-c", path.join(unwind, "src", file), "-o", object]);
        objects.push(object);
    }
    await runOrFail([zig, "ar", "rcs", path.join(to, "libunwind.a"), ...objects]);
    // With them GCC registers tables of frames, which LLVM's libunwind finds by itself.
    const [nothing, object] = [path.join(scratch, "nothing.c"), path.join(scratch, "nothing.o")];
    writeFileSync(nothing, "");
    await runOrFail([zig, "cc", "-target", "aarch64-linux-musl", "-g0", "-c", nothing, "-o", object]);
    for (const name of ["crtbegin", "crtbeginS", "crtend", "crtendS"]) copyFileSync(object, path.join(to, `${name}.o`));
}

/**
 * Builds Rust's libraries for a target from their sources.
 *
 * @param {{ cargo: string; sysroot: string; sources: string; scratch: string; target: string; crate: string; features: string; flags: readonly string[]; say: Say }} options
 */
async function buildLibraries({ cargo, sysroot, sources, scratch, target, crate, features, flags, say }) {
    const vendored = ["--config", "source.crates-io.replace-with='vendored'", "--config", `source.vendored.directory='${path.join(sources, "vendor")}'`];
    await runOrFail([cargo, "build", "-Zavoid-dev-deps", "--release", "--offline", ...vendored, "--manifest-path", path.join(sources, crate, "Cargo.toml"), "--features", features, "--target", target], {
        cwd: sources,
        env: {
            RUSTC: path.join(sysroot, "bin", "rustc"), CARGO_TARGET_DIR: scratch, CARGO_BUILD_TARGET: "", RUSTC_WRAPPER: "",
            // As Rust itself is built. Paths of this machine would get into modules.
            RUSTC_BOOTSTRAP: "1", CARGO_ENCODED_RUSTFLAGS: [...flags, "-Cembed-bitcode=yes", "-Zforce-unstable-if-unmarked", `--remap-path-prefix=${sources}=/rustc/library`].join("\x1f"),
        },
        onLine: say,
    });
    const to = path.join(sysroot, "lib", "rustlib", target, "lib");
    mkdirSync(to, { recursive: true });
    for (const file of below(path.join(scratch, target, "release", "deps"), /\.rlib$/)) renameSync(file, path.join(to, path.basename(file)));
}

/**
 * @param {{ partial: string; cargo: string; zig: string; say: Say }} options
 * @returns {Promise<void>}
 */
async function make({ partial, cargo, zig, say }) {
    const scratch = path.join(partial, "scratch");
    const unpacked = path.join(scratch, "root");
    const packages = new Packages(path.join(scratch, "apt"), say);
    await packages.update();
    if (!(await packages.has("rust-web-src"))) throw new Lacking();
    const libraries = await packages.dependency("libstd-rust-web-dev", /libstd-rust-web-[\d.]+/);
    say("unpacking Debian's Rust (240 MB)");
    await packages.unpack(unpacked, [
        ["rustc-web", "./usr/bin/rustc"], [libraries, "./usr/lib/*"], [await packages.dependency(libraries, /libllvm\d+/), "*/libLLVM*"], ["libstd-rust-web-dev", "./usr/lib/rustlib/*"],
        ["rust-web-src", "./usr/src/rustc-*/library/*"], ["musl-dev:arm64", "./usr/lib/*"], ["qemu-user-static", "*/qemu-aarch64-static"],
    ]);
    const sysroot = path.join(partial, "rust");
    for (const name of ["bin", "libexec", "lib/rustlib"]) mkdirSync(path.join(sysroot, name), { recursive: true });
    writeFileSync(path.join(sysroot, "bin", "rustc"), RUSTC);
    chmodSync(path.join(sysroot, "bin", "rustc"), 0o755);
    renameSync(path.join(unpacked, "usr/bin/rustc"), path.join(sysroot, "libexec", "rustc"));
    for (const file of below(path.join(unpacked, "usr/lib"), /\/lib(rustc_driver|LLVM)[^/]*$/)) renameSync(file, path.join(sysroot, "lib", path.basename(file)));
    renameSync(path.join(unpacked, "usr/lib/rustlib", HOST), path.join(sysroot, "lib/rustlib", HOST));
    renameSync(path.join(unpacked, "usr/bin/qemu-aarch64-static"), path.join(partial, "qemu-aarch64-static"));
    await needCompiler(path.join(sysroot, "bin", "rustc"), say);
    // rustup's Rust has LLD as rust-lld beside its libraries.
    const linkers = path.join(sysroot, "lib/rustlib", HOST, "bin");
    mkdirSync(linkers, { recursive: true });
    writeFileSync(path.join(linkers, "rust-lld"), `#!/bin/sh\n[ "$1" != -flavor ] || shift 2\nexec '${zig}' ld.lld "$@"\n`);
    chmodSync(path.join(linkers, "rust-lld"), 0o755);

    const sources = only(path.join(unpacked, "usr/src"), /^rustc-[^/]*\/library$/);
    const common = { cargo, sysroot, sources, scratch: path.join(scratch, "build"), say };
    await placeC({ zig, unpacked, to: path.join(sysroot, "lib/rustlib", SERVER, "lib", "self-contained"), scratch: path.join(scratch, "unwind") });
    await buildLibraries({ ...common, target: BOARD, crate: "alloc", features: "compiler-builtins-mem", flags: [] });
    await buildLibraries({ ...common, target: SERVER, crate: "std", features: "panic-unwind backtrace", flags: ["-Cforce-unwind-tables=yes"] });
    rmSync(scratch, { recursive: true });
}

/**
 * Installs what the compiler is linked with, where it lacks something.
 *
 * @param {string} rustc
 * @param {Say} say
 */
async function needCompiler(rustc, say) {
    const { code, tail } = await run([rustc, "-vV"]);
    if (code === 0) return;
    const { root, install } = thisMachine();
    const packages = ["libllvm22"];
    if (!root) throw new SetupFailure(`Debian's Rust compiler does not start: ${tail}`, `sudo apt-get install -y ${packages.join(" ")}`);
    await install(packages, say);
    await runOrFail([rustc, "-vV"]);
}

/**
 * What there is without making anything.
 *
 * @param {string} cache
 * @param {string} [searchPath] PATH by default
 * @returns {Promise<Foreign | undefined>}
 */
export async function presentRustTargets(cache, searchPath) {
    const [rust, emulator] = [path.join(cache, NAME, "rust"), path.join(cache, NAME, "qemu-aarch64-static")];
    return hasTargets(rust) && existsSync(emulator) ? { rust, emulator } : own(searchPath);
}

/**
 * Makes the targets ready, or finds them.
 *
 * @param {{ cache: string; zig: string; say: Say }} options
 * @returns {Promise<Foreign | undefined>} undefined where neither rustup nor Debian has them
 */
export async function ensureRustTargets({ cache, zig, say }) {
    const present = await presentRustTargets(cache);
    if (present !== undefined) return present;
    const lacking = `skipped: \`rustup target add ${SERVER} ${BOARD}\` and qemu-aarch64 on PATH give the tests that need them`;
    if (!thisMachine().debian || process.arch !== "x64") {
        say(lacking);
        return undefined;
    }
    const cargo = await needTool("cargo", "Rust's libraries are built with it", say);
    try {
        await installOnce(cache, NAME, (partial) => make({ partial, cargo, zig, say }), () => say("another set-up is building them"));
    } catch (error) {
        if (!(error instanceof Lacking)) throw error;
        say(lacking);
        return undefined;
    }
    return presentRustTargets(cache);
}

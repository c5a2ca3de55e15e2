// Zig at the pinned version: it compiles and links the modules, and is part of every measurement.
// In order: AUTHENTIC_ZIG, `zig` on PATH at exactly that version, PyPI's ziglang in a private venv.
// provider/build looks in the same places when a program runs.
import { existsSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { installOnce } from "./cache.mjs";
import { SetupFailure } from "./failure.mjs";
import { needTool } from "./prerequisites.mjs";
import { findProgram, run, runOrFail } from "./process.mjs";

/** Names the wheels by hash for each platform, so that nothing else is installed. */
const REQUIREMENTS = new URL("zig-requirements.txt", import.meta.url);

/** @param {string} root the package's folder */
export function pinnedZig(root) {
    return readFileSync(path.join(root, "runtime", "kit", "zig-version"), "utf8").trim();
}

/** @param {string} zig path of an executable */
async function versionOf(zig) {
    const { code, output } = await run([zig, "version"]);
    return code === 0 ? output.trim() : undefined;
}

/**
 * A Zig that needs no installing.
 *
 * @param {string} version
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>} its path
 * @throws {SetupFailure} where AUTHENTIC_ZIG is set to something else than Zig at that version
 */
export async function presentZig(version, env = process.env) {
    const chosen = env["AUTHENTIC_ZIG"];
    if (chosen) {
        const found = await versionOf(chosen);
        if (found === version) return path.resolve(chosen);
        throw new SetupFailure(
            `AUTHENTIC_ZIG names ${chosen}, ${found === undefined ? "which is not Zig" : `which is Zig ${found}`}; version ${version} is needed`,
            `unset AUTHENTIC_ZIG, or set it to Zig ${version}`,
        );
    }
    const onPath = findProgram("zig", env["PATH"]);
    return onPath !== undefined && (await versionOf(onPath)) === version ? onPath : undefined;
}

/**
 * Makes Zig ready.
 *
 * @param {{ root: string; cache: string; say: (line: string) => void; env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} path of the executable
 */
export async function ensureZig({ root, cache, say, env = process.env }) {
    const version = pinnedZig(root);
    const present = await presentZig(version, env);
    if (present !== undefined) return present;
    const folder = await installOnce(
        cache,
        `zig-${version}`,
        async (partial) => {
            const python = await needTool("python3", "Zig comes from PyPI", say, undefined, async () => {
                const found = findProgram("python3");
                // Debian splits venv off into a package of its own.
                return found !== undefined && (await run([found, "-c", "import venv, ensurepip"])).code === 0 ? found : undefined;
            });
            say(`installing ziglang ${version} from PyPI (100 MB)`);
            await runOrFail([python, "-m", "venv", partial], { onLine: say });
            const pip = [path.join(partial, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"];
            await runOrFail([...pip, "--only-binary", ":all:", "--require-hashes", "-r", REQUIREMENTS.pathname], {
                onLine: say,
                nextStep: `check that PyPI is reachable, or put Zig ${version} on PATH`,
            });
            const library = path.join("lib", readdirSync(path.join(partial, "lib")).find((name) => name.startsWith("python3")) ?? "");
            const binary = path.join(library, "site-packages", "ziglang", "zig");
            const found = await versionOf(path.join(partial, binary));
            if (found !== version) {
                throw new SetupFailure(
                    `zig-requirements.txt installed Zig ${found ?? "that does not run"}, but runtime/kit/zig-version says ${version}`,
                    "make the two files name the same version",
                );
            }
            // Relative, so that it holds after the folder is renamed; it saves Python's start at each call.
            symlinkSync(path.join("..", binary), path.join(partial, "bin", "zig"));
        },
        () => say("another set-up is installing it"),
    );
    const zig = path.join(folder, "bin", "zig");
    if (!existsSync(zig)) throw new SetupFailure(`${folder} is damaged`, `rm -r ${folder}`);
    return zig;
}

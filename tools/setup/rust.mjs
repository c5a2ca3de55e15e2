// Builds the Rust programs that run on nodes: agent, module host, board emulators.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { SetupFailure } from "./failure.mjs";
import { needTool } from "./prerequisites.mjs";
import { runOrFail } from "./process.mjs";
import { findVersion, isAtLeast } from "./version.mjs";

/**
 * "Finished" is all that cargo says when there is nothing to do.
 *
 * @param {(line: string) => void} say
 * @returns {(line: string) => void}
 */
const onlyProgress = (say) => (line) => {
    if (/^\s*(Compiling|Downloading|Blocking|Updating)\b/.test(line)) say(line);
};

/**
 * Builds the workspace in runtime/. Cargo itself finds out whether there is anything to do.
 *
 * @param {{ root: string; say: (line: string) => void }} options
 * @returns {Promise<boolean>} false where the tree has no Rust workspace
 */
export async function ensureRust({ root, say }) {
    const folder = path.join(root, "runtime");
    if (!existsSync(path.join(folder, "Cargo.toml"))) return false;
    const cargo = await needTool("cargo", "the programs that run on nodes are written in Rust", say);
    await needTool("cc", "Rust links with it", say);
    const required = findVersion(/^rust-version\s*=\s*"([^"]+)"/m.exec(readFileSync(path.join(folder, "Cargo.toml"), "utf8"))?.[1] ?? "");
    if (required !== undefined) {
        const found = findVersion(await runOrFail([cargo, "--version"], { cwd: folder })) ?? "0.0";
        if (!isAtLeast(found, required)) {
            throw new SetupFailure(`cargo is ${found}, but runtime/Cargo.toml asks for ${required} or newer`, "rustup update stable");
        }
    }
    await runOrFail([cargo, "build", "--release", "--locked", "--workspace"], {
        cwd: folder,
        onLine: onlyProgress(say),
        nextStep: "mend the errors above",
    });
    return true;
}

/**
 * Builds the programs of nodes on aarch64 machines, as the alias in runtime/.cargo/config.toml says.
 *
 * @param {{ root: string; foreign: import("./rust-targets.mjs").Foreign; say: (line: string) => void }} options
 */
export async function ensureForeignPrograms({ root, foreign, say }) {
    const cargo = await needTool("cargo", "the programs that run on nodes are written in Rust", say);
    await runOrFail([cargo, "aarch64"], { cwd: path.join(root, "runtime"), env: { RUSTC: path.join(foreign.rust, "bin", "rustc") }, onLine: onlyProgress(say), nextStep: "mend the errors above" });
}

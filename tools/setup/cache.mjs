// The per-user cache outside the work tree: tools keyed by version, each put in place in one step.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { withLock } from "./lock.mjs";

/**
 * The folder of the cache: `AUTHENTIC_CACHE`, else `pulumi-authentic` in the XDG cache folder.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export function cacheFolder(env = process.env) {
    if (env["AUTHENTIC_CACHE"]) return path.resolve(env["AUTHENTIC_CACHE"]);
    // The XDG specification has relative paths ignored.
    const xdg = env["XDG_CACHE_HOME"];
    return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), ".cache"), "pulumi-authentic");
}

/**
 * Makes sure that `<cache>/<name>` exists, building it at most once however many set-ups run.
 * The folder appears by a rename: it is absent or complete, never half made.
 *
 * @param {string} cache
 * @param {string} name folder name with the version in it
 * @param {(partial: string) => Promise<void>} build fills an empty folder; throws to leave nothing behind
 * @param {() => void} [onWait] called if another set-up is building
 * @returns {Promise<string>} path of the folder
 */
export async function installOnce(cache, name, build, onWait) {
    const target = path.join(cache, name);
    if (existsSync(target)) return target;
    return withLock(
        path.join(cache, "locks", name),
        async () => {
            if (existsSync(target)) return target;
            // Under the lock, so these were left by set-ups that were killed.
            for (const left of readdirSync(cache)) {
                if (left.startsWith(`.partial-${name}-`)) rmSync(path.join(cache, left), { recursive: true, force: true });
            }
            const partial = path.join(cache, `.partial-${name}-${process.pid}`);
            mkdirSync(partial, { recursive: true });
            try {
                await build(partial);
                renameSync(partial, target);
            } catch (error) {
                rmSync(partial, { recursive: true, force: true });
                throw error;
            }
            return target;
        },
        onWait,
    );
}

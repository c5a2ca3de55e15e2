// The npm packages of package-lock.json.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { runOrFail } from "./process.mjs";
import { hashFiles, isStamped, writeStamp } from "./stamp.mjs";

/** @typedef {{ version?: string; integrity?: string; link?: boolean; optional?: boolean; devOptional?: boolean }} Locked */

/**
 * Whether what npm says it has installed is what the lock file asks for. Packages for other platforms
 * are in the lock file only.
 *
 * @param {Record<string, Locked>} locked `packages` of package-lock.json
 * @param {Record<string, Locked>} installed `packages` of node_modules/.package-lock.json
 */
export function isInstalled(locked, installed) {
    const wanted = Object.entries(locked).filter(([location]) => location !== "");
    return (
        wanted.every(([location, entry]) => {
            const found = installed[location];
            if (found === undefined) return entry.optional === true || entry.devOptional === true;
            return found.version === entry.version && found.integrity === entry.integrity && found.link === entry.link;
        }) && Object.keys(installed).every((location) => locked[location] !== undefined)
    );
}

/** @param {string} file */
function packagesOf(file) {
    try {
        return /** @type {Record<string, Locked>} */ (JSON.parse(readFileSync(file, "utf8")).packages);
    } catch {
        return undefined;
    }
}

/**
 * Runs `npm ci` unless node_modules is what the lock file asks for.
 *
 * @param {{ root: string; say: (line: string) => void }} options
 */
export async function ensureNodeModules({ root, say }) {
    const modules = path.join(root, "node_modules");
    const stamp = path.join(modules, ".authentic-stamp");
    const value = hashFiles(root, ["package.json", "package-lock.json"], [process.versions.modules, process.platform, process.arch]);
    if (isStamped(stamp, value)) return;
    const locked = packagesOf(path.join(root, "package-lock.json")) ?? {};
    const installed = packagesOf(path.join(modules, ".package-lock.json"));
    // The stamp is ours alone: someone may have run `npm ci` or `npm install` by hand.
    if (installed === undefined || !existsSync(modules) || !isInstalled(locked, installed)) {
        say("npm ci");
        // No install scripts: nothing here needs them, and the packages then behave alike under every npm.
        await runOrFail(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
            cwd: root,
            onLine: say,
            nextStep: "check that the npm registry is reachable, then run the command again",
        });
    }
    writeStamp(stamp, value);
}

// Compiles the TypeScript sources into dist/, and removes what no source stands behind any more.
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { runOrFail } from "./process.mjs";
import { hashFiles, isStamped, listFiles, writeStamp } from "./stamp.mjs";

const SOURCES = ["provider", "resources", "test", "bench", "tools", "examples"];
const OUTPUT = /\.(d\.ts|d\.mts|js|mjs|js\.map|mjs\.map)$/;

/** @param {string} file */
const isSource = (file) => /\.(ts|mjs|cjs|json)$/.test(file);

/**
 * Outputs whose source is gone; left in place, a deleted test would go on running.
 *
 * @param {string} root
 * @returns {string[]} paths relative to `root`
 */
export function staleOutputs(root) {
    const dist = path.join(root, "dist");
    return listFiles(dist, SOURCES, (file) => OUTPUT.test(file))
        .filter((file) => {
            const base = file.replace(OUTPUT, "");
            return ![".ts", ".mjs", ".js", ".cjs", ".d.ts"].some((extension) => existsSync(path.join(root, base + extension)));
        })
        .map((file) => path.join("dist", file));
}

/** @param {{ root: string; say: (line: string) => void }} options */
export async function ensureTypeScript({ root, say }) {
    const stamp = path.join(root, "dist", ".stamp");
    const value = hashFiles(root, [...listFiles(root, SOURCES, isSource), "tsconfig.json", "package.json", "package-lock.json"]);
    if (isStamped(stamp, value)) return;
    say("tsc");
    rmSync(stamp, { force: true });
    await runOrFail([process.execPath, path.join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json", "--pretty", "false"], {
        cwd: root,
        onLine: say,
        nextStep: "mend the errors above",
    });
    for (const file of staleOutputs(root)) rmSync(path.join(root, file), { force: true });
    writeStamp(stamp, value);
}

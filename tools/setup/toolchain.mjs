// Records where set-up found or put the tools, for everything that runs after it. toolchain.ts reads it.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * @param {string} root the package's folder
 * @param {{ cache: string; zig: string; pulumi: string; foreign?: import("./rust-targets.mjs").Foreign | undefined }} tools
 */
export function recordToolchain(root, { cache, zig, pulumi, foreign }) {
    const folder = path.join(root, ".authentic");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = path.join(folder, "toolchain.json");
    const partial = `${file}.${process.pid}`;
    writeFileSync(partial, `${JSON.stringify({ cache, zig: [zig], pulumi, path: path.dirname(pulumi), foreign }, null, 4)}\n`);
    renameSync(partial, file);
}

// What a folder holds, as one digest: names and contents, whatever the folder is called and however old its files are.
import { type Hash, createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** Results of builds, histories and packages, which are no sources. */
const OTHERS: readonly string[] = ["target", ".git", "node_modules"];

/** The files below a folder, relative, sorted, with `/` between names. */
export function relativeFiles(folder: string, below = ""): string[] {
    const found: string[] = [];
    for (const entry of readdirSync(path.join(folder, below), { withFileTypes: true })) {
        const name = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isFile()) found.push(name);
        if (entry.isDirectory() && !OTHERS.includes(entry.name)) found.push(...relativeFiles(folder, name));
    }
    return found.sort();
}

/** Hashes names and contents of all files below a folder. */
export async function hashFolder(hash: Hash, folder: string): Promise<Hash> {
    for (const file of relativeFiles(folder)) {
        const content = await readFile(path.join(folder, file));
        hash.update(`${file}\0${content.length}\0`).update(content);
    }
    return hash;
}

/**
 * Digest of a folder; `absent` where there is none.
 *
 * @returns 64 hexadecimal digits
 */
export async function folderDigest(folder: string): Promise<string> {
    try {
        return (await hashFolder(createHash("sha256"), folder)).digest("hex");
    } catch {
        return "absent";
    }
}

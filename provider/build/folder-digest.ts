// What a folder holds, as one digest: names and contents, whatever the folder is called and however old its files are.
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";

/** Results of builds, histories and packages, which are no sources. */
const OTHERS: readonly string[] = ["target", ".git", "node_modules"];

/** The files below a folder, relative, sorted, with `/` between names. */
export async function relativeFiles(folder: string, below = ""): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await readdir(path.join(folder, below), { withFileTypes: true })) {
        const name = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isFile()) found.push(name);
        if (entry.isDirectory() && !OTHERS.includes(entry.name)) found.push(...await relativeFiles(folder, name));
    }
    return found.sort();
}

/**
 * Digest of a folder; `absent` where there is none.
 *
 * @returns 64 hexadecimal digits
 */
export async function folderDigest(folder: string): Promise<string> {
    const hash = createHash("sha256");
    try {
        for (const file of await relativeFiles(folder)) {
            const content = await readFile(path.join(folder, file));
            hash.update(`${file}\0${content.length}\0`).update(content);
        }
    } catch {
        return "absent";
    }
    return hash.digest("hex");
}

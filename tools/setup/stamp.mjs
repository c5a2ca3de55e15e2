// Stamps: a step records the hash of what it was made from, and is skipped while that stays the same.
// The stamp lies inside what the step made, so that deleting the one deletes the other.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const NEVER_SOURCES = new Set(["node_modules", "dist", "target", ".git", ".authentic"]);

/**
 * Files below the given files and folders, sorted by path.
 *
 * @param {string} root paths are relative to it
 * @param {readonly string[]} entries files or folders; absent ones are left out
 * @param {(file: string) => boolean} [accept]
 * @returns {string[]}
 */
export function listFiles(root, entries, accept = () => true) {
    /** @type {string[]} */
    const found = [];
    /** @param {string} entry */
    const visit = (entry) => {
        let children;
        try {
            children = readdirSync(path.join(root, entry), { withFileTypes: true });
        } catch (error) {
            if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOTDIR" && accept(entry)) found.push(entry);
            return;
        }
        for (const child of children) {
            const name = path.join(entry, child.name);
            if (child.isDirectory() && !NEVER_SOURCES.has(child.name)) visit(name);
            else if (child.isFile() && accept(name)) found.push(name);
        }
    };
    entries.forEach(visit);
    return [...new Set(found)].sort();
}

/**
 * SHA-256 over names and contents.
 *
 * @param {string} root
 * @param {readonly string[]} files relative to `root`
 * @param {readonly string[]} [more] anything else the result depends on, such as versions
 * @returns {string} hexadecimal
 */
export function hashFiles(root, files, more = []) {
    const hash = createHash("sha256");
    for (const file of files) {
        const content = readFileSync(path.join(root, file));
        // The length between name and content keeps different lists from hashing the same bytes.
        hash.update(`${file}\0${content.length}\0`).update(content);
    }
    for (const text of more) hash.update(`\0${text.length}\0${text}`);
    return hash.digest("hex");
}

/**
 * @param {string} file path of the stamp
 * @param {string} value
 */
export function isStamped(file, value) {
    try {
        return readFileSync(file, "utf8") === value;
    } catch {
        return false;
    }
}

/**
 * @param {string} file path of the stamp
 * @param {string} value
 */
export function writeStamp(file, value) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, value);
}

// Files named on the command line.

import { readFileSync, statSync } from "node:fs";
import { AuthenticError } from "../errors";

// Revocation lists are the largest documents, some megabytes at most.
const MAX_FILE = 16 << 20;

/**
 * Reads a whole file.
 *
 * @param path - as given
 * @param what - what the file is for, in the error
 * @throws AuthenticError when it cannot be read or is too large
 */
export function readInput(path: string, what: string): Uint8Array {
    try {
        const { size } = statSync(path);
        if (size > MAX_FILE) {
            throw new AuthenticError("AE-CLI-FILE", `the ${what} ${path} has ${size} bytes`, `give a file of at most ${MAX_FILE} bytes`);
        }
        return new Uint8Array(readFileSync(path));
    } catch (error) {
        if (error instanceof AuthenticError) {
            throw error;
        }
        const reason = error instanceof Error ? error.message : String(error);
        throw new AuthenticError("AE-CLI-FILE", `the ${what} ${path} cannot be read (${reason})`, "check the path and its permissions");
    }
}

/**
 * Reads a JSON file.
 *
 * @throws AuthenticError when it cannot be read or is no JSON
 */
export function readJson(path: string, what: string): unknown {
    const text = Buffer.from(readInput(path, what)).toString("utf8");
    try {
        return JSON.parse(text) as unknown;
    } catch (error) {
        throw new AuthenticError("AE-CLI-JSON", `the ${what} ${path} is not JSON (${error instanceof Error ? error.message : String(error)})`, "correct the file");
    }
}

// Folders that people have to provide: what is said where one is full or cannot be written.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "./errors";

const FULL = ["ENOSPC", "EDQUOT"];
const READ_ONLY = ["EROFS", "EACCES", "EPERM"];

/** A folder that something is written to. */
export interface Place {
    /** What is written, as a phrase. */
    readonly what: string;
    readonly folder: string;
    /** Environment variable that names another folder. */
    readonly variable: string;
}

/** There is no space left at a place. */
export function full({ what, folder, variable }: Place, cause?: unknown): AuthenticError {
    return new AuthenticError("AE-STORAGE-FULL", `there is no space left for ${what} in ${folder}`,
        `free space on that file system, or set ${variable} to a folder on another one`, { cause });
}

/**
 * Runs something that writes to a place.
 *
 * @throws AuthenticError `AE-STORAGE-FULL` or `AE-STORAGE-READ-ONLY` where the place is the reason; else what `write` throws
 */
export async function writing<T>(place: Place, write: () => Promise<T>): Promise<T> {
    try {
        return await write();
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? "";
        if (FULL.includes(code)) throw full(place, error);
        // A program that may not be executed, or a source that may not be read, is another matter.
        const { path: file } = error as NodeJS.ErrnoException;
        if (READ_ONLY.includes(code) && file?.startsWith(place.folder) === true) {
            const { what, folder, variable } = place;
            throw new AuthenticError("AE-STORAGE-READ-ONLY", `cannot write ${what} to ${folder} (${code})`,
                `make that folder writable for this user, or set ${variable} to a folder that is`, { cause: error });
        }
        throw error;
    }
}

/**
 * Makes a folder with those above it.
 *
 * @throws the system's error; of a read-only file system as well, for which `mkdir` says that there is no such folder
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
    try {
        await mkdir(folder, { recursive: true, mode });
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path.dirname(folder) === folder) throw error;
        await makeFolder(path.dirname(folder), mode);
        await mkdir(folder, { mode });
    }
}

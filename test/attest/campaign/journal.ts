// What a campaign has done so far: one line a piece, so that it can be interrupted, gone on with, and put together from
// several machines. A journal belongs to one state of the code and the samples.
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Outcome } from "./task";

/** One finished piece. */
export interface Entry {
    readonly task: string;
    readonly piece: number;
    readonly outcome: Outcome;
}

/** A folder of journals of the same code. */
export class Journal {
    private readonly folder: string;

    /**
     * @param folder - holds one folder for each state of the code
     * @param state - from {@link stateOf}
     * @param writer - name of this process's own file, such as `1-of-2`
     */
    constructor(folder: string, state: string, private readonly writer: string) {
        this.folder = join(folder, state);
        mkdirSync(this.folder, { recursive: true });
    }

    /** Entries of all writers. A line that was cut off by an interruption is left out, so that its piece runs again. */
    read(): Entry[] {
        return readdirSync(this.folder).filter((name) => name.endsWith(".jsonl")).flatMap((name) =>
            readFileSync(join(this.folder, name), "utf8").split("\n").flatMap((line): Entry[] => {
                try {
                    return [JSON.parse(line) as Entry];
                } catch {
                    return [];
                }
            }));
    }

    append(entry: Entry): void {
        // The line end comes first, after whatever an interruption may have left.
        appendFileSync(join(this.folder, `${this.writer}.jsonl`), `\n${JSON.stringify(entry)}`);
    }
}

/**
 * Identifies code and samples: SHA-256 over all files below the folders, by name and content, 16 hexadecimal digits.
 *
 * @param folders - compiled code, samples
 */
export function stateOf(folders: readonly string[]): string {
    const hash = createHash("sha256");
    for (const folder of folders) {
        const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !/\.(?:d\.ts|map)$/.test(entry.name));
        for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
            hash.update(`${relative(folder, path)}\0`).update(createHash("sha256").update(readFileSync(path)).digest());
        }
    }
    return hash.digest("hex").slice(0, 16);
}

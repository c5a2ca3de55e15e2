// What tells the content of files from any other without reading them, and what this process has made of files while they stay the
// same: the modules of one program then read the kit once.
import { type BigIntStats, statSync } from "node:fs";
import path from "node:path";
import { relativeFiles } from "./folder-digest";

/** A file that was changed less than this ago could be changed again within the same tick of the clock that its times come from. */
const SETTLED_NS = 2_500_000_000n;

/**
 * The trace of a file. Whoever writes to it can put back its size and its time of modification, but not that of the change of its
 * inode; whoever puts another file in its place gives it another inode.
 */
export const traceOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs, ctimeNs].join(":");

/** Traces of a file, or of all files below a folder, and whether none of them was changed a moment ago. */
function look(place: string): { readonly traces: string; readonly settled: boolean } {
    const before = BigInt(Date.now()) * 1_000_000n - SETTLED_NS;
    const files = statSync(place).isFile() ? [""] : relativeFiles(place);
    const seen = files.map((file) => ({ file, stats: statSync(path.join(place, file), { bigint: true }) }));
    return { traces: seen.map(({ file, stats }) => `${file}\0${traceOf(stats)}`).join("\0"), settled: seen.every(({ stats: { ctimeNs } }) => ctimeNs < before) };
}

interface Made {
    readonly traces: string;
    readonly result: Promise<unknown>;
}
const made = new Map<string, Made>();

/**
 * What `make` makes of a file, or of the files below a folder; what it made before, as long as they are the same.
 *
 * @param what - tells what is made of this place from other things that are
 * @throws what `make` throws, which is not kept
 */
export function ofFiles<T>(what: string, place: string, make: () => Promise<T>): Promise<T> {
    const key = JSON.stringify([what, place]);
    const { traces, settled } = look(place);
    const known = made.get(key);
    if (known?.traces === traces) return known.result as Promise<T>;
    const result = make();
    if (!settled) return result;
    const one = { traces, result };
    made.set(key, one);
    const forget = (): void => {
        if (made.get(key) === one) made.delete(key);
    };
    result.then(() => {
        if (look(place).traces !== traces) forget();
    }).catch(forget);
    return result;
}

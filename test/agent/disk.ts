// A file system with nothing free, for tests that own it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** The file that takes all the space. */
export const fillerOf = (disk: string): string => path.join(disk, "filler");

/** Writes until nothing fits any more. */
export function fillDisk(disk: string): void {
    const file = fs.openSync(fillerOf(disk), "a");
    for (let length = 1 << 20; length >= 1;) {
        try {
            fs.writeSync(file, Buffer.alloc(length, 1));
        } catch (error) {
            assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
            length >>= 1;
        }
    }
    fs.closeSync(file);
    // The oracle: somebody else finds no room either.
    assert.throws(() => execFileSync("dd", ["if=/dev/zero", "bs=1", "count=1", `of=${path.join(disk, "other")}`], { stdio: "pipe" }), /No space left/);
    fs.rmSync(path.join(disk, "other"), { force: true });
}

export const freeDisk = (disk: string): void => fs.rmSync(fillerOf(disk), { force: true });

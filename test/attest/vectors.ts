// Genuine public evidence, outside the repository; tests that need it skip themselves where it is absent.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Context } from "mocha";

/** Where the samples are. */
export const samplesFolder = process.env["AUTHENTIC_VECTORS"] ?? resolve(__dirname, "../../../../shared/vectors");

/** Reads a sample, or skips the running test or hook. */
export function genuine(context: Context, name: string): Buffer {
    const path = join(samplesFolder, name);
    if (!existsSync(path)) {
        context.skip();
    }
    return readFileSync(path);
}

/** The path of a sample, or skips. */
export function genuinePath(context: Context, name: string): string {
    genuine(context, name);
    return join(samplesFolder, name);
}

/** One change of every byte of a document: one bit, which one in turn. The campaign tries all values. */
export function* singleByteChanges(document: Uint8Array): Generator<{ offset: number; changed: Uint8Array }> {
    for (let offset = 0; offset < document.length; offset++) {
        const changed = Uint8Array.from(document);
        changed[offset] = (document[offset] ?? 0) ^ (1 << (offset % 8));
        yield { offset, changed };
    }
}

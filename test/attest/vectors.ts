// Genuine public evidence, outside the repository; tests that need it skip themselves where it is absent.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Context } from "mocha";

const folder = process.env["AUTHENTIC_VECTORS"] ?? resolve(__dirname, "../../../../shared/vectors");

/** Reads a sample, or skips the running test or hook. */
export function genuine(context: Context, name: string): Buffer {
    const path = join(folder, name);
    if (!existsSync(path)) {
        context.skip();
    }
    return readFileSync(path);
}

/** The path of a sample, or skips. */
export function genuinePath(context: Context, name: string): string {
    genuine(context, name);
    return join(folder, name);
}

/** Whether all values of every byte are tried, not one. */
const every = process.env["AUTHENTIC_MUTATIONS"] === "all";

/** Every single-byte change of a document: one value a byte, or all 255 when AUTHENTIC_MUTATIONS is `all`. */
export function* singleByteChanges(document: Uint8Array): Generator<{ offset: number; changed: Uint8Array }> {
    for (let offset = 0; offset < document.length; offset++) {
        const original = document[offset] ?? 0;
        // The one value differs in one bit, which one in turn.
        const values = every ? Array.from({ length: 255 }, (_, index) => original ^ (index + 1)) : [original ^ (1 << (offset % 8))];
        for (const value of values) {
            const changed = Uint8Array.from(document);
            changed[offset] = value;
            yield { offset, changed };
        }
    }
}

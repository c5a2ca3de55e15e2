// A folder of sources for one test, and the error of a build.
import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { AuthenticError } from "../../provider/errors";
import { tees } from "../../provider/tee/registry";
import type { Build, BuildRequest } from "../../provider/tee/tee";

export const native = tees["native"]!;

/** A module in C with a declaration of every kind. */
export const EVERYTHING = `#include <authentic.h>
struct tank { int64_t level; };
AUTHENTIC_INPUT(reading, 8) {}
AUTHENTIC_OUTPUT(alarm, 16)
AUTHENTIC_OUTPUT_BURST(many, 32, 4)
AUTHENTIC_ENTRY(poll, 64) {}
AUTHENTIC_REQUEST(ask, 10, 20)
AUTHENTIC_HANDLER(answer, 30, 40) { return 0; }
AUTHENTIC_STATE(struct tank, tank, 7)
struct tank_6 { int32_t level; };
AUTHENTIC_MIGRATE(tank, 6, struct tank_6) { return true; }
AUTHENTIC_DROP(cache)
AUTHENTIC_CONFIG_INTEGER(limit)
AUTHENTIC_CONFIG_TEXT(label, 12)
AUTHENTIC_DEVICE(valve, AUTHENTIC_WRITTEN)
AUTHENTIC_DEVICE(probe, AUTHENTIC_READ)
AUTHENTIC_DEVICE(both, AUTHENTIC_WRITTEN | AUTHENTIC_READ)
`;

export class Sources {
    readonly folder = mkdtempSync(path.join(os.tmpdir(), "authentic-sources-"));

    /** Writes a file and returns its path. */
    write(name: string, text: string): string {
        const file = path.join(this.folder, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
        return file;
    }

    build(...sources: readonly string[]): Promise<Build> {
        return this.request({ sources: sources.map((name) => path.join(this.folder, name)) });
    }

    request(request: Partial<BuildRequest>): Promise<Build> {
        return native.build({ name: "tested", sources: [], ...request });
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

/** The error that a promise is rejected with, whose code must be this one. */
export async function errorOf(code: string, promise: Promise<unknown>): Promise<AuthenticError> {
    const error = await promise.then(() => undefined, (reason: unknown) => reason);
    assert.ok(error instanceof AuthenticError, `expected ${code}, not ${String(error)}`);
    assert.equal(error.code, code);
    return error;
}

export const SMALL = `#include <authentic.h>
AUTHENTIC_OUTPUT(alarm, 8)
AUTHENTIC_INPUT(reading, 8) { alarm(data, length); }
`;

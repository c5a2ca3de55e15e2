// Loads set-up's modules from the sources: they are plain Node modules and run from there, not from dist/.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../tools/setup/toolchain";

/* eslint-disable @typescript-eslint/no-unsafe-assignment -- the rule takes the attribute of an import type for an assignment */
interface Modules {
    readonly cache: typeof import("../../tools/setup/cache.mjs", { with: { "resolution-mode": "import" } });
    readonly failure: typeof import("../../tools/setup/failure.mjs", { with: { "resolution-mode": "import" } });
    readonly lock: typeof import("../../tools/setup/lock.mjs", { with: { "resolution-mode": "import" } });
    readonly "node-modules": typeof import("../../tools/setup/node-modules.mjs", { with: { "resolution-mode": "import" } });
    readonly prerequisites: typeof import("../../tools/setup/prerequisites.mjs", { with: { "resolution-mode": "import" } });
    readonly process: typeof import("../../tools/setup/process.mjs", { with: { "resolution-mode": "import" } });
    readonly progress: typeof import("../../tools/setup/progress.mjs", { with: { "resolution-mode": "import" } });
    readonly pulumi: typeof import("../../tools/setup/pulumi.mjs", { with: { "resolution-mode": "import" } });
    readonly "pulumi-download": typeof import("../../tools/setup/pulumi-download.mjs", { with: { "resolution-mode": "import" } });
    readonly results: typeof import("../../tools/setup/results.mjs", { with: { "resolution-mode": "import" } });
    readonly "rust-targets": typeof import("../../tools/setup/rust-targets.mjs", { with: { "resolution-mode": "import" } });
    readonly stamp: typeof import("../../tools/setup/stamp.mjs", { with: { "resolution-mode": "import" } });
    readonly tests: typeof import("../../tools/setup/tests.mjs", { with: { "resolution-mode": "import" } });
    readonly typescript: typeof import("../../tools/setup/typescript.mjs", { with: { "resolution-mode": "import" } });
    readonly version: typeof import("../../tools/setup/version.mjs", { with: { "resolution-mode": "import" } });
    readonly zig: typeof import("../../tools/setup/zig.mjs", { with: { "resolution-mode": "import" } });
}
/* eslint-enable @typescript-eslint/no-unsafe-assignment */

/** The URL of one of set-up's modules. */
export function sourceUrl(name: keyof Modules): string {
    return pathToFileURL(path.join(packageRoot(), "tools", "setup", `${name}.mjs`)).href;
}

/** Loads one of set-up's modules. */
export async function source<Name extends keyof Modules>(name: Name): Promise<Modules[Name]> {
    return (await import(sourceUrl(name))) as Modules[Name];
}

/** A temporary folder that goes away after each test of the surrounding suite. */
export function temporaryFolder(): { readonly path: string; executable(name: string, script: string): string } {
    let folder = "";
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-setup-"));
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true, force: true });
    });
    return {
        get path() {
            return folder;
        },
        /** Writes a shell script that stands in for a program. */
        executable(name, script) {
            const file = path.join(folder, name);
            fs.mkdirSync(path.dirname(file), { recursive: true });
            fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
            return file;
        },
    };
}

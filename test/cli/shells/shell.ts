// One real shell that completes a word of `authentic`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { MAIN } from "../deployed";

/**
 * Has a shell complete `authentic mea`.
 *
 * @param script - loads the completion and prints the candidates, one a line
 * @returns false where there is no such shell
 */
export function completes(shell: string, options: readonly string[], script: string): boolean {
    const bin = fs.mkdtempSync(path.join(os.tmpdir(), "completion-"));
    try {
        fs.writeFileSync(path.join(bin, "authentic"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
        const found = spawnSync(shell, [...options, script], { encoding: "utf8", env: { ...process.env, HOME: bin, PATH: `${bin}:${process.env["PATH"] ?? ""}` } });
        if (found.error !== undefined && "code" in found.error && found.error.code === "ENOENT") return false;
        assert.match(found.stdout, /^measure\b/m, found.stderr);
        return true;
    } finally {
        fs.rmSync(bin, { recursive: true });
    }
}

// Runs a compiler or linker in an environment that cannot influence what it produces.
import { spawn } from "node:child_process";
import path from "node:path";
import { full, makeFolder, writing } from "../storage";
import { cachePlace } from "./cache";
import { cacheFolder } from "./folders";

export interface Outcome {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** Longest output kept: a compiler that has more to say has said enough. */
const OUTPUT = 1 << 20;

/**
 * Runs a program to its end. Of the environment it sees only PATH; Zig's caches lie within ours.
 *
 * @param command - program and arguments
 * @param cwd - absolute folder
 * @param more - further variables
 * @throws AuthenticError `AE-STORAGE-FULL` or `AE-STORAGE-READ-ONLY` where a cache cannot be written; the spawn error where the program cannot be started
 */
export async function execute(command: readonly string[], cwd: string, more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const zigCache = path.join(cacheFolder(), "zig");
    const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ZIG_GLOBAL_CACHE_DIR: zigCache, ZIG_LOCAL_CACHE_DIR: zigCache, LC_ALL: "C", ...more };
    await writing(cachePlace(), () => makeFolder(zigCache));
    const outcome = await run(command, cwd, env);
    // Zig says it by the name of its own error, programs by that of the system's.
    if (outcome.code !== 0 && /NoSpaceLeft|No space left on device/.test(outcome.stderr)) throw full(cachePlace());
    return outcome;
}

function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
    return new Promise((resolve, reject) => {
        const [program = "", ...args] = command;
        const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
        const read = (stream: NodeJS.ReadableStream): (() => string) => {
            const chunks: Buffer[] = [];
            let length = 0;
            stream.on("data", (chunk: Buffer) => {
                if (length < OUTPUT) chunks.push(chunk);
                length += chunk.length;
            });
            return () => Buffer.concat(chunks).toString("utf8");
        };
        const [stdout, stderr] = [read(child.stdout), read(child.stderr)];
        child.on("error", reject);
        child.on("close", (code) => resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() }));
    });
}

// A shell into which somebody pastes what a text tells them to.
import { spawn } from "node:child_process";

export interface Run {
    readonly code: number | null;
    /** Standard output and error, as they came. */
    readonly output: string;
}

/** Runs a script in a folder. It stops at the first command that fails. */
export function shell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Run> {
    return new Promise((resolve, reject) => {
        const child = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], { cwd, env: { ...env, CI: "true", NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
        let output = "";
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { output += text; });
        child.once("error", reject);
        child.once("close", (code) => resolve({ code, output }));
    });
}

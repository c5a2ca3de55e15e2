// Runs the Pulumi CLI and collects what it prints.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { toolchain } from "../setup/toolchain";

/** How a run of the CLI ended. */
export interface PulumiRun {
    /** Exit code; null where a signal ended it. */
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

/**
 * Runs `pulumi ARGS` without asking anything.
 *
 * @param args - command and flags
 * @param options - `cwd`: the project; `env`: from `pulumiEnvironment`; `onOutput`: gets the output as it comes; `input`: standard input
 * @returns the outcome, whatever the exit code
 */
export function runPulumi(
    args: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly onOutput?: (text: string) => void; readonly input?: string },
): Promise<PulumiRun> {
    return new Promise((resolve, reject) => {
        const child = spawn(toolchain().pulumi, [...args, "--non-interactive", "--color", "never"], {
            cwd: options.cwd,
            env: options.env,
            stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
        child.stdin?.end(options.input);
        const texts = { stdout: "", stderr: "" };
        for (const name of ["stdout", "stderr"] as const) {
            child[name].setEncoding("utf8").on("data", (text: string) => {
                texts[name] += text;
                options.onOutput?.(text);
            });
        }
        child.once("error", reject);
        child.once("close", (code) => {
            resolve({ code, ...texts });
        });
    });
}

/**
 * Runs `pulumi ARGS`, which must succeed.
 *
 * @returns its standard output
 * @throws Error with everything it printed
 */
export async function pulumi(args: readonly string[], options: Parameters<typeof runPulumi>[1]): Promise<string> {
    const { code, stdout, stderr } = await runPulumi(args, options);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with exit code ${String(code)}\n${stdout}${stderr}`);
    return stdout;
}

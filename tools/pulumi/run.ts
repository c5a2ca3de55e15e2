// Runs a command on the stack of the demonstration, in place of this process: its terminal, its signals, its exit code.
import { spawn } from "node:child_process";
import { demoProject } from "./project";

/** @param command - program and arguments */
export function runOnDemo(command: readonly [program: string, ...args: string[]]): void {
    const [program, ...args] = command;
    const { cwd, env } = demoProject();
    const child = spawn(program, args, { cwd, env, stdio: "inherit" });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    child.once("error", (error) => {
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 1;
    });
    child.once("close", (code) => {
        process.exitCode = code ?? 1;
    });
}

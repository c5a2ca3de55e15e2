// npm run authentic -- ARGS: this package's own command line, on the stack of the demonstration.
import { spawn } from "node:child_process";
import * as path from "node:path";
import { packageRoot } from "../setup/toolchain";
import { demoProject } from "./project";

const { cwd, env } = demoProject();
const child = spawn(process.execPath, [path.join(packageRoot(), "dist", "provider", "cli", "main.js"), ...process.argv.slice(2)], { cwd, env, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
});
child.once("close", (code) => {
    process.exitCode = code ?? 1;
});

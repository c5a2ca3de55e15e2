// npm run pulumi -- ARGS: the Pulumi CLI that set-up found or built, on the state of the demonstration.
import { spawn } from "node:child_process";
import { toolchain } from "../setup/toolchain";
import { demoProject } from "./project";

const { cwd, env } = demoProject();
const child = spawn(toolchain().pulumi, process.argv.slice(2), { cwd, env, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
});
child.once("close", (code) => {
    process.exitCode = code ?? 1;
});

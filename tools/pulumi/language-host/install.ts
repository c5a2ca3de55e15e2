// Installs a program's npm packages for `pulumi install` and `pulumi new`.
import { spawn } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { InstallDependenciesResponse, type InstallDependenciesRequest } from "@pulumi/pulumi/proto/language_pb";
import type { Children } from "./children";
import { runtimeOptions } from "./sdk";

/** Handler of InstallDependencies: runs the package manager and streams its output. */
export function installDependencies(
    call: grpc.ServerWritableStream<InstallDependenciesRequest, InstallDependenciesResponse>,
    children: Children,
): void {
    const fail = (details: string): void => {
        call.emit("error", { code: grpc.status.INTERNAL, details });
    };
    try {
        const { packagemanager } = runtimeOptions(call.request.getInfo());
        const child = spawn(packagemanager, ["install"], {
            cwd: call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory(),
            stdio: ["ignore", "pipe", "pipe"],
        });
        call.on("cancelled", () => child.kill("SIGTERM"));
        child.stdout.on("data", (bytes: Buffer) => call.write(new InstallDependenciesResponse().setStdout(bytes)));
        child.stderr.on("data", (bytes: Buffer) => call.write(new InstallDependenciesResponse().setStderr(bytes)));
        children.ended(child).then(
            ({ code, signal }) => {
                if (code === 0) call.end();
                else fail(`\`${packagemanager} install\` ended with ${signal ?? `exit code ${String(code)}`}`);
            },
            (error: unknown) => {
                fail(`\`${packagemanager} install\` could not be started: ${error instanceof Error ? error.message : String(error)}`);
            },
        );
    } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
    }
}

// Runs plugins written for Node: policy packs (kind "analyzer") and providers (kind "resource"),
// streaming what they print back to the engine, which reads the plugin's port from it.
import { spawn } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { RunPluginResponse, type RunPluginRequest } from "@pulumi/pulumi/proto/language_pb";
import type { Children } from "./children";
import { runtimeOptions, sdkEntryPoint } from "./sdk";

function start(request: RunPluginRequest) {
    const info = request.getInfo();
    const directory = info?.getProgramDirectory() || request.getPwd();
    const analyzer = request.getKind() === "analyzer";
    const options = runtimeOptions(info);
    const args = [
        ...options.nodeargs,
        sdkEntryPoint(directory, analyzer ? "run-policy-pack" : "run-plugin"),
        // A policy pack takes the engine first and the program last; a provider the other way round.
        ...(analyzer ? [...request.getArgsList(), directory] : [directory, ...request.getArgsList()]),
    ];
    const environment = Object.fromEntries(
        request.getEnvList().map((entry) => {
            const equals = entry.indexOf("=");
            return [entry.slice(0, equals), entry.slice(equals + 1)];
        }),
    );
    return spawn(process.execPath, args, {
        // The SDK looks for the policy pack's tsconfig.json in the current folder.
        cwd: analyzer ? directory : request.getPwd() || directory,
        env: { ...process.env, ...environment, PULUMI_NODEJS_TYPESCRIPT: String(options.typescript) },
        stdio: ["ignore", "pipe", "pipe"],
    });
}

/** Handler of RunPlugin: ends with the plugin's exit code, or stops the plugin when the engine cancels. */
export function runPlugin(call: grpc.ServerWritableStream<RunPluginRequest, RunPluginResponse>, children: Children): void {
    const fail = (error: unknown): void => {
        call.emit("error", { code: grpc.status.INTERNAL, details: error instanceof Error ? error.message : String(error) });
    };
    try {
        const child = start(call.request);
        call.on("cancelled", () => child.kill("SIGTERM"));
        child.stdout.on("data", (bytes: Buffer) => call.write(new RunPluginResponse().setStdout(bytes)));
        child.stderr.on("data", (bytes: Buffer) => call.write(new RunPluginResponse().setStderr(bytes)));
        children.ended(child).then(({ code }) => {
            // A plugin stopped by a signal has no exit code of its own.
            call.write(new RunPluginResponse().setExitcode(code ?? 1));
            call.end();
        }, fail);
    } catch (error) {
        fail(error);
    }
}

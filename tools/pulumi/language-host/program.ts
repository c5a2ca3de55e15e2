// Runs a Pulumi program: node with the SDK's cmd/run, configuration in the environment.
import { spawn } from "node:child_process";
import { RunResponse, type RunRequest } from "@pulumi/pulumi/proto/language_pb";
import type { Children } from "./children";
import { runtimeOptions, sdkEntryPoint } from "./sdk";

/** The SDK exits with this code when it has already shown the error to the user. */
const EXITED_AFTER_LOGGING = 32;

/**
 * Arguments for node, in the order of the SDK's cmd/run.
 *
 * @param entryPoint - path of @pulumi/pulumi/cmd/run
 * @param engine - address of the engine, for log messages
 */
export function programArguments(request: RunRequest, entryPoint: string, engine: string | undefined): string[] {
    const info = request.getInfo();
    const flags: readonly (readonly [string, string])[] = [
        ["--organization", request.getOrganization()],
        ["--project", request.getProject()],
        ["--root-directory", info?.getRootDirectory() ?? ""],
        ["--stack", request.getStack()],
        ["--pwd", request.getPwd()],
        ["--monitor", request.getMonitorAddress()],
        ["--engine", engine ?? ""],
        ["--parallel", String(request.getParallel())],
    ];
    return [
        ...runtimeOptions(info).nodeargs,
        entryPoint,
        // `--flag=value`: a value that begins with a dash stays a value.
        ...flags.filter(([, value]) => value !== "").map(([flag, value]) => `${flag}=${value}`),
        ...(request.getDryrun() ? ["--dry-run"] : []),
        info?.getEntryPoint() || request.getProgram() || ".",
        ...request.getArgsList(),
    ];
}

/** The environment of the program: ours, its configuration, and how to treat TypeScript. */
export function programEnvironment(request: RunRequest): NodeJS.ProcessEnv {
    const options = runtimeOptions(request.getInfo());
    return {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toArray())),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        PULUMI_NODEJS_TYPESCRIPT: String(options.typescript),
        ...(options.tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
    };
}

/**
 * Runs the program to its end.
 *
 * @param cancelled - aborts when the engine gives the call up; the program is then stopped
 * @returns `bail` where the program has shown its error itself, `error` for any other failure
 */
export async function runProgram(
    request: RunRequest,
    engine: string | undefined,
    children: Children,
    cancelled: AbortSignal,
): Promise<RunResponse> {
    if (request.getAttachDebugger()) throw new Error("this language host cannot attach a debugger; run without --attach-debugger");
    const directory = request.getInfo()?.getProgramDirectory() || request.getPwd();
    const response = new RunResponse();
    try {
        const child = spawn(process.execPath, programArguments(request, sdkEntryPoint(directory, "run"), engine), {
            cwd: directory,
            env: programEnvironment(request),
            stdio: ["ignore", "inherit", "inherit"],
        });
        const stop = (): void => {
            child.kill("SIGTERM");
        };
        cancelled.addEventListener("abort", stop, { once: true });
        const { code, signal } = await children.ended(child);
        cancelled.removeEventListener("abort", stop);
        if (code === EXITED_AFTER_LOGGING) return response.setBail(true);
        if (code === 0) return response;
        return response.setError(
            signal === null ? `Program exited with non-zero exit code: ${String(code)}` : `Program was stopped by ${signal}`,
        );
    } catch (error) {
        return response.setError(error instanceof Error ? error.message : String(error));
    }
}

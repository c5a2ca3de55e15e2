// The service itself: each call of pulumirpc.LanguageRuntime, forwarded to the file that does it.
// Code generation and packing are left out; the engine is told so (UNIMPLEMENTED).
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import type { Children } from "./children";
import { installDependencies } from "./install";
import { installedPackages, programDependencies, requiredPlugins } from "./packages";
import { runPlugin } from "./plugin";
import { runProgram } from "./program";

const HOST_VERSION = "1.0.0";

/** Turns an async function into a gRPC handler; a thrown error becomes INTERNAL with its message. */
function unary<Request, Response>(
    handle: (request: Request, cancelled: AbortSignal) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
    return (call, callback) => {
        const cancelled = new AbortController();
        call.on("cancelled", () => {
            cancelled.abort();
        });
        Promise.resolve()
            .then(() => handle(call.request, cancelled.signal))
            .then(
                (response) => {
                    callback(null, response);
                },
                (error: unknown) => {
                    callback({ code: grpc.status.INTERNAL, details: error instanceof Error ? error.message : String(error) });
                },
            );
    };
}

/** The folder of the program, from the request's `info`. */
function directory(info: language.ProgramInfo | undefined): string {
    return info?.getProgramDirectory() || process.cwd();
}

/**
 * The handlers of the language host.
 *
 * @param engine - address of the engine's gRPC server, for the program's log messages
 * @param children - list on which every started process is kept
 */
export function languageRuntime(engine: string | undefined, children: Children): ILanguageRuntimeServer {
    let engineAddress = engine;
    const handlers: Partial<ILanguageRuntimeServer> = {
        handshake: unary((request: language.LanguageHandshakeRequest) => {
            engineAddress = request.getEngineAddress() || engineAddress;
            return new language.LanguageHandshakeResponse();
        }),
        getPluginInfo: unary(() => new plugin.PluginInfo().setVersion(HOST_VERSION)),
        getRequiredPlugins: unary((request: language.GetRequiredPluginsRequest) =>
            new language.GetRequiredPluginsResponse().setPluginsList(
                requiredPlugins(directory(request.getInfo())).map(({ name, version, server }) =>
                    new plugin.PluginDependency().setKind("resource").setName(name).setVersion(version).setServer(server),
                ),
            ),
        ),
        getRequiredPackages: unary((request: language.GetRequiredPackagesRequest) =>
            new language.GetRequiredPackagesResponse().setPackagesList(
                requiredPlugins(directory(request.getInfo())).map(({ name, version, server }) =>
                    new plugin.PackageDependency().setKind("resource").setName(name).setVersion(version).setServer(server),
                ),
            ),
        ),
        run: unary((request: language.RunRequest, cancelled) => runProgram(request, engineAddress, children, cancelled)),
        runPlugin: (call) => {
            runPlugin(call, children);
        },
        installDependencies: (call) => {
            installDependencies(call, children);
        },
        about: unary((request: language.AboutRequest) => {
            const response = new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version);
            const sdk = installedPackages(directory(request.getInfo())).find(({ name }) => name === "@pulumi/pulumi");
            if (sdk !== undefined) response.getMetadataMap().set("sdk", sdk.version);
            return response;
        }),
        getProgramDependencies: unary((request: language.GetProgramDependenciesRequest) =>
            new language.GetProgramDependenciesResponse().setDependenciesList(
                programDependencies(directory(request.getInfo()), request.getTransitivedependencies()).map(({ name, version }) =>
                    new language.DependencyInfo().setName(name).setVersion(version),
                ),
            ),
        ),
        runtimeOptionsPrompts: unary(() => new language.RuntimeOptionsResponse()),
        template: unary(() => new language.TemplateResponse()),
        cancel: unary(() => {
            children.kill();
            return new Empty();
        }),
    };
    // grpc-js answers UNIMPLEMENTED for the methods of the service that have no handler.
    return handlers as ILanguageRuntimeServer;
}

// Node language host for the Pulumi CLI: the engine starts it as `pulumi-language-nodejs ENGINE`,
// reads the port it prints, and drives it over gRPC (pulumirpc.LanguageRuntime). Set-up installs it
// only beside a CLI built from its Go modules; Pulumi's own release brings its own.
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import { Children } from "./children";
import { languageRuntime } from "./runtime";

// Program configuration and dependency lists may be larger than gRPC's default of 4 MiB.
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** The engine passes its address as the last argument; flags such as `-v` and `--logtostderr` come before. */
function engineAddress(args: readonly string[]): string | undefined {
    return args.filter((argument) => !argument.startsWith("-")).at(-1);
}

function main(): void {
    const children = new Children();
    const server = new grpc.Server({
        "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
        "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    });
    server.addService(LanguageRuntimeService, languageRuntime(engineAddress(process.argv.slice(2)), children));

    const stop = (code: number) => () => {
        children.kill();
        server.forceShutdown();
        process.exit(code);
    };
    process.on("SIGINT", stop(130));
    process.on("SIGTERM", stop(143));
    // The engine holds our standard input open for as long as it lives, even if it is killed.
    process.stdin.on("end", stop(0)).on("error", stop(0)).resume();

    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error !== null) {
            console.error(`pulumi-language-nodejs cannot listen on loopback: ${error.message}`);
            process.exit(1);
        }
        process.stdout.write(`${String(port)}\n`);
    });
}

main();

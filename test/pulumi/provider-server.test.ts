// The serialized shim in Pulumi's own provider process, without an engine: what is in state reaches the lifecycles.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import * as pulumi from "@pulumi/pulumi";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { packageRoot } from "../../tools/setup/toolchain";
import { Deployment, Node } from "../../resources";

describe("the provider process", function () {
    this.timeout(60_000);
    let child: ChildProcess;
    let client: ResourceProviderClient;
    let errors = "";
    const shims: Record<string, string> = {};

    before(async () => {
        await pulumi.runtime.setMocks({
            call: () => ({}),
            newResource: ({ type, inputs }) => {
                shims[type.split(":").at(-1)!] = (inputs as Record<string, string>)["__provider"]!;
                return { id: "x", state: inputs as object };
            },
        });
        pulumi.runtime.setAllConfig({});
        const deployment = new Deployment("d");
        const node = new Node("n", { deployment, tee: "native" });
        await new Promise((resolve) => node.urn.apply(resolve));

        child = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/dynamic-provider"), "127.0.0.1:0"], {
            cwd: packageRoot(), env: { ...process.env, PULUMI_NODEJS_PROJECT: "p" }, stdio: ["ignore", "pipe", "pipe"],
        });
        child.stderr!.setEncoding("utf8").on("data", (text: string) => {
            errors += text;
        });
        const [port] = await once(child.stdout!, "data") as [Buffer];
        client = new ResourceProviderClient(`127.0.0.1:${port.toString().trim()}`, credentials.createInsecure());
    });
    after(async () => {
        client.close();
        const ended = once(child, "exit");
        child.kill();
        await ended;
    });
    beforeEach(() => {
        errors = "";
    });

    function check(kind: string, inputs: object): Promise<messages.CheckResponse> {
        const request = new messages.CheckRequest();
        request.setOlds(Struct.fromJavaScript({}));
        request.setNews(Struct.fromJavaScript({ ...inputs, __provider: shims[kind]! }));
        return new Promise((resolve, reject) => {
            client.check(request, (error: ServiceError | null, response: messages.CheckResponse) => error === null ? resolve(response) : reject(error));
        });
    }

    function create(kind: string, inputs: object): Promise<messages.CreateResponse> {
        const request = new messages.CreateRequest();
        request.setProperties(Struct.fromJavaScript({ ...inputs, __provider: shims[kind]! }));
        return new Promise((resolve, reject) => {
            client.create(request, (error: ServiceError | null, response: messages.CreateResponse) => error === null ? resolve(response) : reject(error));
        });
    }

    it("keeps a small constant in state, the same for each resource of a kind", () => {
        for (const [kind, text] of Object.entries(shims)) {
            assert.ok(text.length < 4096, `${kind}: ${text.length} bytes`);
            assert.ok(!text.includes("require("), `${kind} has captured a module`);
            assert.ok(text.includes('import("pulumi-authentic/lifecycle")'));
        }
    });

    it("reports all problems of a node with their properties", async () => {
        const response = await check("Node", {
            name: "a b", deploymentId: "00".repeat(16), tee: "nativ", listenAddress: "localhost", port: 1.5, trust: {}, state: "running", problems: [],
        });
        assert.deepEqual(response.getFailuresList().map((failure) => failure.getProperty()).sort(), ["listenAddress", "name", "port", "tee"]);
        assert.deepEqual(Object.keys(response.getInputs()!.toJavaScript()).includes("problems"), false);
    });

    it("creates a deployment, with an id that no engine takes for a number", async () => {
        const response = await create("Deployment", { name: "d" });
        const properties = response.getProperties()!.toJavaScript() as Record<string, string>;
        assert.match(response.getId(), /^d-[0-9a-f]{8}$/);
        assert.match(properties["deploymentId"]!, /^[0-9a-f]{32}$/);
        assert.match(properties["publicKey"]!, /^[0-9a-f]{64}$/);
        assert.equal(properties["__provider"], shims["Deployment"]);
    });

    it("reports an error of a hook without a stack", async () => {
        const request = new messages.ReadRequest();
        request.setId("n-00000000");
        request.setProperties(Struct.fromJavaScript({ name: "n", folder: "relative/and/absent", trust: {}, __provider: shims["Node"]! }));
        const response = await new Promise<messages.ReadResponse | ServiceError>((resolve) => {
            client.read(request, (error: ServiceError | null, found: messages.ReadResponse) => resolve(error ?? found));
        });
        assert.ok(!/\n\s+at /.test(errors), errors);
        assert.ok(response instanceof messages.ReadResponse || !response.details.includes("\n"), "the message has several lines");
    });
});

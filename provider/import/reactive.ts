// The deployment descriptor of reactive-tools, as far as it has a meaning here, and what its other fields were for.

import { z } from "zod";

const type = z.enum(["sgx", "native", "sancus", "trustzone"]);
const name = z.string().min(1, "must not be empty").max(256, "must have at most 256 characters");
/** Names, or the numbers that reactive-tools takes in their place. */
const endpoint = z.union([name, z.int().min(0).max(0xffff)], "must be a name or a number").nullish();

const nodeSchema = z.looseObject({ type, name, vendor_id: z.int().min(1).max(0xffff).nullish(), vendor_key: z.string().nullish() });
const moduleSchema = z.looseObject({
    type, name, node: name, files: z.array(z.string()).nullish(), folder: z.string().nullish(), files_dir: z.string().nullish(), cflags: z.array(z.string()).nullish(), vendor_key: z.string().nullish(),
    deployed: z.boolean().nullish(),
});
const connectionSchema = z.looseObject({
    name: name.nullish(), direct: z.boolean().nullish(), from_module: name.nullish(), from_output: endpoint, from_request: endpoint, to_module: name, to_input: endpoint, to_handler: endpoint,
    encryption: z.string().nullish(),
});
const eventSchema = z.looseObject({ name: name.nullish(), module: name, entry: z.union([name, z.int().min(0).max(0xffff)], "must be a name or a number"), frequency: z.number("must be a number of milliseconds").positive() });

/** What is read. Every other field is looked up in {@link LEFT}. */
export const reactiveSchema = z.looseObject({
    nodes: z.array(nodeSchema).min(1), modules: z.array(moduleSchema), connections: z.array(connectionSchema).nullish(), "periodic-events": z.array(eventSchema).nullish(),
});

export type Reactive = z.infer<typeof reactiveSchema>;
export type ReactiveNode = Reactive["nodes"][number];
export type ReactiveModule = Reactive["modules"][number];
export type ReactiveConnection = NonNullable<Reactive["connections"]>[number];

/** A field without equivalent: why, and what to do instead. */
type Left = readonly [why: string, instead: string];

const RESULT: Left = ["is a result of a deployment by reactive-tools", "nothing: `pulumi up` keeps its own in the stack's state"];
const OLD_KEY: Left = ["is a key of the old deployment, in clear", "nothing: keys are drawn anew and kept nowhere. Take the old one for known, and delete the files that hold it"];
const HOST: Left = ["names the node's machine", "leave it out for this machine; for another one give the node `ssh` with its host and host key (docs/ssh.md)"];
const VENDOR_ID: Left = ["is the vendor's id, which only a Sancus node has", "nothing: modules of this node are not keyed by a vendor"];
const VENDOR_KEY: Left = ["is the vendor's key, which only a Sancus node has", "nothing: modules of this node are not keyed by a vendor. Take the key for known, and delete the files that hold it"];
const SIGNING_KEY: Left = ["is the key that signs an enclave", "nothing: only modules on SGX nodes are signed"];
const NUMBERS: Left = ["gives numbers to names", "nothing: the declarations of the module's source are read when it is built"];

/** Fields that are not carried over, by section; `kind.field` is one of that kind of node or module alone. */
export const LEFT: Readonly<Record<"top" | "nodes" | "modules" | "connections" | "periodic-events", Readonly<Record<string, Left>>>> = {
    top: {
        manager: ["names an attestation manager", "nothing: the deployer attests every module itself, in `up` and `refresh`, under `authentic:trust` of the stack"],
        connections_current_id: RESULT,
        events_current_id: RESULT,
    },
    nodes: {
        host: HOST,
        ip_address: HOST,
        reactive_port: ["is the port for events", "nothing: the agent picks a free one and keeps it; set `port` of the node where a firewall asks for a certain one"],
        deploy_port: ["is the port for new modules", "nothing: they are loaded over the agent's control socket, and nobody else can load any"],
        module_id: ["numbers modules", "nothing: their ids follow from the deployment and their names"],
        aesm_host: ["says where quotes are made", "nothing: the agent asks the quoting service of its own machine (docs/sgx-platform.md)"],
        aesm_port: ["says where quotes are made", "nothing: the agent asks the quoting service of its own machine (docs/sgx-platform.md)"],
        node_key: ["is a symmetric key of a TrustZone node, in clear", "enrol the device with its public attestation key (docs/trustzone.md): its tokens are signed. Take the old key for known"],
        "sgx.vendor_id": VENDOR_ID, "native.vendor_id": VENDOR_ID,
        "sgx.vendor_key": VENDOR_KEY, "native.vendor_key": VENDOR_KEY, "trustzone.vendor_key": VENDOR_KEY,
        "trustzone.vendor_id": ["is the vendor of a TrustZone node", "nothing: the device is known by its attestation key"],
    },
    modules: {
        folder: ["names a crate for another kit", "port its functions to the module's source that was written (docs/import.md)"],
        files_dir: ["names sources for another kit", "port their functions to the module's source that was written (docs/import.md)"],
        files: ["names sources for another kit", "port their functions to the module's source that was written (docs/import.md)"],
        ra_settings: ["configures attestation by Intel's retired EPID service", "say in `authentic:trust.sgx` of the stack what quotes have to show (docs/verify.md)"],
        features: ["chooses features of a crate", "make the module's source a folder with a Cargo.toml and put them into its `default` feature, or use `config` of the module"],
        ldflags: ["are for another linker", "nothing: the builder links"],
        priority: ["orders deployments", "nothing: Pulumi orders by what depends on what"],
        port: ["is the port of one module", "nothing: modules listen nowhere, their agent hands events to them"],
        old_node: RESULT, deployed: RESULT, nonce: RESULT, attested: RESULT, binary: RESULT, id: RESULT, symtab: RESULT, sgxs: RESULT, signature: RESULT, data: RESULT, uuid: RESULT,
        inputs: NUMBERS, outputs: NUMBERS, entrypoints: NUMBERS, requests: NUMBERS, handlers: NUMBERS,
        key: OLD_KEY,
        "native.vendor_key": SIGNING_KEY, "sancus.vendor_key": SIGNING_KEY, "trustzone.vendor_key": SIGNING_KEY,
    },
    connections: { key: OLD_KEY, nonce: RESULT, id: RESULT, established: RESULT },
    "periodic-events": { id: RESULT, established: RESULT },
};

/** Fields that have an equivalent where {@link LEFT} says nothing else, by section: all that is read. */
export const TAKEN: Readonly<Record<keyof typeof LEFT, readonly string[]>> = {
    top: Object.keys(reactiveSchema.shape),
    nodes: Object.keys(nodeSchema.shape),
    modules: Object.keys(moduleSchema.shape),
    connections: Object.keys(connectionSchema.shape),
    "periodic-events": Object.keys(eventSchema.shape),
};

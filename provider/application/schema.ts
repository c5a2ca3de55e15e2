// What a descriptor of an application may say. The published JSON schema, the types and the reader all follow from this.

import { z } from "zod";
import { boardFields } from "../lifecycle/board";
import { nameSchema } from "../lifecycle/schemas";
import { TEE_NAMES } from "../tee/names";
import { anyValue, duration, identifier, moduleValue, port, secret, source, target, text } from "./values";

const path = z.string("must be a text").min(1, "must name a file");

const deploymentFields = {
    vendorKey: secret.optional().describe("The RSA key that signs enclaves, PEM"),
    protect: z.boolean().optional().describe("Whether Pulumi refuses to delete the deployment's keys; default true"),
} as const;

const hopFields = {
    host: text.describe("Name or address"),
    port: port.optional().describe("Default 22"),
    user: text.describe("Account that runs the agent"),
    privateKey: secret.optional().describe("Content of a private key file"),
    passphrase: secret.optional().describe("Of the private key"),
    agent: z.union([z.string().min(1), z.literal(true)], "must be the path of an SSH agent's socket, or true").optional().describe("Instead of a private key: the socket of an SSH agent; true: that of SSH_AUTH_SOCK"),
    hostKey: text.optional().describe("The host's key: a fingerprint, SHA256:…, or its public key; this or knownHosts is needed"),
    knownHosts: text.optional().describe("Content of a known_hosts file"),
    keepAlive: duration.optional().describe("How often the host has to show that it is there; default 15s"),
    timeouts: z.strictObject({ connect: duration.optional(), dial: duration.optional(), command: duration.optional() }).optional()
        .describe("connect: of one attempt, default 10s; dial: until a host counts as unreachable, default 1m; command: of one step on the host, default 2m"),
} as const;

const sshFields = {
    ...hopFields,
    jump: z.strictObject(hopFields).optional().describe("A machine over which the host is reached"),
    deleteUnreachable: z.boolean().optional().describe("Whether deleting what is on a machine that cannot be reached succeeds; default false"),
} as const;

const nodeFields = {
    tee: z.enum(TEE_NAMES).describe("What protects the modules"),
    backend: z.enum(["hardware", "emulated"]).optional().describe("Whether the TEE is the real one (default) or an emulation; not for native nodes"),
    ...boardFields,
    vendorId: boardFields.vendorId.describe("Of a Sancus board: the id under which its modules are keyed"),
    security: boardFields.security.describe("Of a Sancus board: bits of its keys and tags; default 128"),
    freshness: boardFields.freshness.describe("Of a Sancus board: where its nonces come from; default rng"),
    acceptResetReplay: boardFields.acceptResetReplay.describe("Of a Sancus board without a source of nonces: allow it actuators and strict outputs; default false"),
    baud: boardFields.baud.describe("Of a Sancus board: bits a second on its line"),
    nodeKey: secret.optional().describe("Of a Sancus board: its node key, hexadecimal"),
    vendorKey: secret.optional().describe("Of a Sancus board: the vendor's key for it, hexadecimal"),
    device: text.optional().describe("Of a Sancus board that is not emulated: its serial port"),
    ssh: z.strictObject(sshFields).optional().describe("The machine, where it is another one than this"),
    listenAddress: text.optional().describe("Address for events of other nodes; default 127.0.0.1, with ssh its host"),
    port: port.optional().describe("Port for events; default: a free one"),
    collateralUrl: text.optional().describe("Where collateral for the evidence of an SGX machine comes from"),
    platformId: text.optional().describe("The machine that evidence has to come from"),
} as const;

const moduleFields = {
    node: nameSchema.describe("Name of the node it runs on"),
    source: z.union([path, z.array(path).min(1)], "must name a file, or list files").describe("C sources, or one Rust file, or a folder with a Cargo.toml; relative to the Pulumi program"),
    language: z.enum(["c", "rust"]).optional().describe("Language of the sources; default: what they look like"),
    includes: z.array(path).optional().describe("Folders searched by #include; C only"),
    defines: z.record(identifier, z.string()).optional().describe("Preprocessor definitions; C only"),
    config: z.record(identifier, moduleValue).optional().describe("Values of the configuration that the module declares; measured, never secret"),
    devices: z.record(identifier, z.string().min(1)).optional().describe("Device of the module → pin or peripheral of the node"),
    slot: z.int().min(0).max(3).optional().describe("On a board: its place; default: in the order of the descriptor"),
    entryTimeLimit: duration.optional().describe("How long one event may take; default 1s"),
    onStateLoss: z.enum(["fail", "restart"]).optional().describe("What to do where its state cannot be kept; default restart"),
} as const;

const connectionFields = {
    from: source.describe("MODULE.output.NAME, MODULE.request.NAME, or deployer"),
    to: target.describe("MODULE.input.NAME or MODULE.handler.NAME"),
    delivery: z.enum(["strict", "latest"]).optional().describe("strict (default): every event, in order; latest: gaps are allowed"),
    suite: z.enum(["chacha20-poly1305", "aes-128-gcm", "spongewrap-128", "spongewrap-64"]).optional().describe("Cipher suite; default: the best that both ends have"),
    window: z.int().min(1).max(1024).optional().describe("Events under way without acknowledgement; default 64"),
    rotate: anyValue.optional().describe("Any value; changing it draws a new key"),
    rotation: z.enum(["drain", "compromise"]).optional().describe("How a new key takes over; default drain"),
    minAssurance: z.enum(["hardware", "emulated", "none"]).optional().describe("The least that has to vouch for both ends"),
} as const;

const triggerFields = {
    module: nameSchema.describe("Name of the module"),
    entry: identifier.describe("Which of its entries is called"),
    every: duration.describe("The period, 10ms to 1d"),
} as const;

/** A change of some members: `null` removes one (RFC 7396). */
const change = <T extends Readonly<Record<string, z.ZodType>>>(fields: T) =>
    z.strictObject(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, changed(field)])) as { [K in keyof T]: z.ZodOptional<z.ZodNullable<T[K]>> });

function changed(field: z.ZodType): z.ZodType {
    const inner = field instanceof z.ZodOptional ? field.unwrap() as z.ZodType : field;
    const loose = inner instanceof z.ZodRecord ? z.record(inner.keyType as z.ZodType<string>, (inner.valueType as z.ZodType).nullable()) : inner;
    const { description } = field;
    return description === undefined ? loose.nullable().optional() : loose.nullable().optional().describe(description);
}

const named = <T extends z.ZodType>(section: T) => z.record(nameSchema, section);

const environment = z.strictObject({
    deployment: change(deploymentFields).nullable().optional(),
    nodes: named(change(nodeFields).nullable()).optional(),
    modules: named(change(moduleFields).nullable()).optional(),
    connections: named(change(connectionFields).nullable()).nullable().optional(),
    triggers: named(change(triggerFields).nullable()).nullable().optional(),
});

/** A descriptor as it is written. */
export const descriptorSchema = z.strictObject({
    $schema: z.string().optional().describe("For editors"),
    deployment: z.strictObject(deploymentFields).optional().describe("The identity under which everything works together"),
    nodes: named(z.strictObject(nodeFields)).describe("Machines that run modules, by name"),
    modules: named(z.strictObject(moduleFields)).describe("Programs in enclaves, by name"),
    connections: named(z.strictObject(connectionFields)).optional().describe("Channels between modules, by name"),
    triggers: named(z.strictObject(triggerFields)).optional().describe("Periodic calls of entries, by name"),
    environments: named(environment).optional().describe("What differs in an environment, merged over the rest; null removes"),
});

/** What is deployed: a descriptor in one environment. */
export const applicationSchema = descriptorSchema.omit({ environments: true });

/** A descriptor as programs write it. */
export type Descriptor = z.input<typeof descriptorSchema>;

/** A descriptor in one environment. */
export type ApplicationDescription = z.infer<typeof applicationSchema>;
export type NodeDescription = ApplicationDescription["nodes"][string];
export type SshDescription = NonNullable<NodeDescription["ssh"]>;
export type ModuleDescription = ApplicationDescription["modules"][string];
export type ConnectionDescription = NonNullable<ApplicationDescription["connections"]>[string];
export type TriggerDescription = NonNullable<ApplicationDescription["triggers"]>[string];

/** The published schema: JSON Schema draft 7, which editors know best. */
export function jsonSchema(): Record<string, unknown> {
    const schema = z.toJSONSchema(descriptorSchema, { target: "draft-7", io: "input" });
    return { ...schema, title: "Application of pulumi-authentic", description: "A whole deployment: docs/application.md" };
}

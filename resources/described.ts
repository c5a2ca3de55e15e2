// A descriptor as arguments of resources, with what it takes from the stack's configuration.

import * as pulumi from "@pulumi/pulumi";
import { readDescriptor } from "../provider/application/descriptor";
import type { DocumentPath } from "../provider/application/document";
import type { ApplicationDescription, ConnectionDescription, ModuleDescription, NodeDescription, SshDescription, TriggerDescription } from "../provider/application/schema";
import { endOf } from "../provider/application/values";
import { Configured } from "./configured";
import type { ConnectionArgs } from "./connection";
import type { DeploymentArgs } from "./deployment";
import { mapped } from "./mapped";
import type { ModuleArgs } from "./module";
import type { NodeArgs } from "./node";
import type { SshArgs, SshHopArgs } from "./ssh";
import type { TriggerArgs } from "./trigger";

/** A section of descriptors, which does not compile where it lacks an argument that the resource has. */
type Complete<Section, Args, Others extends keyof Args = never> = Exclude<keyof Args, Others | keyof Section> extends never ? Section : never;

/** An endpoint of a module. */
export type DescribedEnd = ReturnType<typeof endOf>;

/** Everything that an application needs, and nothing declared yet. */
export type Described = ReturnType<typeof describeApplication>;

/**
 * Reads a descriptor, and everything that the stack's configuration has to bring.
 *
 * @throws AuthenticError with all that is wrong
 */
export function describeApplication(descriptor: unknown, environment: string | null | undefined) {
    const { application, origin } = readDescriptor(descriptor, { environment, stack: pulumi.getStack() });
    const { deployment = {}, nodes, modules, connections = {}, triggers = {} } = application;
    const configured = new Configured(origin);
    const args = {
        deployment: deploymentArgs(configured, deployment),
        nodes: mapped(nodes, (node, name) => nodeArgs(configured, name, node)),
        modules: mapped(modules, (module, name) => moduleArgs(configured, name, module)),
        connections: mapped(connections, (connection, name) => connectionArgs(configured, name, connection)),
        triggers: mapped(triggers, (trigger: Complete<TriggerDescription, TriggerArgs>) => trigger),
    };
    configured.refuse(typeof descriptor === "string" ? descriptor : undefined);
    return { ...args, origins: originsOf(application, origin) };
}

function deploymentArgs(configured: Configured, { vendorKey, ...rest }: Complete<NonNullable<ApplicationDescription["deployment"]>, DeploymentArgs>) {
    return defined({ ...rest, vendorKey: configured.secret(["deployment", "vendorKey"], vendorKey) });
}

function nodeArgs(configured: Configured, name: string, node: Complete<NodeDescription, NodeArgs, "deployment">) {
    const path = (property: keyof NodeDescription) => ["nodes", name, property];
    return defined({
        ...node,
        ssh: node.ssh === undefined ? undefined : sshArgs(configured, path("ssh"), node.ssh),
        nodeKey: configured.secret(path("nodeKey"), node.nodeKey),
        vendorKey: configured.secret(path("vendorKey"), node.vendorKey),
        device: configured.plain<string>(path("device"), node.device),
        listenAddress: configured.plain<string>(path("listenAddress"), node.listenAddress),
        port: configured.plain<number>(path("port"), node.port, "integer"),
        collateralUrl: configured.plain<string>(path("collateralUrl"), node.collateralUrl),
        platformId: configured.plain<string>(path("platformId"), node.platformId),
    });
}

function sshArgs(configured: Configured, path: DocumentPath, { jump, deleteUnreachable, ...hop }: Complete<SshDescription, SshArgs>): SshArgs {
    return defined({ ...hopArgs(configured, path, hop), jump: jump === undefined ? undefined : hopArgs(configured, [...path, "jump"], jump), deleteUnreachable });
}

function hopArgs(configured: Configured, path: DocumentPath, hop: Omit<SshDescription, "jump" | "deleteUnreachable">): SshHopArgs {
    const plain = (property: "host" | "user" | "hostKey" | "knownHosts") => configured.plain<string>([...path, property], hop[property]);
    return defined({
        ...hop,
        // What is missing is refused before anything is declared.
        host: plain("host") ?? "",
        user: plain("user") ?? "",
        port: configured.plain<number>([...path, "port"], hop.port, "integer"),
        hostKey: plain("hostKey"),
        knownHosts: plain("knownHosts"),
        privateKey: configured.secret([...path, "privateKey"], hop.privateKey),
        passphrase: configured.secret([...path, "passphrase"], hop.passphrase),
    });
}

function moduleArgs(configured: Configured, name: string, module: Complete<ModuleDescription, ModuleArgs>) {
    const config = module.config === undefined ? undefined
        : mapped(module.config, (value, key) => configured.plain<number | string>(["modules", name, "config", key], value) ?? 0);
    return defined({ ...module, config });
}

function connectionArgs(configured: Configured, name: string, { from, to, ...rest }: Complete<ConnectionDescription, ConnectionArgs>) {
    // Where it begins at the deployer there is no endpoint.
    return defined({ ...rest, from: from === "deployer" ? undefined : endOf(from), to: endOf(to), rotate: configured.plain<string | number | boolean>(["connections", name, "rotate"], rest.rotate) });
}

/** Where each resource is described: `connection "moisture"` → its property → `application.yaml:12:5`. */
function originsOf(application: ApplicationDescription, origin: (path: DocumentPath) => string) {
    return ([["nodes", "node"], ["modules", "module"], ["connections", "connection"], ["triggers", "trigger"]] as const).flatMap(([section, kind]) =>
        Object.keys(application[section] ?? {}).map((name) =>
            [`${kind} "${name}"`, (property: string) => origin([section, name, ...property.split(".").filter((step) => step !== "")])] as const));
}

/** Members that are given: an argument that is undefined is another thing than none to some resources. */
function defined<T extends object>(value: T): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } {
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as ReturnType<typeof defined<T>>;
}

// The Application component: a whole deployment from one descriptor.

import * as pulumi from "@pulumi/pulumi";
import { readDescriptor, type Selected } from "../provider/application/descriptor";
import type { ApplicationDescription, ConnectionDescription, Descriptor, ModuleDescription, NodeDescription, TriggerDescription } from "../provider/application/schema";
import { endOf } from "../provider/application/values";
import { AuthenticError } from "../provider/errors";
import { instead } from "../provider/lifecycle/names";
import { Configured } from "./configured";
import { Connection, type ConnectionArgs, type ConnectionSource, type ConnectionTarget } from "./connection";
import { Deployment, type DeploymentArgs } from "./deployment";
import { Module, type ModuleArgs } from "./module";
import { Node, type NodeArgs } from "./node";
import { Trigger, type TriggerArgs } from "./trigger";

export type { Descriptor };

export interface ApplicationArgs<D extends Descriptor = Descriptor> {
    /** Path of the descriptor, YAML or JSON, relative to the folder of the Pulumi program; or the descriptor itself. */
    descriptor: string | D;
    /**
     * The one of the descriptor's `environments` that is deployed; default: the one with the stack's name. `null`: none of them.
     */
    environment?: string | null;
}

/** Names in one section of a descriptor, where it is written in the program. */
type Names<D extends Descriptor, S extends "nodes" | "modules" | "connections" | "triggers"> = Extract<keyof NonNullable<D[S]>, string>;

/** A section of descriptors, which does not compile where it lacks an argument that the resource has. */
type Complete<Section, Args, Others extends keyof Args = never> = Exclude<keyof Args, Others | keyof Section> extends never ? Section : never;

/**
 * An application: its deployment, nodes, modules, connections and triggers, from one descriptor. What a descriptor may say is
 * in docs/application.md; `schema/application.json` of the package is its JSON schema, for editors.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const irrigation = new ae.Application("irrigation", { descriptor: "application.yaml" });
 * export const measurements = irrigation.measurements;
 */
export class Application<D extends Descriptor = Descriptor> extends pulumi.ComponentResource {
    readonly deployment: Deployment;
    readonly nodes: Readonly<Record<Names<D, "nodes">, Node>>;
    readonly modules: Readonly<Record<Names<D, "modules">, Module>>;
    readonly connections: Readonly<Record<Names<D, "connections">, Connection>>;
    readonly triggers: Readonly<Record<Names<D, "triggers">, Trigger>>;
    /** What evidence of each module shows, by its name. */
    readonly measurements: pulumi.Output<Record<string, string>>;
    /** What vouches for each module, by its name. */
    readonly assurance: pulumi.Output<Record<string, "hardware" | "emulated" | "none">>;

    constructor(name: string, args: ApplicationArgs<D>, opts: pulumi.ComponentResourceOptions = {}) {
        super("authentic:index:Application", name, {}, opts);
        const parts = shown(() => new Parts(name, this, args));
        this.deployment = parts.deployment;
        this.nodes = parts.nodes;
        this.modules = parts.modules;
        this.connections = parts.connections;
        this.triggers = parts.triggers;
        this.measurements = ofEach(parts.modules, (module) => module.measurement);
        this.assurance = ofEach(parts.modules, (module) => module.assurance);
        this.registerOutputs({ deploymentId: this.deployment.deploymentId, measurements: this.measurements, assurance: this.assurance });
    }

    /** The node of that name. @throws where the descriptor has none */
    node(name: string): Node {
        return one(this.nodes, name, "node");
    }

    /** The module of that name. @throws where the descriptor has none */
    module(name: string): Module {
        return one(this.modules, name, "module");
    }

    /** The connection of that name. @throws where the descriptor has none */
    connection(name: string): Connection {
        return one(this.connections, name, "connection");
    }
}

/** The resources of one application. */
class Parts {
    readonly deployment: Deployment;
    readonly nodes: Readonly<Record<string, Node>>;
    readonly modules: Readonly<Record<string, Module>>;
    readonly connections: Readonly<Record<string, Connection>>;
    readonly triggers: Readonly<Record<string, Trigger>>;
    private readonly configured: Configured;

    constructor(name: string, private readonly parent: Application, { descriptor, environment }: ApplicationArgs) {
        const { application, origin } = readDescriptor(descriptor, { environment, stack: pulumi.getStack() });
        this.configured = new Configured(origin);
        // Everything that the configuration has to bring is read before the first resource is declared.
        const args = this.readAll(application);
        this.configured.refuse(typeof descriptor === "string" ? descriptor : undefined);
        const { protect, ...deploymentArgs } = args.deployment;
        this.deployment = new Deployment(name, deploymentArgs, { parent, ...(protect === undefined ? {} : { protect }) });
        this.describe(application, origin);
        this.nodes = mapped(args.nodes, (each, node) => new Node(node, { deployment: this.deployment, ...each }, { parent }));
        this.modules = mapped(args.modules, ({ node, ...each }, module) => new Module(module, { node: one(this.nodes, node, "node"), ...each }, { parent }));
        this.connections = mapped(args.connections, (each, connection) => this.connect(connection, each));
        // Not before everything is connected, so that no module sees an event whose effects it cannot send.
        const dependsOn = Object.values(this.connections);
        this.triggers = mapped(args.triggers, ({ module, ...each }, trigger) => new Trigger(trigger, { module: one(this.modules, module, "module"), ...each }, { parent, dependsOn }));
    }

    private readAll({ deployment = {}, nodes, modules, connections = {}, triggers = {} }: ApplicationDescription) {
        return {
            deployment: this.deploymentArgs(deployment),
            nodes: mapped(nodes, (node, name) => this.nodeArgs(name, node)),
            modules: mapped(modules, (module, name) => this.moduleArgs(name, module)),
            connections: mapped(connections, (connection, name) => this.connectionArgs(name, connection)),
            triggers: mapped(triggers, (trigger: Complete<TriggerDescription, TriggerArgs>) => trigger),
        };
    }

    private deploymentArgs({ vendorKey, ...rest }: Complete<NonNullable<ApplicationDescription["deployment"]>, DeploymentArgs>) {
        return defined({ ...rest, vendorKey: this.configured.secret(["deployment", "vendorKey"], vendorKey) });
    }

    private nodeArgs(name: string, node: Complete<NodeDescription, NodeArgs, "deployment">) {
        const path = (property: keyof NodeDescription) => ["nodes", name, property];
        return defined({
            ...node,
            nodeKey: this.configured.secret(path("nodeKey"), node.nodeKey),
            vendorKey: this.configured.secret(path("vendorKey"), node.vendorKey),
            device: this.configured.plain<string>(path("device"), node.device),
            listenAddress: this.configured.plain<string>(path("listenAddress"), node.listenAddress),
            port: this.configured.plain<number>(path("port"), node.port, "integer"),
            collateralUrl: this.configured.plain<string>(path("collateralUrl"), node.collateralUrl),
            platformId: this.configured.plain<string>(path("platformId"), node.platformId),
        });
    }

    private moduleArgs(name: string, module: Complete<ModuleDescription, ModuleArgs>) {
        const config = module.config === undefined ? undefined
            : mapped(module.config, (value, key) => this.configured.plain<number | string>(["modules", name, "config", key], value) ?? 0);
        return defined({ ...module, config });
    }

    private connectionArgs(name: string, connection: Complete<ConnectionDescription, ConnectionArgs>) {
        return defined({ ...connection, rotate: this.configured.plain<string | number | boolean>(["connections", name, "rotate"], connection.rotate) });
    }

    private connect(name: string, { from, to, ...rest }: Pick<ConnectionDescription, "from" | "to"> & Omit<ConnectionArgs, "from" | "to">): Connection {
        const end = (written: string) => {
            const { module, kind, name: declaration } = endOf(written);
            return one(this.modules, module, "module")[kind as "input" | "output" | "request" | "handler"](declaration);
        };
        const source = from === "deployer" ? this.deployment : end(from) as ConnectionSource;
        return new Connection(name, { from: source, to: end(to) as ConnectionTarget, ...rest }, { parent: this.parent });
    }

    /** Has what is found out about resources later begin with the place where they are described. */
    private describe(application: ApplicationDescription, origin: Selected["origin"]): void {
        for (const [section, kind] of [["nodes", "node"], ["modules", "module"], ["connections", "connection"], ["triggers", "trigger"]] as const) {
            for (const name of Object.keys(application[section] ?? {})) {
                this.deployment.registry.problems.describe(`${kind} "${name}"`, (property) => origin([section, name, ...property.split(".").filter((step) => step !== "")]));
            }
        }
    }
}

/** What people have to correct is shown without a stack trace. */
function shown<T>(action: () => T): T {
    try {
        return action();
    } catch (error) {
        throw error instanceof AuthenticError ? new pulumi.RunError(error.message) : error;
    }
}

function one<T>(all: Readonly<Record<string, T>>, name: string, what: string): T {
    const found = Object.hasOwn(all, name) ? all[name] : undefined;
    if (found === undefined) {
        throw new pulumi.RunError(new AuthenticError("AE-APP-NAME", `the application has no ${what} "${name}"`, instead(name, Object.keys(all), `${what}s`)).message);
    }
    return found;
}

function mapped<T, U>(record: Readonly<Record<string, T>>, map: (value: T, name: string) => U): Record<string, U> {
    return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

/** Members that are given: an argument that is undefined is another thing than none to some resources. */
function defined<T extends object>(value: T): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> } {
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as ReturnType<typeof defined<T>>;
}

function ofEach<T>(modules: Readonly<Record<string, Module>>, output: (module: Module) => pulumi.Output<T>): pulumi.Output<Record<string, T>> {
    return pulumi.output(mapped(modules, output)) as unknown as pulumi.Output<Record<string, T>>;
}

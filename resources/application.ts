// The Application component: a whole deployment from one descriptor.

import * as pulumi from "@pulumi/pulumi";
import type { Descriptor } from "../provider/application/schema";
import { AuthenticError } from "../provider/errors";
import { instead } from "../provider/lifecycle/names";
import { Connection, type ConnectionSource, type ConnectionTarget } from "./connection";
import { Deployment } from "./deployment";
import type { Described, DescribedEnd } from "./described";
import type { Endpoint } from "./endpoint";
import { mapped } from "./mapped";
import { Module } from "./module";
import { Node } from "./node";
import { Trigger } from "./trigger";

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
        // A descriptor that is wrong declares nothing.
        const described = shown(() => reader().describeApplication(args.descriptor, args.environment));
        super("authentic:index:Application", name, {}, opts);
        const parts = new Parts(name, this, described);
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

    constructor(name: string, private readonly parent: Application, described: Described) {
        const { protect, ...args } = described.deployment;
        this.deployment = new Deployment(name, args, { parent, ...(protect === undefined ? {} : { protect }) });
        for (const [resource, origin] of described.origins) this.deployment.registry.problems.describe(resource, origin);
        this.nodes = mapped(described.nodes, (each, node) => new Node(node, { deployment: this.deployment, ...each }, { parent }));
        this.modules = mapped(described.modules, ({ node, ...each }, module) => new Module(module, { node: one(this.nodes, node, "node"), ...each }, { parent }));
        this.connections = mapped(described.connections, ({ from, to, ...each }, connection) => {
            const source = from === undefined ? this.deployment : this.end(from) as ConnectionSource;
            return new Connection(connection, { from: source, to: this.end(to) as ConnectionTarget, ...each }, { parent: this.parent });
        });
        // Not before everything is connected, so that no module sees an event whose effects it cannot send.
        const dependsOn = Object.values(this.connections);
        this.triggers = mapped(described.triggers, ({ module, ...each }, trigger) => new Trigger(trigger, { module: one(this.modules, module, "module"), ...each }, { parent, dependsOn }));
    }

    private end({ module, kind, name }: DescribedEnd): Endpoint {
        return one(this.modules, module, "module")[kind as "input" | "output" | "request" | "handler"](name);
    }
}

/** Read when it is needed: the YAML library and the schemas would cost every program, and most have no descriptor. */
function reader(): typeof import("./described") {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a constructor cannot wait for an import
    return require("./described") as typeof import("./described");
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

function ofEach<T>(modules: Readonly<Record<string, Module>>, output: (module: Module) => pulumi.Output<T>): pulumi.Output<Record<string, T>> {
    return pulumi.output(mapped(modules, output)) as unknown as pulumi.Output<Record<string, T>>;
}

// The Trigger resource: calls an entry of a module again and again.

import * as pulumi from "@pulumi/pulumi";
import { endpointOf } from "../provider/lifecycle/interface";
import type { Endpoint } from "./endpoint";
import type { Module } from "./module";
import { declarationProblems } from "./module-plan";
import { Resource } from "./resource";
import { shims } from "./shim";

export interface TriggerArgs {
    /** The module whose entry is called. */
    module: Module;
    /** The entry: its name, or `module.entry(name)`. */
    entry: string | Endpoint<"entry">;
    /** The period: `1s`, `500ms`, or milliseconds. */
    every: pulumi.Input<number | string>;
}

/**
 * A periodic call of an entry by the node's agent. It is not trusted: it carries no data, may come at any rate or never,
 * and is not a clock.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const deployment = new ae.Deployment("irrigation");
 * const server = new ae.Node("server", { deployment, tee: "native" });
 * const controller = new ae.Module("controller", { node: server, source: "modules/controller.c", config: { openBelow: 45, closeAbove: 55 } });
 * new ae.Trigger("poll", { module: controller, entry: "poll", every: "1s" });
 */
export class Trigger extends Resource {
    /** `running`, or what the last refresh found. */
    declare readonly state: pulumi.Output<string>;

    constructor(name: string, args: TriggerArgs, opts: pulumi.CustomResourceOptions = {}) {
        const { module } = args;
        const { deployment } = module.node;
        const entry = typeof args.entry === "string" ? args.entry : args.entry.name;
        const owner = typeof args.entry === "string" ? module : args.entry.module;
        const problems = module.plan.then((plan) => [
            ...(owner === module ? [] : [{ property: "entry", reason: `entry "${entry}" belongs to module "${owner.moduleName}", not to "${module.moduleName}"; name the module whose entry it is` }]),
            ...declarationProblems(plan, module.moduleName, "entry", entry, "entry"),
        ]);
        super(
            shims.trigger,
            name,
            {
                name,
                module: module.moduleName,
                instance: module.instance,
                incarnation: module.incarnation,
                nodeFolder: module.node.folder,
                access: module.node.access,
                entry,
                endpoint: module.plan.then(({ declarations }) => declarations === undefined ? undefined : endpointOf(declarations, "entry", entry)),
                every: args.every,
                state: "running",
                problems: [deployment.registry.problems.add(`trigger "${name}"`, problems)],
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["access"] }),
            "authentic",
            "Trigger",
        );
    }
}

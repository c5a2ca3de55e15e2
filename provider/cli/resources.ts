// The resources of a stack, with the members that the command line needs. State comes from outside, so they are checked.

import { z } from "zod";
import { AuthenticError } from "../errors";
import { moduleSchema } from "../lifecycle/module-state";
import { hexSchema, nameSchema } from "../lifecycle/schemas";
import { type DeployedStack, named } from "../stack/stack";

const nodeSchema = z.object({ name: nameSchema, tee: z.string(), backend: z.string().optional(), folder: z.string(), eventAddress: z.object({ host: z.string(), port: z.int() }) });
// `z.object` passes over the other members.
const moduleMembers = z.object({
    ...moduleSchema.pick({
        name: true, deploymentId: true, deployerPublicKey: true, nodeName: true, nodeFolder: true, tee: true, source: true, includes: true, defines: true,
        config: true, devices: true, place: true, interface: true, measurement: true, codeMeasurement: true, kit: true, toolchain: true,
    }).shape,
    instance: hexSchema(16),
    incarnation: hexSchema(16).optional(),
    assurance: z.string().optional(),
    imageDigest: z.string().optional(),
});
const endSchema = z.object({ module: nameSchema, name: z.string(), endpoint: z.int().optional(), nodeFolder: z.string() });
const connectionSchema = z.object({
    name: nameSchema, deploymentId: hexSchema(16), kind: z.string(), connection: z.int(), from: endSchema.optional(), to: endSchema, delivery: z.string(),
    epoch: z.string().optional(),
});

export type NodeResource = z.infer<typeof nodeSchema>;
export type ModuleResource = z.infer<typeof moduleMembers>;
export type ConnectionResource = z.infer<typeof connectionSchema>;

/** The resources of a stack, each kind in the order of names. */
export interface Resources {
    readonly nodes: readonly NodeResource[];
    readonly modules: readonly ModuleResource[];
    readonly connections: readonly ConnectionResource[];
}

/** @throws AuthenticError AE-STACK-EMPTY where there are no nodes, AE-STACK-FORMAT where a resource is incomplete in state */
export function resourcesOf({ state }: DeployedStack): Resources {
    if (state.nodes.length === 0) {
        throw new AuthenticError("AE-STACK-EMPTY", "the stack has no nodes", "name the stack with --stack, or deploy it with `pulumi up`");
    }
    return {
        nodes: checked("node", nodeSchema, state.nodes),
        modules: checked("module", moduleMembers, state.modules),
        connections: checked("connection", connectionSchema, state.connections),
    };
}

/**
 * Resources as a schema has them, in the order of names.
 *
 * @throws AuthenticError AE-STACK-FORMAT where one is incomplete in state
 */
export function checked<T extends { readonly name: string }>(kind: string, schema: z.ZodType<T>, all: readonly unknown[]): T[] {
    return all.map((one) => {
        const parsed = schema.safeParse(one);
        if (!parsed.success) {
            const members = [...new Set(parsed.error.issues.map(({ path }) => path.join(".")))].join(", ");
            throw new AuthenticError("AE-STACK-FORMAT", `a ${kind} in the exported stack is incomplete (${members})`, "complete it with `pulumi up`, then export the stack again");
        }
        return parsed.data;
    }).sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * The named ones, in the order of `all`.
 *
 * @param what - singular of what is named: `module`
 * @param names - empty for all
 * @throws AuthenticError AE-STACK-NAME for an unknown one, naming the nearest
 */
export function chosen<T extends { readonly name: string }>(what: string, names: readonly string[], all: readonly T[]): readonly T[] {
    names.forEach((name) => named(what, name, all));
    return names.length === 0 ? all : all.filter((one) => names.includes(one.name));
}

/** `sensor.moisture → controller.moisture`. */
export function describeEnds({ from, to }: ConnectionResource): string {
    return `${from === undefined ? "deployer" : `${from.module}.${from.name}`} → ${to.module}.${to.name}`;
}

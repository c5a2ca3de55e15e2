// Reads a stack's state, as `pulumi stack export --show-secrets` prints it, into the resources of this package.
import { z } from "zod";
import { AuthenticError } from "../errors";
import type { ConnectionOutputs } from "../lifecycle/connection-state";
import type { ModuleOutputs } from "../lifecycle/module-state";

/** Marks a secret in Pulumi's state; the value lies beside it as JSON in `plaintext`. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/** What Pulumi writes before the type of a dynamic resource. */
const TYPE_PREFIX = "pulumi-nodejs:dynamic/authentic:";

const exportSchema = z.object({
    deployment: z.object({
        resources: z.array(z.object({ type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() })).default([]),
    }),
});

/** A Deployment as state has it. */
export interface DeploymentState {
    name: string;
    deploymentId: string;
    publicKey: string;
}

/** A Node as state has it. */
export interface NodeState {
    name: string;
    deploymentId: string;
    tee: string;
    folder: string;
    eventAddress: { host: string; port: number };
    state: string;
    /** How its machine is reached, where it is another one. */
    ssh?: unknown;
}

/** All resources of this package in a stack. Deployer keys are in clear: keep it in memory only. */
export interface StackState {
    deployments: DeploymentState[];
    nodes: NodeState[];
    modules: ModuleOutputs[];
    connections: ConnectionOutputs[];
}

/**
 * @param exported - parsed output of `pulumi stack export --show-secrets`
 * @param options - `secrets: false` leaves out members whose secret value is hidden, for those who only look
 * @throws AuthenticError AE-STACK-FORMAT where it is something else, AE-STACK-SECRETS where secrets are not shown
 */
export function readStackState(exported: unknown, { secrets }: { readonly secrets: boolean } = { secrets: true }): StackState {
    const parsed = exportSchema.safeParse(exported);
    if (!parsed.success) {
        throw new AuthenticError("AE-STACK-FORMAT", "this is no exported stack", "use the output of `pulumi stack export --show-secrets`");
    }
    const ofType = (type: string) => parsed.data.deployment.resources
        .filter((resource) => resource.type === TYPE_PREFIX + type && resource.outputs !== undefined)
        .map((resource) => reveal(resource.outputs, secrets));
    return {
        deployments: ofType("Deployment") as DeploymentState[],
        nodes: ofType("Node") as NodeState[],
        modules: ofType("Module") as ModuleOutputs[],
        connections: ofType("Connection") as ConnectionOutputs[],
    };
}

/** A copy with each secret replaced by its value. @param required - refuse one that is hidden */
function reveal(value: unknown, required: boolean): unknown {
    if (Array.isArray(value)) return value.map((member) => reveal(member, required));
    if (typeof value !== "object" || value === null) return value;
    if (SECRET_MARK in value) {
        if (!("plaintext" in value) || typeof value.plaintext !== "string") {
            if (!required) return undefined;
            throw new AuthenticError("AE-STACK-SECRETS", "the exported stack hides its secrets", "export it with `--show-secrets`");
        }
        return reveal(parseSecret(value.plaintext), required);
    }
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member, required)]));
}

/** A parser's own message quotes the text, which is a secret here: neither it nor its error goes any further. */
function parseSecret(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        throw new AuthenticError("AE-STACK-FORMAT", "a secret of the exported stack is not JSON", "use the output of `pulumi stack export --show-secrets` as it is");
    }
}

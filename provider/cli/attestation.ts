// Challenges one module of a deployed stack and says what came of it. A result holds no secret.

import { z } from "zod";
import type { Verdict } from "../attest/evidence";
import { AuthenticError } from "../errors";
import { requireAccepted } from "../lifecycle/appraise";
import { driverOf, endOf, judgeOf } from "../lifecycle/ends";
import { moduleSchema } from "../lifecycle/module-state";
import { hexSchema, nameSchema } from "../lifecycle/schemas";
import type { Assurance, ConnectionFacts, InstanceState } from "../session/session";
import type { DeployedStack } from "../stack/stack";
import { checked, chosen } from "./resources";

// State comes from outside: these are the members that an attestation needs. `z.object` passes over the others.
const moduleState = z.object({
    ...moduleSchema.pick({ name: true, deploymentId: true, deployerKey: true, nodeName: true, nodeFolder: true, tee: true, backend: true, platform: true, signer: true, trust: true, interface: true, boardKey: true }).shape,
    measurement: hexSchema(32),
    incarnation: hexSchema(16).optional(),
});
const connectionState = z.object({ name: nameSchema, deploymentId: hexSchema(16), connection: z.int() });

type ModuleState = z.infer<typeof moduleState>;

/** A connection as the module attested it, with its name where the stack knows it. */
export type NamedConnection = ConnectionFacts & { readonly name: string | null };

/** A device that the module may write. */
export interface Grant {
    readonly endpoint: number;
    /** Null where the module declares no such endpoint. */
    readonly device: string | null;
}

/** What a module attested about itself. */
export interface AttestedStatus {
    readonly assurance: Assurance;
    readonly incarnation: string;
    readonly state: InstanceState;
    readonly kit: string;
    readonly connections: readonly NamedConnection[];
    readonly grants: readonly Grant[];
}

/** The outcome for one module, JSON-serializable. */
export interface ModuleAttestation {
    readonly name: string;
    readonly node: string;
    readonly tee: string;
    /** `refused`: evidence came and is not accepted. `failed`: no proof came, or the module attests that it has failed. */
    readonly outcome: "accepted" | "refused" | "failed";
    /** The measurement that was expected. */
    readonly measurement: string;
    /** The incarnation in the stack's state; another attested one means that the module was started again since. */
    readonly recordedIncarnation: string | null;
    /** Null where no evidence was accepted: without it nothing that the module says counts. */
    readonly status: AttestedStatus | null;
    /** Null where no evidence came. */
    readonly verdict: Verdict | null;
    readonly error: { readonly code: string; readonly message: string } | null;
}

/**
 * The modules to attest, by name, in alphabetical order.
 *
 * @param names - empty for all
 * @throws AuthenticError AE-STACK-NAME for an unknown one, AE-STACK-EMPTY where there is none, AE-STACK-FORMAT where one is
 *   incomplete in state
 */
export function chosenModules(stack: DeployedStack, names: readonly string[]): ModuleState[] {
    const { modules } = stack.state;
    if (modules.length === 0) {
        throw new AuthenticError("AE-STACK-EMPTY", "the stack has no modules", "name the stack with --stack, or deploy it with `pulumi up`");
    }
    return checked("module", moduleState, chosen("module", names, modules));
}

/** Challenges a module with a fresh nonce; changes nothing. What goes wrong is the outcome, not an error. */
export async function attestOne(module: ModuleState, stack: DeployedStack): Promise<ModuleAttestation> {
    const { name, nodeName: node, tee, measurement, incarnation: recorded } = module;
    const base = { name, node, tee, measurement, recordedIncarnation: recorded ?? null };
    let verdict: Verdict | null = null;
    try {
        const verdictOn = await judgeOf(module, module.trust);
        const end = await endOf({ ...module, module: name }, module);
        const { status, appraisal } = await (await driverOf(module)).attest({
            ...end,
            appraise: async (evidence) => {
                verdict = await verdictOn(evidence);
                return requireAccepted(name, verdict);
            },
        });
        const { incarnation, state, kit } = status;
        const failure = state === "failed"
            ? new AuthenticError("AE-INSTANCE-FAILED", `module "${name}" has failed and erased its keys`, "see its log for the reason, then run `pulumi refresh` and `pulumi up`")
            : null;
        return {
            ...base,
            outcome: failure === null ? "accepted" : "failed",
            status: {
                assurance: appraisal.assurance, incarnation, state, kit,
                connections: status.connections.map((one) => ({ ...one, name: connectionName(module, one.connection, stack) })),
                grants: status.grants.map((endpoint) => ({ endpoint, device: module.interface?.[endpoint]?.name ?? null })),
            },
            verdict,
            error: failure === null ? null : said(failure),
        };
    } catch (error) {
        if (!(error instanceof AuthenticError)) {
            throw error;
        }
        return { ...base, outcome: isRefusal(verdict) ? "refused" : "failed", status: null, verdict, error: said(error) };
    }
}

// A function, because the compiler does not see that the driver called `appraise`.
function isRefusal(verdict: Verdict | null): boolean {
    return verdict !== null && !verdict.accepted;
}

function said({ code, message }: AuthenticError): { code: string; message: string } {
    return { code, message };
}

function connectionName({ deploymentId }: ModuleState, connection: number, stack: DeployedStack): string | null {
    const found = stack.state.connections.map((one) => connectionState.safeParse(one).data)
        .find((one) => one?.connection === connection && one.deploymentId === deploymentId);
    return found?.name ?? null;
}

// Observing what runs: absence only on proof, and drift in a form that the next preview shows.

import { setTimeout as sleep } from "node:timers/promises";
import { AuthenticError } from "../errors";
import { pick } from "./change";
import { driftOf, type Observed } from "./drift";
import { type Agent, surroundings } from "./surroundings";

/** How often, and how long after each other, an agent is asked again that runs and does not listen: it may just have begun. */
const TRIES = 10;
const PAUSE_MS = 100;

/**
 * Asks an agent. An agent that does not answer proves nothing, unless it is certain that it does not run.
 *
 * @param folder - of the node
 * @param look - may be asked again
 * @returns what `look` found, or `stopped` where no agent runs
 * @throws AuthenticError where the agent cannot be asked
 */
export async function observe<T>(folder: string, look: (agent: Agent) => Promise<T>): Promise<T | "stopped"> {
    const { agent, agentGone } = await surroundings();
    for (let tries = 1; ; tries++) {
        try {
            return await look(await agent(folder));
        } catch (error) {
            if (error instanceof AuthenticError && await agentGone(folder)) {
                return "stopped";
            }
            // Its supervisor has started another one between the two questions.
            if (tries === TRIES || !(error instanceof AuthenticError && error.code === "AE-AGENT-UNREACHABLE")) throw error;
        }
        await sleep(PAUSE_MS);
    }
}

/**
 * The result of `read`: the state goes into the inputs as well, where it differs from the wanted one, so that the next
 * preview shows what `up` will repair. What differs is also said at once.
 *
 * @param more - what else differs, for people
 */
export function observed<O extends { readonly name: string; readonly state: string }>(kind: Observed, id: string, properties: O, keys: readonly string[], more?: string): { id: string; props: O; inputs: O } {
    for (const reason of [driftOf(kind, properties.name, properties.state), more]) if (reason !== undefined) console.warn(reason);
    return { id, props: properties, inputs: pick(properties, keys) as unknown as O };
}

/** Whether an error says only that an agent did not answer, or its machine, which proves nothing about its modules. */
export function isSilence(error: unknown): boolean {
    return error instanceof AuthenticError && /^AE-(AGENT-(UNREACHABLE|TIMEOUT)|SSH-.+)$/.test(error.code);
}

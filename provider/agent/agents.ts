// Agents wherever they are: on this machine, or on one that is reached over SSH. A node's folder says which.
import { type Location, parseLocation } from "../ssh/settings";
import type { AgentInfo, AgentRequest, RunningAgent } from "../lifecycle/surroundings";

const here = () => import("./local.js");
const there = () => import("./remote.js");

/** Starts the agent of a node, or returns the one that runs. */
export async function startAgent(request: AgentRequest): Promise<AgentInfo> {
    return request.authority === undefined ? (await here()).startLocalAgent(request) : (await there()).startRemoteAgent(request.authority, request);
}

/** Ends an agent with everything it runs, and removes its folder. */
export async function endAgent(place: string): Promise<void> {
    await at(place, async (location) => (await there()).endRemoteAgent(location), async () => (await here()).endLocalAgent(place));
}

/** Ends an agent alone. */
export async function killAgent(place: string): Promise<void> {
    await at(place, async (location) => (await there()).killRemoteAgent(location), async () => (await here()).killLocalAgent(place));
}

/** Notes that a state has a node's folder. */
export async function recordAgent(place: string): Promise<void> {
    await at(place, async (location) => (await there()).recordRemoteAgent(location), async () => (await here()).recordLocalAgent(place));
}

/** What the agent of a folder runs with; undefined where none runs. @throws AuthenticError where its machine cannot be asked */
export async function runningAgent(place: string, tee: string): Promise<RunningAgent | undefined> {
    return at<RunningAgent | undefined>(place, async (location) => (await there()).runningRemoteAgent(location, tee), async () => {
        const programs = await (await here()).localPrograms(place, tee);
        return programs === undefined ? undefined : { programs };
    });
}

/** Whether it is proven that no agent runs in a folder. @throws AuthenticError where its machine cannot be asked */
export async function agentGone(place: string): Promise<boolean> {
    return at(place, async (location) => (await there()).remoteAgentGone(location), async () => (await here()).agentGone(place));
}

function at<T>(place: string, remote: (location: Location) => Promise<T>, local: () => Promise<T>): Promise<T> {
    const location = parseLocation(place);
    return location === undefined ? local() : remote(location);
}

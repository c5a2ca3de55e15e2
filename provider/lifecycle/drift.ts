// What a refresh says of a resource that is not as it was left: what was found, and what the next `up` does about it.
// docs/drift.md lists what people and machines can change; its test holds the two together.

/** Kinds of resources that can be found otherwise. */
export type Observed = "node" | "module" | "connection" | "trigger";

/** States of one kind, what they mean, and what `pulumi up` does. */
interface Meaning {
    readonly state: RegExp;
    /** Follows the state; empty where that says it all. */
    readonly means: string;
    readonly up: string;
}

const NEW_KEY = "gives it a new key; events whose delivery nobody has confirmed may be lost with the old one";

const MEANINGS: Readonly<Record<Observed, readonly Meaning[]>> = {
    node: [
        { state: /^stopped$/, means: "no agent runs in its folder", up: "starts one on its port, which adopts the modules whose hosts still run" },
        { state: /^board stopped$/, means: "its agent runs, its board does not", up: "starts the board; modules on it begin anew" },
        { state: /^the board runs other firmware/, means: "", up: "runs the planned firmware, or says how to flash it; modules on the board begin anew" },
        { state: /^another board/, means: "", up: "puts the declared board in its place; modules on it begin anew" },
        { state: /^the platform was replaced/, means: "", up: "refuses it, and says how to trust the new one" },
        { state: /^unattended/, means: "", up: "starts the agent again under supervision, while modules go on" },
        { state: /^listens at/, means: "", up: "starts the agent on its port, while modules go on" },
        { state: /^other programs/, means: "", up: "replaces the agent, while modules go on" },
    ],
    module: [
        { state: /^missing$/, means: "its agent has no such instance", up: "starts it anew" },
        { state: /^(exited|failed)/, means: "", up: "starts it anew" },
        { state: /^replaced/, means: "another image runs in its place", up: "ends that, and starts the declared one anew" },
        { state: /^foreign/, means: "", up: "leaves that alone and stops, and says how to end it" },
        { state: /^restarted$/, means: "another instance of the same image runs in its place, without keys and state", up: "gives it devices and keys" },
        { state: /^ungranted$/, means: "it may not drive the devices it was given, or others", up: "grants exactly its own" },
        { state: /^unsupervised$/, means: "its node's agent does not run", up: "starts the agent, which adopts the module; where its host has ended as well, it begins anew" },
        { state: /^handing over$/, means: "an update of it was interrupted", up: "completes it" },
        { state: /^refused/, means: "this stack's policy does not accept its evidence", up: "asks for new evidence and collateral, and stops as long as they are refused" },
        { state: /^unresponsive/, means: "it does not answer as a module of this deployment", up: "starts it anew" },
    ],
    connection: [
        { state: /^unverified/, means: "", up: "repairs that module, then the connection" },
        { state: /^no key at/, means: "", up: NEW_KEY },
        { state: /^closed at/, means: "", up: "opens it again" },
        { state: /^unrouted$/, means: "the sender's node does not know where the receiver is", up: "tells it; events that waited are sent" },
    ],
    trigger: [
        { state: /^missing$/, means: "nobody calls its entry", up: "sets it again" },
        { state: /^changed$/, means: "it calls another entry, or at other times", up: "sets it again" },
        { state: /^stopped$/, means: "its node's agent does not run", up: "starts the agent, then sets it again" },
    ],
};

/**
 * Says what a refresh has found.
 *
 * @param kind - of the resource
 * @param state - as found
 * @returns for people; undefined for a state that is as it should be
 */
export function driftOf(kind: Observed, name: string, state: string): string | undefined {
    const meaning = MEANINGS[kind].find((one) => one.state.test(state));
    if (meaning === undefined) return undefined;
    return `${kind} "${name}" has drifted: ${state}${meaning.means === "" ? "" : ` (${meaning.means})`}. \`pulumi up\` ${meaning.up}.`;
}

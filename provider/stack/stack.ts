// A deployed stack as its deployer uses it: send to modules, ask them, look at what their nodes say.
import { AgentClient } from "../agent/client";
import { AuthenticError } from "../errors";
import type { ConnectionOutputs } from "../lifecycle/connection-state";
import { driverOf, endOf } from "../lifecycle/ends";
import type { ModuleOutputs } from "../lifecycle/module-state";
import { instead } from "../lifecycle/names";
import { endpointOf } from "../lifecycle/interface";
import { introduceHosts } from "../ssh/hosts";
import type { Channel, CommandResult, DeployerLink, End } from "../session/session";
import { type NodeState, readStackState, type StackState } from "./state";

/** Puts something between a command and the module, to look on. */
export type Through = (channel: Channel) => Channel;

export class DeployedStack {
    /** @param state - see {@link readStackState} */
    constructor(readonly state: StackState) {
        for (const resource of [...state.nodes, ...state.modules, ...state.connections]) introduceHosts(resource, false);
    }

    /** @param exported - parsed output of `pulumi stack export --show-secrets`; for `options` see {@link readStackState} */
    static fromExport(exported: unknown, options?: { readonly secrets: boolean }): DeployedStack {
        return new DeployedStack(readStackState(exported, options));
    }

    /** @throws AuthenticError AE-STACK-NAME, naming the nearest */
    node(name: string): NodeState {
        return named("node", name, this.state.nodes);
    }

    /** @throws AuthenticError AE-STACK-NAME, naming the nearest */
    module(name: string): ModuleOutputs {
        return named("module", name, this.state.modules);
    }

    /** @throws AuthenticError AE-STACK-NAME, naming the nearest */
    connection(name: string): ConnectionOutputs {
        return named("connection", name, this.state.connections);
    }

    /**
     * Sends an event on a connection from the deployer, exactly once.
     *
     * @param connection - name of a Connection whose `from` is the Deployment
     * @throws AuthenticError where the module cannot be reached, attested or keyed, or has no room
     */
    async send(connection: string, data: Uint8Array, through?: Through): Promise<CommandResult> {
        const state = this.connection(connection);
        return accepted(connection, await (await driverOf(state)).send(await deployerLink(state, through), data));
    }

    /**
     * Asks the handler at the end of a connection from the deployer, exactly once.
     *
     * @returns its reply
     * @throws AuthenticError as {@link send}, and AE-STACK-REFUSED where the handler refuses
     */
    async request(connection: string, data: Uint8Array, through?: Through): Promise<Uint8Array> {
        return (await this.ask(connection, data, through)).data;
    }

    /** As {@link request}, with the counter that was used. */
    async ask(connection: string, data: Uint8Array, through?: Through): Promise<CommandResult> {
        const state = this.connection(connection);
        return accepted(connection, await (await driverOf(state)).request(await deployerLink(state, through), data));
    }

    /**
     * Calls an entry of a module with authentication, exactly once.
     *
     * @throws AuthenticError AE-STACK-NAME where there is no such entry; else as {@link send}
     */
    async call(module: string, entry: string, data: Uint8Array, through?: Through): Promise<CommandResult> {
        const state = this.module(module);
        const declarations = state.interface ?? [];
        const endpoint = endpointOf(declarations, "entry", entry);
        if (endpoint === undefined) {
            const entries = declarations.filter(({ kind }) => kind === "entry").map(({ name }) => name);
            throw new AuthenticError("AE-STACK-NAME", `module "${module}" has no entry "${entry}"`, instead(entry, entries, "entries"));
        }
        const end = carriedBy(await endOf({ ...state, module }, state), through);
        return accepted(`${module}.${entry}`, await (await driverOf(state)).call({ end, endpoint }, data));
    }

    /** The client of the agent that runs a node. */
    agent(node: string): AgentClient {
        return new AgentClient(this.node(node).folder);
    }

    /**
     * Drives the pins of a device of an emulated node, as the physical world would.
     *
     * @throws AuthenticError AE-STACK-NAME where there is no such device
     */
    async setPin(module: string, device: string, value: number): Promise<void> {
        const { instance, nodeName, interface: declarations = [] } = this.module(module);
        const endpoint = endpointOf(declarations, "device", device);
        if (endpoint === undefined) {
            const devices = declarations.filter(({ kind }) => kind === "device").map(({ name }) => name);
            throw new AuthenticError("AE-STACK-NAME", `module "${module}" has no device "${device}"`, instead(device, devices, "devices"));
        }
        await this.agent(nodeName).setPin(instance, endpoint, value);
    }

    /** What a module's node says it wrote to its devices: not authenticated. */
    async pins(module: string): Promise<Awaited<ReturnType<AgentClient["pins"]>>> {
        const { instance, nodeName } = this.module(module);
        return this.agent(nodeName).pins(instance);
    }
}

/**
 * The one of this name.
 *
 * @param kind - singular of what is named: `module`
 * @throws AuthenticError AE-STACK-NAME for an unknown one, naming the nearest
 */
export function named<T extends { readonly name: string }>(kind: string, name: string, all: readonly T[]): T {
    const found = all.find((one) => one.name === name);
    if (found === undefined) {
        const plural = kind.split(" or ").map((one) => one.endsWith("y") ? `${one.slice(0, -1)}ies` : `${one}s`).join(" and ");
        throw new AuthenticError("AE-STACK-NAME", `the stack has no ${kind} "${name}"`, instead(name, all.map((one) => one.name), plural));
    }
    return found;
}

function carriedBy(end: End, through: Through | undefined): End {
    return through === undefined ? end : { ...end, channel: through(end.channel) };
}

async function deployerLink(state: ConnectionOutputs, through: Through | undefined): Promise<DeployerLink> {
    const { name, connection, from, to } = state;
    if (from !== undefined || to.endpoint === undefined || to.measurement === undefined) {
        throw new AuthenticError("AE-STACK-DEPLOYER", `connection "${name}" does not begin at the deployer`, "name one whose `from` is the Deployment");
    }
    return { connection, name, to: { end: carriedBy(await endOf({ ...to, measurement: to.measurement }, state), through), endpoint: to.endpoint } };
}

function accepted(target: string, result: CommandResult): CommandResult {
    const { status } = result;
    if (status === "full") {
        throw new AuthenticError("AE-STACK-FULL", `the module at "${target}" has outputs that nobody acknowledges; nothing happened`, "repair the receivers (`pulumi refresh`, then `pulumi up`) and try again");
    }
    if (status === "refused") {
        throw new AuthenticError("AE-STACK-REFUSED", `the handler at "${target}" refused the request`, "check what it expects");
    }
    return result;
}

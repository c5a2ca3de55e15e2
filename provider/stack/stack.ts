// A deployed stack as its deployer uses it: send to modules, ask them, look at what their nodes say.
import { AgentClient } from "../agent/client";
import { AuthenticError } from "../errors";
import type { ConnectionOutputs } from "../lifecycle/connection-state";
import { driverOf, endOf } from "../lifecycle/ends";
import type { ModuleOutputs } from "../lifecycle/module-state";
import { instead } from "../lifecycle/names";
import type { CommandResult, DeployerLink } from "../session/session";
import { type NodeState, readStackState, type StackState } from "./state";

export class DeployedStack {
    /** @param state - see {@link readStackState} */
    constructor(readonly state: StackState) {}

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
    async send(connection: string, data: Uint8Array): Promise<void> {
        const state = this.connection(connection);
        accepted(connection, await (await driverOf(state)).send(await deployerLink(state), data));
    }

    /**
     * Asks the handler at the end of a connection from the deployer, exactly once.
     *
     * @returns its reply
     */
    async request(connection: string, data: Uint8Array): Promise<Uint8Array> {
        const state = this.connection(connection);
        return accepted(connection, await (await driverOf(state)).request(await deployerLink(state), data));
    }

    /** The client of the agent that runs a node. */
    agent(node: string): AgentClient {
        return new AgentClient(this.node(node).folder);
    }

    /** What a module's node says it wrote to its devices: not authenticated. */
    async pins(module: string): Promise<Awaited<ReturnType<AgentClient["pins"]>>> {
        const { instance, nodeName } = this.module(module);
        return this.agent(nodeName).pins(instance);
    }
}

function named<T extends { name: string }>(kind: string, name: string, all: readonly T[]): T {
    const found = all.find((one) => one.name === name);
    if (found === undefined) {
        throw new AuthenticError("AE-STACK-NAME", `the stack has no ${kind} "${name}"`, instead(name, all.map((one) => one.name), `${kind}s`));
    }
    return found;
}

async function deployerLink(state: ConnectionOutputs): Promise<DeployerLink> {
    const { name, connection, from, to } = state;
    if (from !== undefined || to.endpoint === undefined || to.measurement === undefined) {
        throw new AuthenticError("AE-STACK-DEPLOYER", `connection "${name}" does not begin at the deployer`, "name one whose `from` is the Deployment");
    }
    return { connection, name, to: { end: await endOf({ ...to, measurement: to.measurement }, state), endpoint: to.endpoint } };
}

function accepted(connection: string, { status, data }: CommandResult): Uint8Array {
    if (status === "full") {
        throw new AuthenticError("AE-STACK-FULL", `the module at the end of "${connection}" has outputs that nobody acknowledges`, "repair the receivers (`pulumi refresh`, then `pulumi up`) and try again");
    }
    if (status === "refused") {
        throw new AuthenticError("AE-STACK-REFUSED", `the handler at the end of "${connection}" refused the request`, "check what it expects");
    }
    return data;
}

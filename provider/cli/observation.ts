// What the agents of a stack say about its nodes, modules and connections. Nothing of it is proven: `authentic attest` proves.

import type { AgentClient, AgentInstance, BoardStatus } from "../agent/client";
import { AuthenticError } from "../errors";
import { observe } from "../lifecycle/observe";
import type { DeployedStack } from "../stack/stack";
import { type ConnectionResource, describeEnds, type ModuleResource, type NodeResource, type Resources } from "./resources";

type ConnectionOfAgent = AgentInstance["connections"][number];

export interface NodeStatus {
    readonly name: string;
    readonly tee: string;
    readonly backend: string | null;
    /** `running`, `board stopped`, `stopped` (both proven), or `unreachable` (its agent does not answer, which proves nothing). */
    readonly state: "running" | "board stopped" | "stopped" | "unreachable";
    readonly error: string | null;
    readonly folder: string;
    readonly eventAddress: { readonly host: string; readonly port: number };
    readonly pid: number | null;
    readonly agentVersion: string | null;
    /** Of a Sancus node, what its bridge has counted; null where none runs. */
    readonly board: BoardCounters | null;
}

/** Counts of a board's bridge; decimal. */
export interface BoardCounters {
    /** `emulated` or `serial`. */
    readonly kind: string;
    readonly boots: string;
    /** Questions asked again, frames that came spoiled, and answers to questions that nobody asked. */
    readonly repeated: string;
    readonly spoiled: string;
    readonly unexpected: string;
    /** Violations of the board's access rules, by whatever code. */
    readonly violations: string;
}

export interface ModuleStatus {
    readonly name: string;
    readonly node: string;
    readonly tee: string;
    /** `running`, `failed`, `exited`, `missing`, `replaced` (another image runs), or `unknown` where its agent does not answer. */
    readonly state: string;
    readonly reason: string | null;
    /** What its last attestation by `pulumi` found. */
    readonly assurance: string | null;
    readonly measurement: string | null;
    readonly incarnation: string | null;
    readonly pid: number | null;
    readonly startedAt: string | null;
    /** Entries into the module. */
    readonly entries: string | null;
    /** Event sockets from peers. */
    readonly sockets: number | null;
    readonly triggers: readonly { readonly name: string; readonly everyMs: number; readonly fired: string; readonly skipped: string }[];
}

export interface ConnectionState {
    readonly name: string;
    readonly connection: number;
    readonly ends: string;
    readonly delivery: string;
    /** `active`, or what is wrong. */
    readonly state: string;
    /** Decimal; `0` for a connection from the deployer. */
    readonly epoch: string | null;
    readonly sender: EndCounters | null;
    readonly receiver: EndCounters | null;
}

/** What the module host at one end has counted since it was started; decimal. */
export interface EndCounters {
    readonly epoch: string;
    readonly next: string;
    readonly sent: string;
    readonly received: string;
    readonly delivered: string;
    readonly acknowledged: string;
    readonly queued: string;
    readonly resent: string;
    readonly dropped: string;
    readonly gaps: string;
    readonly refused: Readonly<Record<string, string>>;
    readonly connected: boolean;
}

export interface StackStatus {
    /** Whether every node and module runs and every connection is active. */
    readonly inOrder: boolean;
    readonly nodes: readonly NodeStatus[];
    readonly modules: readonly ModuleStatus[];
    readonly connections: readonly ConnectionState[];
}

interface Answer {
    readonly status: NodeStatus;
    readonly instances: ReadonlyMap<string, AgentInstance> | null;
}

/** Asks every agent of a stack. What goes wrong is part of the answer. */
export async function stackStatus(stack: DeployedStack, { nodes, modules, connections }: Resources): Promise<StackStatus> {
    const answers = new Map(await Promise.all(nodes.map(async (node) => [node.folder, await askAgent(node, stack.agent(node.name))] as const)));
    const found = {
        nodes: nodes.map(({ folder }) => (answers.get(folder) as Answer).status),
        modules: modules.map((module) => moduleStatus(module, answers.get(module.nodeFolder)?.instances)),
        connections: connections.map((connection) => connectionStatus(connection, modules, answers)),
    };
    return { inOrder: found.nodes.every(isRunning) && found.modules.every(isRunning) && found.connections.every(({ state }) => state === "active"), ...found };
}

const isRunning = ({ state }: { readonly state: string }) => state === "running";

async function askAgent({ name, tee, backend, folder, eventAddress }: NodeResource, client: AgentClient): Promise<Answer> {
    const base = { name, tee, backend: backend ?? null, folder, eventAddress, error: null, pid: null, agentVersion: null, board: null };
    try {
        const found = await observe(folder, async () => ({
            about: await client.about(), instances: await client.instances(), board: tee === "sancus" ? await client.board() : undefined,
            stopped: tee === "trustzone" && await client.trustzone() === undefined,
        }));
        if (found === "stopped") {
            return { status: { ...base, state: "stopped" }, instances: null };
        }
        const { pid, agent, eventAddress: address } = found.about;
        return {
            status: {
                ...base, state: found.stopped || (tee === "sancus" && found.board === undefined) ? "board stopped" : "running",
                eventAddress: address, pid, agentVersion: agent, board: found.board === undefined ? null : boardCounters(found.board),
            },
            instances: new Map(found.instances.map((one) => [one.instance, one])),
        };
    } catch (error) {
        if (error instanceof AuthenticError) {
            return { status: { ...base, state: "unreachable", error: error.message }, instances: null };
        }
        throw error;
    }
}

function boardCounters({ kind, boots, repeated, spoiled, unexpected, violations }: BoardStatus): BoardCounters {
    return { kind, boots: String(boots), repeated: String(repeated), spoiled: String(spoiled), unexpected: String(unexpected), violations: String(violations) };
}

function moduleStatus(module: ModuleResource, instances: ReadonlyMap<string, AgentInstance> | null | undefined): ModuleStatus {
    const { name, nodeName: node, tee, assurance, measurement, incarnation, instance, imageDigest } = module;
    const base = { name, node, tee, assurance: assurance ?? null, measurement: measurement ?? null, incarnation: incarnation ?? null };
    const report = instances?.get(instance);
    if (report === undefined) {
        return { ...base, state: instances === undefined || instances === null ? "unknown" : "missing", reason: null, pid: null, startedAt: null, entries: null, sockets: null, triggers: [] };
    }
    return {
        ...base,
        state: report.state === "running" && imageDigest !== undefined && report.imageDigest !== imageDigest ? "replaced" : report.state,
        reason: report.reason ?? null,
        pid: report.pid ?? null,
        startedAt: report.startedAt,
        entries: String(report.entries),
        sockets: report.sockets,
        triggers: report.triggers.map(({ name: trigger, everyMs, fired, full }) => ({ name: trigger, everyMs, fired: String(fired), skipped: String(full) })),
    };
}

function connectionStatus(resource: ConnectionResource, modules: readonly ModuleResource[], answers: ReadonlyMap<string, Answer>): ConnectionState {
    const { name, connection, from, to, delivery, epoch } = resource;
    const reports = [from, to].map((end) => {
        const instances = end === undefined ? undefined : answers.get(end.nodeFolder)?.instances;
        const instance = modules.find((module) => module.name === end?.module)?.instance;
        return instance === undefined ? undefined : instances?.get(instance)?.connections.find((one) => one.connection === connection);
    });
    const [sender, receiver] = reports;
    return {
        name, connection, ends: describeEnds(resource), delivery, epoch: epoch ?? null,
        state: stateOf(resource, sender, receiver),
        sender: sender === undefined ? null : counters(sender),
        receiver: receiver === undefined ? null : counters(receiver),
    };
}

function stateOf({ from, to, epoch }: ConnectionResource, sender: ConnectionOfAgent | undefined, receiver: ConnectionOfAgent | undefined): string {
    for (const [end, report] of [...(from === undefined ? [] : [[from, sender] as const]), [to, receiver] as const]) {
        if (report === undefined) {
            return `unknown at ${end.module}`;
        }
        if (report.state !== "active") {
            return `${report.state} at ${end.module}`;
        }
        if (epoch !== undefined && String(report.epoch) !== epoch) {
            return `epoch ${report.epoch} at ${end.module}`;
        }
    }
    return from !== undefined && (sender?.route ?? null) === null ? "unrouted" : "active";
}

function counters(report: ConnectionOfAgent): EndCounters {
    const { epoch, next, sent, received, delivered, acknowledged, queued, resent, dropped, gaps, refused, connected } = report;
    const texts = Object.fromEntries(Object.entries({ epoch, next, sent, received, delivered, acknowledged, queued, resent, dropped, gaps }).map(([key, value]) => [key, String(value)]));
    return { ...texts as unknown as Omit<EndCounters, "refused" | "connected">, refused: Object.fromEntries(Object.entries(refused).map(([reason, count]) => [reason, String(count)])), connected };
}

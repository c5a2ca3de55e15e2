// Lifecycle of a Node: an agent that runs, under the address it was given, or under the one it picked at first.

import { z } from "zod";
import { parseTrust } from "../attest/policy";
import { AuthenticError } from "../errors";
import { boardFields, type BoardOutputs, boardKeys, boardProblems, boardState, ensureBoard } from "./board";
import { deviceState, ensureDevice } from "./device";
import { checkInputs, type RawInputs } from "./check";
import { changedKeys, containsUnknown } from "./change";
import { driftOf } from "./drift";
import { enrol, enrolmentSchema } from "./enrolment";
import { type Hooks, Unfinished } from "./hooks";
import { resourceId } from "./identity";
import { instead } from "./names";
import { observe, observed } from "./observe";
import { isUnknown } from "./plain";
import { collateralUrlSchema, forgetCollateral, otherPlatform, pinned, type Platform, platformIdSchema, replacement } from "./platform";
import { type Problem, problem } from "./problems";
import { backendSchema, hexSchema, knownTrust, nameSchema, rawTrustSchema, trustProblems } from "./schemas";
import { machineArchitecture, otherProcessor } from "../agent/processors";
import { type Agent, type AgentInfo, type AgentRequest, type RunningAgent, surroundings } from "./surroundings";
import { authorityOf, keyProblems, sshSchema } from "../ssh/settings";
import type { Tee } from "../tee/tee";

const schema = z.strictObject({
    name: nameSchema,
    deploymentId: hexSchema(16),
    tee: z.string(),
    backend: backendSchema,
    /** The machine, where it is another one than this; a secret. */
    ssh: sshSchema.optional(),
    listenAddress: z.union([z.ipv4(), z.ipv6()], "must be an IPv4 or IPv6 address of the node's machine, such as 127.0.0.1 or ::1; with `ssh`, the one at which other nodes reach it"),
    port: z.int("must be a whole number").min(1, "must be 1 to 65535").max(65_535, "must be 1 to 65535").optional(),
    /** Where collateral for a hardware node comes from. */
    collateralUrl: collateralUrlSchema.optional(),
    /** Identity of the machine that the evidence of a hardware node has to show. */
    platformId: platformIdSchema.optional(),
    /** Measurement of the firmware that its board has to run, where it has a board with such. */
    firmware: hexSchema(32).optional(),
    /** Keys of the deployment, with which the machine of a hardware node is enrolled; a secret that no output repeats. */
    enrolment: enrolmentSchema.optional(),
    /** The programs that it is to run, which this package has; after a refresh those that it runs. */
    programs: z.string().optional(),
    trust: rawTrustSchema,
    ...boardFields,
    /** Always `running`; what a refresh found otherwise differs from it, and shows as the change to come. */
    state: z.string(),
});
const keys = Object.keys(schema.shape).filter((key) => key !== "enrolment");
const BOARD = "sancus";

export type NodeInputs = z.infer<typeof schema>;

export interface NodeOutputs extends NodeInputs, BoardOutputs {
    folder: string;
    eventAddress: { host: string; port: number };
    agentVersion: string;
    /** Empty where nothing is pinned; never absent, because a preview takes absent outputs for unknown ones. */
    platform: Platform;
}

export const node: Hooks<NodeInputs, NodeOutputs> = {
    check: async (_olds, news) => checkInputs(schema, { ...news, ...await programsOf(news) }, rules),

    async diff(_id, olds, news) {
        // A machine that could not be enrolled before, or that an earlier version did not ask.
        const lacking = news.enrolment !== undefined && (olds as Partial<NodeOutputs>).platform?.id === undefined;
        const changed = changedKeys({ ...olds }, { ...news }, keys);
        // Before a replacement of the same name is made.
        await recorded(olds);
        // The folder of a replacement is another one: both can run side by side while modules move over.
        return { changes: changed.length > 0 || lacking, replaces: changed.filter((key) => ["name", "deploymentId", "tee", "backend", "vendorId", "security", "nodeKey", "vendorKey"].includes(key) || (key === "ssh" && machineOf(olds) !== machineOf(news))) };
    },

    async create(inputs) {
        const info = await startAgent(inputs, await request(inputs));
        const id = resourceId(inputs.name, inputs.deploymentId);
        const outs: NodeOutputs = { ...outputs(inputs, info), platform: {}, ...(inputs.tee === BOARD ? boardKeys(inputs) : {}) };
        try {
            outs.platform = await platformOf(inputs, info);
            return { id, outs: await withBoard(outs) };
        } catch (error) {
            throw new Unfinished(error, id, { ...outs });
        }
    },

    async read(id, properties) {
        await recorded(properties);
        const found = await observe(properties.folder, (agent) => inspect(properties, agent));
        return observed("node", id, found === "stopped" ? { ...properties, state: found } : { ...properties, ...found }, keys,
            found === "stopped" ? undefined : otherPrograms(properties, found.programs));
    },

    async update(_id, olds, news) {
        const port = news.port ?? olds.eventAddress.port;
        if (port !== olds.eventAddress.port || news.listenAddress !== olds.listenAddress) {
            await (await surroundings()).killAgent(olds.folder);
        }
        const info = await startAgent(news, { ...await request(news), port, folder: olds.folder });
        requireSame(olds, info);
        const outs: NodeOutputs = { ...outputs(news, info), platform: await platformOf(news, info, olds.platform), ...(news.tee === BOARD ? boardKeys(news, olds) : {}) };
        return { outs: await withBoard(outs) };
    },

    async delete(_id, properties) {
        await (await surroundings()).endAgent(properties.folder);
        await forgetCollateral(properties.platform, parseTrust(properties.trust));
    },
};

async function recorded({ folder }: NodeOutputs): Promise<void> {
    await (await surroundings()).recordAgent(folder);
}

/** What this package has for the node's programs; a version of it that has others updates the node. */
async function programsOf({ tee, ssh }: RawInputs): Promise<{ programs?: string }> {
    const programs = typeof tee !== "string" || isUnknown(tee) ? undefined : await (await surroundings()).programs(tee, ssh !== undefined);
    return programs === undefined ? {} : { programs };
}

/** Starts the node's agent. One whose port somebody else has got since gets another one, unless the program names it. */
async function startAgent({ name, port }: NodeInputs, wanted: AgentRequest): Promise<AgentInfo> {
    const { startAgent: start } = await surroundings();
    try {
        return await start(wanted);
    } catch (error) {
        if (!(error instanceof AuthenticError && error.code === "AE-AGENT-PORT")) throw error;
        if (port !== undefined || wanted.port === undefined) {
            throw new AuthenticError(error.code, `node "${name}": somebody else listens on its event port ${String(wanted.port)} at ${wanted.listenAddress}`, `end that program (\`ss -ltnp\` on the machine names it), or give the node another \`port\`, or none`, { cause: error });
        }
        const { port: taken, ...free } = wanted;
        console.warn(`node "${name}": somebody else listens on its event port ${taken} at ${wanted.listenAddress}: it gets another one, to which its connections are led.`);
        return start(free);
    }
}

/** What runs of a node whose agent answers. */
async function inspect(properties: NodeOutputs, agent: Agent): Promise<Omit<NodeOutputs, "platform">> {
    const { folder, tee, name } = properties;
    const info = await agent.about();
    const running = await (await surroundings()).runningAgent(folder, tee);
    if (running === undefined) throw new AuthenticError("AE-AGENT-UNREACHABLE", `the agent of node "${name}" has just ended`, "run `pulumi refresh` again");
    const programs = properties.programs?.split(", ").includes(running.programs) === true ? properties.programs : running.programs;
    return { ...properties, ...outputs(properties, info), programs, state: await stateOf(properties, info, agent, running) };
}

/** What a refresh says of a node whose agent is another program than the one that was started. */
function otherPrograms({ name, programs }: NodeOutputs, found: string | undefined): string | undefined {
    return programs === undefined || found === programs ? undefined : driftOf("node", name, `other programs than those that were installed: ${programs} before, ${String(found)} now`);
}

/** Who is reached; undefined for this machine. */
function machineOf({ ssh }: NodeInputs): string | undefined {
    return ssh === undefined || containsUnknown(ssh) ? undefined : authorityOf(ssh);
}

async function request(inputs: NodeInputs) {
    const { name, deploymentId, tee, backend, listenAddress, port } = inputs;
    const authority = machineOf(inputs);
    const processors = (await (await surroundings()).tees())[tee]?.processors;
    return { ...(processors === undefined ? {} : { processors }), ...(authority === undefined ? {} : { authority }), node: name, deployment: deploymentId, tee, ...(backend === undefined ? {} : { backend }), listenAddress, ...(port === undefined ? {} : { port }) };
}

function outputs(inputs: NodeInputs, info: AgentInfo): Omit<NodeOutputs, "platform"> {
    return { ...inputs, enrolment: undefined, folder: info.folder, eventAddress: info.eventAddress, agentVersion: info.agent };
}

/**
 * What the modules' evidence will have to show; recorded once, when nothing secret is on the node yet.
 *
 * @param recorded - what was recorded before: it stays, unless the program names another machine
 */
async function platformOf(inputs: NodeInputs, { folder, platform }: AgentInfo, recorded?: Platform): Promise<Platform> {
    const { backend, platformId, collateralUrl, firmware } = inputs;
    if (backend === "emulated") {
        return recorded ?? (platform === undefined ? {} : pinned(platform));
    }
    const source = collateralUrl === undefined ? {} : { collateralUrl };
    const wanted = platformId ?? recorded?.id;
    const id = wanted !== undefined && wanted === recorded?.id ? wanted : await enrol(inputs, folder, { ...source, ...(platformId === undefined ? {} : { id: platformId }) });
    return { ...source, ...(id === undefined ? {} : { id }), ...(firmware === undefined ? {} : { firmware }) };
}

/** How the platform of an emulated node differs from the pinned one. */
function replaced({ backend, platform, firmware }: NodeOutputs, info: AgentInfo): string | undefined {
    return backend !== "emulated" || firmware !== undefined ? undefined : replacement(platform, info.platform === undefined ? undefined : pinned(info.platform));
}

async function stateOf(properties: NodeOutputs, info: AgentInfo, agent: Agent, { unattended }: RunningAgent): Promise<string> {
    const { tee, firmware, port } = properties;
    const board = tee === BOARD ? await boardState(properties, agent) : firmware === undefined ? "running" : await deviceState(properties);
    const other = replaced(properties, info) ?? (board === "running" ? undefined : board);
    if (other !== undefined) return other;
    if (unattended !== undefined) return `unattended: ${unattended}`;
    return port === undefined || port === info.eventAddress.port ? "running" : `listens at port ${info.eventAddress.port}, and not at its own, ${port}`;
}

function requireSame(properties: NodeOutputs, info: AgentInfo): void {
    const difference = replaced(properties, info);
    if (difference !== undefined) {
        throw otherPlatform(properties.name, difference);
    }
}

/** Makes the node's board run, where it has one. */
async function withBoard(outs: NodeOutputs): Promise<NodeOutputs> {
    if (outs.tee === BOARD) {
        return { ...outs, ...await ensureBoard(outs.folder, outs.backend, outs, outs.nodeKey ?? outs.drawnKey) };
    }
    return outs.firmware === undefined ? outs : { ...outs, platform: await ensureDevice(outs) };
}

async function rules(inputs: RawInputs): Promise<Problem[]> {
    const { tee, backend, trust } = inputs;
    if (typeof tee !== "string" || isUnknown(tee)) {
        return [];
    }
    const tees = await (await surroundings()).tees();
    if (tees[tee] === undefined) {
        return [...trustProblems(trust), problem("tee", `there is no TEE "${tee}" in this version; ${instead(tee, Object.keys(tees), "known ones")}`)];
    }
    return [...await accessProblems(inputs), ...trustProblems(trust), ...backendProblems(tee, backend, trust), ...placeProblems(tees[tee], inputs), ...boardProblems(tee, backend, inputs)];
}

/** Keys with which the node's machine cannot be reached. */
async function accessProblems({ ssh }: RawInputs): Promise<Problem[]> {
    const { success, data } = sshSchema.safeParse(ssh);
    return success && !containsUnknown(data) ? (await keyProblems(data)).map((reason) => problem("", reason)) : [];
}

/** What only nodes of another kind can have, or only other machines. */
function placeProblems(tee: Tee, { backend, collateralUrl, platformId, ssh }: RawInputs): Problem[] {
    const hardware = tee.name !== "native" && backend !== "emulated";
    const misplaced = Object.entries({ collateralUrl, platformId }).filter(([, value]) => value !== undefined && !hardware)
        .map(([key]) => problem(key, `is for hardware nodes: ${backend === "emulated" ? "an emulated platform is recorded when the node is created, and has a service of its own" : "nothing vouches for native ones"}; omit it`));
    // Another machine is examined when the node is created.
    if (ssh !== undefined) return misplaced;
    const reason = tee.unavailable?.(backend === "emulated" ? "emulated" : "hardware", `${process.platform} ${process.arch}`);
    if (reason !== undefined) return [...misplaced, problem("backend", reason)];
    const foreign = otherProcessor(tee.name, tee.processors, machineArchitecture());
    return foreign === undefined ? misplaced : [...misplaced, problem("tee", `this machine cannot run the node: ${foreign.why}; ${foreign.next}`)];
}

function backendProblems(tee: string, backend: unknown, rawTrust: unknown): Problem[] {
    const trust = knownTrust(rawTrust);
    if (tee === "native") {
        return [
            ...(backend === undefined ? [] : [problem("backend", "a native node has neither hardware nor emulation; omit `backend`")]),
            ...(trust === undefined || trust.native ? [] : [problem("tee", "this stack does not accept native nodes, for which nothing vouches; choose a TEE, "
                + "or accept them with `pulumi config set --path authentic:trust.native true`")]),
        ];
    }
    return backend === "emulated" && trust?.emulated === false
        ? [problem("backend", "this stack does not accept emulated TEEs; use `backend: \"hardware\"`, or accept them with `pulumi config set --path authentic:trust.emulated true`")]
        : [];
}

// Agents of other machines: installed over SSH with programs for the machine's processor, looked after there, replaced, and removed.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { hostPort } from "../addresses";
import { AuthenticError } from "../errors";
import { runScript } from "../ssh/shell";
import { formatLocation, type Location, parseLocation } from "../ssh/settings";
import { type AgentAbout, AgentClient } from "./client";
import { MAX_SOCKET_PATH } from "./way";
import { clean } from "./http";
import type { AgentRequest, RunningAgent } from "../lifecycle/surroundings";
import { otherProcessor } from "./processors";
import { nameOf, type Program, programNames, programsFor, versionOf } from "./programs";
import { LOOP, PROBE, REMOVE, RUNNING, runScriptOf, SAID, START, STATUS, STOP, type Supervisor, TIDY, unitName, unitText } from "./supervision";

const START_MS = 60_000;
/** Until an agent that says that it runs has to be reached. */
const LISTENS_MS = 10_000;
const POLL_MS = 100;
/** Characters of a node's name in the name of its folder, which is in the path of a socket. */
const NAME_IN_FOLDER = 24;
/** What a machine says of a folder in which an agent runs. */
const RUNS = "runs";
const SUPERVISORS: readonly string[] = ["systemd-system", "systemd-user", "none"];

/** What an agent has to run on. */
interface Machine {
    /** As `uname -m` says it. */
    readonly architecture: string;
    /** Folder for nodes. */
    readonly root: string;
    readonly supervisor: Supervisor;
    /** Folders of nodes of this name that no state has. */
    readonly left: readonly string[];
    /** Version, SHA-256 and name of the programs that the node has. */
    readonly present: readonly string[];
    /** SHA-256 and path of the program of its agent, where one runs. */
    readonly runs?: string;
    /** Why nobody starts that again when it ends, where nobody does. */
    readonly unattended?: string;
}

/**
 * Installs an agent on a machine and starts it, or returns the one that runs in the folder with these programs; one that runs
 * with others is replaced, while its module hosts go on.
 *
 * @param request - `ssh` is the machine
 * @throws AuthenticError `AE-SSH-…` where the machine cannot be reached or is of no use, else with the agent's own reason
 */
export async function startRemoteAgent(authority: string, request: AgentRequest): Promise<AgentAbout> {
    const known = request.folder === undefined ? undefined : parseLocation(request.folder)?.folder;
    const machine = await probe(authority, request, known);
    const foreign = otherProcessor(request.tee ?? "", request.processors, machine.architecture);
    if (foreign !== undefined) throw new AuthenticError("AE-SSH-MACHINE", `${authority} cannot run node "${request.node}": ${foreign.why}`, foreign.next);
    const programs = await programsFor(machine.architecture, request.tee);
    const version = versionOf(programs);
    const place: Location = { authority, folder: known ?? await newFolder(authority, machine, request) };
    try {
        const installed = machine.runs === `${programs[0]?.digest ?? ""} ${programFolder(place, version)}/authentic-agent` && machine.unattended === undefined && lacking(machine, version, programs).length === 0;
        const runs = installed || await start(place, machine, version, programs, request);
        const about = await answer(place, request.node, runs ? LISTENS_MS : START_MS);
        if (!installed) await settle(place, version, request, about);
        return about;
    } catch (error) {
        // An agent that cannot be told to end has run nothing yet.
        if (known === undefined) await endRemoteAgent(place).catch(() => removeFolder(place)).catch(() => undefined);
        throw error;
    }
}

/** What is said of an agent in `run` counts when it is started again: the port it picked stays. */
async function settle(place: Location, version: string, request: AgentRequest, { eventAddress: { port } }: AgentAbout): Promise<void> {
    const command = runScriptOf(commandOf(place, version, { ...request, port }));
    await runScript(place.authority, "note the port of an agent", `umask 077; printf %s "$3" > "$1/run.new"; mv -f "$1/run.new" "$1/run"\n${TIDY}`, [place.folder, version, command]);
}

/** @param folder - of the node, where it has one */
async function probe(authority: string, { node, deployment }: AgentRequest, folder: string | undefined): Promise<Machine> {
    const words = [deploymentFolder(deployment), nameInFolder(node), folder ?? "", folder === undefined ? "" : unitName(folder)];
    const [system = "", architecture = "", root = "", supervisor = "", ...rest] = (await runScript(authority, "examine the machine", PROBE, words)).trim().split("\n");
    const said = (what: string) => rest.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1));
    const unusable = (why: string, next: string) => new AuthenticError("AE-SSH-MACHINE", `${authority} cannot run a node: ${why}`, next);
    if (system !== "Linux") throw unusable(`it runs ${clean(system)}, and agents need Linux`, "choose a Linux machine");
    if (said("lacks").length > 0) throw unusable(`it lacks ${said("lacks").map(clean).join(", ")}`, "install that there, such as with its package manager");
    if (!SUPERVISORS.includes(supervisor) || !/^\/[A-Za-z0-9_./@+-]+$/.test(root)) throw unusable("its shell prints something else when it is asked for the folder of its account", "choose an account with a POSIX shell that prints nothing at login");
    const [[runs], [unattended]] = [said("runs"), said("unattended")];
    return { architecture: clean(architecture), root, supervisor: supervisor as Supervisor, left: said("left"), present: said("has"), ...(runs === undefined ? {} : { runs }), ...(unattended === undefined ? {} : { unattended }) };
}

const deploymentFolder = (deployment: string): string => deployment.slice(0, 8);
const nameInFolder = (node: string): string => node.slice(0, NAME_IN_FOLDER);

/** Where a new node of this name goes. What killed attempts to make it have left is ended before. */
async function newFolder(authority: string, { root, left }: Machine, { node, deployment }: AgentRequest): Promise<string> {
    const parent = `${root}/${deploymentFolder(deployment)}`;
    const name = nameInFolder(node);
    for (const folder of left.filter((one) => one.startsWith(`${name}-`) && !one.includes("/"))) await endRemoteAgent({ authority, folder: `${parent}/${folder}` });
    const folder = `${parent}/${name}-${randomBytes(3).toString("hex")}`;
    if (Buffer.byteLength(`${folder}/agent.sock`) > MAX_SOCKET_PATH) {
        throw new AuthenticError("AE-SSH-PATH", `the folder ${folder} at ${authority} has too long a path for a socket`, "shorten the node's name, or set XDG_STATE_HOME to a shorter folder for that account");
    }
    return folder;
}

function programFolder({ folder }: Location, version: string): string {
    return `${folder}/programs/${version}`;
}

function commandOf(place: Location, version: string, { node, listenAddress, port = 0, tee, backend = "hardware" }: AgentRequest) {
    return { folder: place.folder, programs: programFolder(place, version), node, listen: hostPort(listenAddress, port), ...(tee === "sgx" ? { sgx: backend } : {}) };
}

/** The programs that a node does not have yet, or not any more. */
function lacking({ present }: Machine, version: string, programs: readonly Program[]): Program[] {
    return programs.filter(({ name, digest }) => !present.includes(`${version} ${digest} ${name}`));
}

/** Installs what is missing and starts the agent. @returns whether it says that it runs @throws AuthenticError with the reason that it left where it does not start */
async function start(place: Location, machine: Machine, version: string, programs: readonly Program[], request: AgentRequest): Promise<boolean> {
    const { authority, folder } = place;
    const { supervisor } = machine;
    const unit = supervisor === "none" ? "" : unitText(request.node, folder, supervisor);
    const missing = lacking(machine, version, programs);
    const words = [folder, supervisor, unitName(folder), unit, runScriptOf(commandOf(place, version, request)), LOOP, version,
        ...missing.flatMap(({ name, digest, content }) => [name, digest, String(content.length)])];
    const input = Buffer.concat(await Promise.all(missing.map(({ packed }) => packed())));
    const said = await runScript(authority, `install and start the agent of node "${request.node}"`, START, words, missing.length === 0 ? {} : { input });
    return requireStarted(request.node, said);
}

/** Waits until the agent answers. @throws AuthenticError with the reason that it left where it does not start */
async function answer(place: Location, node: string, withinMs = START_MS): Promise<AgentAbout> {
    const client = new AgentClient(formatLocation(place));
    for (const deadline = performance.now() + withinMs; ;) {
        try {
            return await client.about(START_MS);
        } catch (error) {
            if (!(error instanceof AuthenticError && error.code === "AE-AGENT-UNREACHABLE")) throw error;
        }
        requireStarted(node, await runScript(place.authority, "read what an agent says", SAID, [place.folder]));
        if (performance.now() > deadline) {
            throw await remoteAgentGone(place)
                ? new AuthenticError("AE-AGENT-START", `the agent of node "${node}" does not start within ${START_MS / 1000} s`, `look at ${place.folder}/agent.log at ${place.authority}`)
                : new AuthenticError("AE-SSH-FORWARDING", `the agent of node "${node}" runs, but the SSH server of ${place.authority} does not lead to its socket`, "set `AllowStreamLocalForwarding yes` in its sshd_config, and do not set DisableForwarding");
        }
        await sleep(POLL_MS);
    }
}

/** @param said - by the agent @returns whether that is that it runs; it may not have said anything @throws AuthenticError of a start that failed */
function requireStarted(node: string, said: string): boolean {
    let reason: { code?: unknown; message?: unknown; next?: unknown } | undefined;
    try {
        reason = (JSON.parse(said) as { error?: typeof reason }).error;
    } catch {
        return false;
    }
    if (reason === undefined) return true;
    const { code, message, next } = reason;
    if (typeof code !== "string" || !/^AE-[A-Z-]{1,60}$/.test(code) || typeof message !== "string" || typeof next !== "string") return false;
    throw new AuthenticError(code, `the agent of node "${node}" does not start: ${clean(message)}`, clean(next));
}

/** Whether an agent runs in a folder, or one that is gone has left processes there. */
async function statusOf({ authority, folder }: Location): Promise<string> {
    return (await runScript(authority, "look for an agent", STATUS, [folder])).trim();
}

/** What the agent of a folder runs with, and who looks after it; undefined where it is proven that none runs. */
export async function runningRemoteAgent({ authority, folder }: Location, tee: string | undefined): Promise<RunningAgent | undefined> {
    const [architecture = "", ...lines] = (await runScript(authority, "look at an agent", RUNNING, [folder, unitName(folder), ...programNames(tee)])).trim().split("\n");
    if (architecture === "") return undefined;
    const programs = programNames(tee).map((name) => ({ name, digest: /^[0-9a-f]{64}(?= )/.exec(lines.find((line) => line.endsWith(` ${name}`)) ?? "")?.[0] ?? "missing" }));
    const unattended = lines.find((line) => line.startsWith("unattended "))?.slice("unattended ".length);
    return { programs: nameOf(clean(architecture), versionOf(programs)), ...(unattended === undefined ? {} : { unattended: clean(unattended) }) };
}

/** Whether it is proven that no agent runs in a folder. @throws AuthenticError where the machine cannot be asked */
export async function remoteAgentGone(place: Location): Promise<boolean> {
    return await statusOf(place) !== RUNS;
}

/** Ends an agent alone, and whoever would start it again. */
export async function killRemoteAgent({ authority, folder }: Location): Promise<void> {
    await runScript(authority, "end an agent", STOP, [folder, unitName(folder)]);
}

/** Notes that a state has the folder of a node, once a process; see `recordLocalAgent`. */
export async function recordRemoteAgent({ authority, folder }: Location): Promise<void> {
    const key = formatLocation({ authority, folder });
    if (noted.has(key)) return;
    try {
        await runScript(authority, "note a node", `[ ! -d "$1" ] || : > "$1/recorded"`, [folder], { patient: false });
        noted.add(key);
    } catch {
        // The host cannot be reached, or has no space: what is not noted is noted the next time.
    }
}

const noted = new Set<string>();

/**
 * Ends an agent with everything it runs, also what an agent that is gone has left behind, and removes its folder with the
 * programs in it. Nothing to do where that has been done.
 */
export async function endRemoteAgent(place: Location): Promise<void> {
    const { authority, folder } = place;
    let status = await statusOf(place);
    if (status === "left") {
        // Only an agent can tell its processes from others that have got their ids since.
        await runScript(authority, "start an agent that ends what another one has left", `setsid sh "$1/run" </dev/null >/dev/null 2>&1 &`, [folder]);
        await answer(place, folder.slice(folder.lastIndexOf("/") + 1));
        status = RUNS;
    }
    if (status === RUNS) await new AgentClient(formatLocation(place)).shutdown();
    await removeFolder(place);
}

/** Ends an agent alone, with whoever would start it again, and removes the node's folder. */
async function removeFolder({ authority, folder }: Location): Promise<void> {
    await runScript(authority, "remove the folder of a node", `${STOP}\n${REMOVE}`, [folder, unitName(folder)]);
}

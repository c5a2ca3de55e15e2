// Agents of this machine: started as background processes with a folder of their own, found again, and ended.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, readdir, readFile, readlink, realpath, rm, rmdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hostPort } from "../addresses";
import { AuthenticError } from "../errors";
import { makeFolder, writing } from "../storage";
import { type AgentAbout, AgentClient } from "./client";
import { clean } from "./http";
import { machineArchitecture } from "./processors";
import { agentProgram, nameOf, packagedVersion, versionAround } from "./programs";
import { SOCKETS_LEFT } from "./supervision";

const START_MS = 30_000;
const END_MS = 30_000;
const POLL_MS = 25;
const MAX_ERROR_BYTES = 16_384;

/** In the folder of a node that a state has. */
const RECORDED = "recorded";

/** An agent to start. */
export interface LocalAgentRequest {
    /** Name of the node. */
    readonly node: string;
    /** 32 hexadecimal digits. */
    readonly deployment: string;
    /** IPv4 or IPv6 address. */
    readonly listenAddress: string;
    /** Absent: the system picks a free one. */
    readonly port?: number;
    /** Folder of a node that exists already. */
    readonly folder?: string;
    /** Kind of the node; `native` where it is absent. */
    readonly tee?: string;
    /** Whether the TEE is the machine's own, as where it is absent, or an emulation. */
    readonly backend?: "hardware" | "emulated";
}

/** Where nodes of this machine have their folders: `AUTHENTIC_STATE`, else `pulumi-authentic` in the XDG state folder. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
    if (env["AUTHENTIC_STATE"]) return path.resolve(env["AUTHENTIC_STATE"]);
    const xdg = env["XDG_STATE_HOME"];
    return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), ".local", "state"), "pulumi-authentic");
}

/**
 * Starts an agent, or returns the one that runs in the folder with this package's programs; one that runs with others is replaced.
 * Module hosts that survive a former agent are adopted.
 *
 * @throws AuthenticError with the agent's own reason where it does not start; a new folder is removed again
 */
export async function startLocalAgent(request: LocalAgentRequest): Promise<AgentAbout> {
    const { node, deployment } = request;
    const folder = request.folder ?? await newFolder(node, deployment);
    const client = new AgentClient(folder);
    const binary = await agentProgram(machineArchitecture());
    const running = request.folder === undefined ? undefined : await localPrograms(folder, request.tee);
    if (running !== undefined) {
        if (running === nameOf(machineArchitecture(), await packagedVersion(machineArchitecture(), request.tee))) return client.about();
        await killLocalAgent(folder);
    }
    await writing({ what: `node "${node}"`, folder: stateFolder(), variable: "AUTHENTIC_STATE" }, () => makeFolder(folder, 0o700));
    try {
        // The agent reports the path without symbolic links, under which it is looked for later.
        return await start(binary, await realpath(folder), request, client);
    } catch (error) {
        if (request.folder === undefined) await removeFolder(folder);
        throw error;
    }
}

/** Where a new node of this name goes. What killed attempts to make it have left is ended before. */
async function newFolder(node: string, deployment: string): Promise<string> {
    const parent = path.join(stateFolder(), deployment.slice(0, 16));
    for (const name of await readdir(parent).catch(() => [])) {
        const folder = path.join(parent, name);
        if (name.slice(0, -7) === node && /^-[0-9a-f]{6}$/.test(name.slice(-7)) && !await exists(path.join(folder, RECORDED))) {
            // As an agent names it, without symbolic links.
            await endLocalAgent(await realpath(folder));
        }
    }
    return path.join(parent, `${node}-${randomBytes(3).toString("hex")}`);
}

/**
 * Notes that a state has the folder of a node: from now on nobody takes it for what a killed attempt has left.
 *
 * @param folder - of the node; nothing happens where there is none
 */
export async function recordLocalAgent(folder: string): Promise<void> {
    try {
        await writeFile(path.join(folder, RECORDED), "", { mode: 0o600 });
    } catch {
        // There is no such folder, or no space: what is not noted is noted the next time.
    }
}

async function start(binary: string, folder: string, { node, listenAddress, port = 0, tee, backend = "hardware" }: LocalAgentRequest, client: AgentClient): Promise<AgentAbout> {
    const child = spawn(binary, ["run", "--folder", folder, "--node", node, "--listen", hostPort(listenAddress, port), ...(tee === "sgx" ? ["--sgx", backend] : [])], {
        // It outlives this process, which has secrets in its environment that an agent must not see.
        detached: true, stdio: ["ignore", "ignore", "pipe"], cwd: "/", env: agentEnvironment(),
    });
    const ended = endOf(child, node);
    try {
        for (const deadline = performance.now() + START_MS; ;) {
            const about = await Promise.race([client.about(START_MS).catch((error: unknown) => silent(error)), ended]);
            if (about !== undefined) return about;
            if (performance.now() > deadline) throw new AuthenticError("AE-AGENT-START", `the agent of node "${node}" does not answer within ${START_MS / 1000} s`, `look at ${folder}/agent.log`);
            await Promise.race([sleep(POLL_MS), ended]);
        }
    } catch (error) {
        child.kill("SIGKILL");
        throw error;
    } finally {
        ended.catch(() => undefined);
        child.stderr.destroy();
        child.unref();
    }
}

/** Only what a program needs to run. */
function agentEnvironment(): NodeJS.ProcessEnv {
    return Object.fromEntries(["PATH", "HOME", "LANG", "TZ", "RUST_LOG"].filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]] as const));
}

/** Undefined where the agent does not answer yet. */
function silent(error: unknown): undefined {
    if (error instanceof AuthenticError && error.code === "AE-AGENT-UNREACHABLE") return undefined;
    throw error;
}

/** Rejects when the agent ends, with the reason it gives. */
async function endOf(child: ChildProcess & { readonly stderr: NodeJS.ReadableStream }, node: string): Promise<never> {
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
        if (output.length < MAX_ERROR_BYTES) output += chunk.toString("utf8");
    });
    const how = await new Promise<string>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code, signal) => resolve(signal ?? `exit code ${String(code)}`));
    });
    let reason: { code?: unknown; message?: unknown; next?: unknown } = {};
    try {
        reason = JSON.parse(output) as typeof reason;
    } catch {
        // It was ended before it could say anything.
    }
    const { code, message, next } = reason;
    if (typeof code === "string" && typeof message === "string" && typeof next === "string") {
        throw new AuthenticError(code, `the agent of node "${node}" does not start: ${clean(message)}`, clean(next));
    }
    throw new AuthenticError("AE-AGENT-ENDED", `the agent of node "${node}" ended while it started (${how})${output === "" ? "" : `: ${clean(output)}`}`, "run `pulumi up` again");
}

/**
 * Whether it is proven that no agent runs in a folder of this machine.
 *
 * @param folder - absolute; one that does not exist has no agent
 */
export async function agentGone(folder: string): Promise<boolean> {
    return await runningPid(folder) === undefined;
}

/** Process id of the agent that runs in a folder. Ids are reused, so the process has to say that it is one. */
async function runningPid(folder: string): Promise<number | undefined> {
    try {
        const pid = Number.parseInt(await readFile(path.join(folder, "agent.pid"), "utf8"), 10);
        return await isAgent(pid, folder) ? pid : undefined;
    } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
    }
}

async function isAgent(pid: number, folder: string): Promise<boolean> {
    try {
        const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
        return words.includes("run") && words[words.indexOf("--folder") + 1] === folder;
    } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
    }
}

/** Whether a process is ending: it has no memory any more, but may still have its sockets and locks. */
async function isEnding(pid: number): Promise<boolean> {
    try {
        return await readFile(`/proc/${pid}/cmdline`, "utf8") === "" && !/^State:\s*[ZX]/m.test(await readFile(`/proc/${pid}/status`, "utf8"));
    } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
    }
}

/** ESRCH: a process that ended between opening and reading. */
function isAbsent(error: unknown): boolean {
    return ["ENOENT", "ENOTDIR", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The programs of the agent that runs in a folder, as state names them: its own, and those beside it. Undefined where none runs. */
export async function localPrograms(folder: string, tee: string | undefined): Promise<string | undefined> {
    const pid = await runningPid(folder);
    if (pid === undefined) return undefined;
    const program = `/proc/${pid}/exe`;
    // The file may have been replaced since it was started.
    const place = await readlink(program).catch(() => undefined);
    return place === undefined ? undefined : nameOf(machineArchitecture(), await versionAround(program, path.dirname(place), tee));
}

/** Ends an agent alone: its module hosts go on, and the next agent of the folder adopts them. */
export async function killLocalAgent(folder: string): Promise<void> {
    const pid = await runningPid(folder);
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    await untilGone(pid, folder);
}

/**
 * Ends an agent with everything it runs, also what an agent that is gone has left behind, and removes its folder.
 * Nothing to do where that has been done.
 *
 * @throws AuthenticError where an agent runs but does not answer
 */
export async function endLocalAgent(folder: string): Promise<void> {
    if (await agentGone(folder)) {
        if (await hasInstances(folder) || (await Promise.all(SOCKETS_LEFT.map((socket) => exists(path.join(folder, socket))))).includes(true)) {
            // Only an agent can tell its processes from others that have got their ids since.
            await startLocalAgent({ node: path.basename(folder), deployment: "", listenAddress: "127.0.0.1", folder });
        } else {
            await removeFolder(folder);
            return;
        }
    }
    // It takes the file with its process id away before it has ended.
    const pid = await runningPid(folder);
    await shutDown(folder);
    if (pid !== undefined) await untilGone(pid, folder);
    await removeFolder(folder);
}

/** Tells an agent to end with its module hosts: on its socket, or by a signal where somebody took the socket away. */
async function shutDown(folder: string): Promise<void> {
    try {
        await new AgentClient(folder).shutdown();
    } catch (error) {
        const pid = await runningPid(folder);
        if (pid === undefined) return;
        if (!(error instanceof AuthenticError && error.code === "AE-AGENT-UNREACHABLE")) throw error;
        process.kill(pid, "SIGTERM");
    }
}

async function hasInstances(folder: string): Promise<boolean> {
    try {
        return (await readdir(path.join(folder, "instances"))).length > 0;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
    }
}

async function exists(file: string): Promise<boolean> {
    return await access(file).then(() => true, () => false);
}

async function untilGone(pid: number, folder: string): Promise<void> {
    for (const deadline = performance.now() + END_MS; await isAgent(pid, folder) || await isEnding(pid);) {
        if (performance.now() > deadline) throw new AuthenticError("AE-AGENT-END", `the agent of ${folder} does not end`, `look at ${folder}/agent.log and end its process`);
        await sleep(POLL_MS);
    }
}

/** Removes a node's folder, and that of its deployment with the last one. */
async function removeFolder(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
    try {
        await rmdir(path.dirname(folder));
    } catch {
        // Other nodes are in it, or somebody else removed it.
    }
}

// What the lifecycles need from the rest of the package: TEEs, agents and sessions. Tests put others in their place.

import type { BoardRequest, HandOverRecord, StartRequest, TrustzoneFacts } from "../agent/client";
import type { LocalAgentRequest } from "../agent/local";
import type { Fetched } from "../attest/collateral/fetch";
import type { Channel, Deployer, SessionDriver } from "../session/session";
import type { BoardSoftware, Tee } from "../tee/tee";
import type { ReportedPlatform } from "./platform";

/** What an agent says about itself (docs/agent-api.md). */
export interface AgentInfo {
    readonly agent: string;
    readonly node: string;
    readonly folder: string;
    readonly eventAddress: { readonly host: string; readonly port: number };
    /** Of an emulated TEE; absent on others. */
    readonly platform?: ReportedPlatform | undefined;
}

/** An outgoing or incoming connection as an untrusted agent reports it. */
export interface ConnectionReport {
    readonly connection: number;
    readonly route?: { readonly address: string; readonly instance: string } | null | undefined;
}

/** A board as an untrusted agent reports it. */
export interface BoardReport {
    /** Since when it is the board that it is: another time where somebody has put another one in its place. */
    readonly since?: string | undefined;
}

/** A module instance as an untrusted agent reports it. */
export interface InstanceReport {
    readonly instance: string;
    /** Name of the module and id of the deployment that it was started for. */
    readonly name: string;
    readonly deployment: string;
    readonly imageDigest: string;
    readonly state: "running" | "failed" | "exited";
    readonly reason?: string | undefined;
    /** Which process it is, and whether it has been offered a state: what is decided by a look is done to nothing else. */
    readonly version: string;
    readonly connections: readonly ConnectionReport[];
    readonly triggers: readonly { readonly name: string; readonly endpoint: number; readonly everyMs: number }[];
}

/** The control interface of one agent. @throws AuthenticError `AE-AGENT-UNREACHABLE` and others */
export interface Agent {
    about(): Promise<AgentInfo>;
    /** Undefined where the agent has no such instance. */
    instance(id: string): Promise<InstanceReport | undefined>;
    start(id: string, request: StartRequest): Promise<Pick<InstanceReport, "version">>;
    /** The image that an instance was started with, as the agent has it. */
    image(id: string): Promise<Uint8Array>;
    /** Makes the node's board run; one that runs as described goes on. */
    startBoard(board: BoardRequest): Promise<BoardReport>;
    /** Puts the successor of an instance in its place, if it still is of this version; else `AE-AGENT-CHANGED`. */
    promote(id: string, version: string): Promise<void>;
    /** What the agent has kept of a hand-over of an instance. */
    handOver(id: string): Promise<HandOverRecord>;
    /** The unacknowledged frames of an instance that is prepared, and how the next one gets them. */
    frames(id: string): Promise<Uint8Array>;
    putFrames(id: string, frames: Uint8Array): Promise<void>;
    /** The node's board; undefined where none runs. */
    board(): Promise<BoardReport | undefined>;
    /** What the node's TrustZone board says of itself; undefined where none runs. */
    trustzone(): Promise<TrustzoneFacts | undefined>;
    /** Runs a TrustZone board with this software; one that does goes on. */
    putTrustzone(software: Pick<BoardSoftware, "firmware" | "nonsecure"> & { readonly device?: string }): Promise<TrustzoneFacts>;
    /** Ends the TrustZone board and every module on it. */
    endTrustzone(): Promise<void>;
    /** Ends an instance and removes its folder; also where there is none. With a version only if it still is that; else `AE-AGENT-CHANGED`. */
    remove(id: string, version?: string): Promise<void>;
    setRoute(id: string, connection: number, route: { readonly address: string; readonly instance: string }): Promise<void>;
    removeRoute(id: string, connection: number): Promise<void>;
    setTrigger(id: string, name: string, trigger: { readonly endpoint: number; readonly everyMs: number }): Promise<void>;
    removeTrigger(id: string, name: string): Promise<void>;
    channel(id: string): Channel;
    /**
     * Gets a document of the emulated platform's collateral service.
     *
     * @param path - as at Intel's: `/sgx/certification/v4/qe/identity`
     */
    collateral(path: string): Promise<Fetched>;
}

/** An agent to start, or to find running. */
export interface AgentRequest extends LocalAgentRequest {
    /** The machine, where it is another one: `user@host:22`. */
    readonly authority?: string;
    /** What its modules are compiled for, as `uname -m` names processors. Absent: anything. */
    readonly processors?: readonly string[];
}

/** What an agent runs with. */
export interface RunningAgent {
    /** Its programs, as state names them: `x86_64 0123456789abcdef`. */
    readonly programs: string;
    /** Why nobody starts it again when it ends, where somebody should. */
    readonly unattended?: string | undefined;
}

export interface Surroundings {
    /** The kinds of TEE of this version, by name. */
    readonly tees: () => Promise<Readonly<Record<string, Tee>>>;
    /** The programs that a node is to run, as state names them; undefined where there are none. `elsewhere`: on another machine. */
    readonly programs: (tee: string, elsewhere: boolean) => Promise<string | undefined>;
    /** What the agent of a folder runs with; undefined where none runs. @throws AuthenticError where its machine cannot be asked */
    readonly runningAgent: (folder: string, tee: string) => Promise<RunningAgent | undefined>;
    /** Starts an agent, or returns the one that runs there with these programs. Instances that survived an agent are adopted. */
    readonly startAgent: (request: AgentRequest) => Promise<AgentInfo>;
    /** Ends an agent, its instances and what an agent that is gone left behind, and removes its folder. Idempotent. */
    readonly endAgent: (folder: string) => Promise<void>;
    /** Ends an agent alone: its instances go on, and the next agent of the folder adopts them. */
    readonly killAgent: (folder: string) => Promise<void>;
    /** Notes that state has an agent's folder: an agent that no state has is what a killed `up` left, and is ended. */
    readonly recordAgent: (folder: string) => Promise<void>;
    /** Whether it is proven that no agent runs for a folder. @throws AuthenticError where its machine cannot be asked */
    readonly agentGone: (folder: string) => Promise<boolean>;
    readonly agent: (folder: string) => Promise<Agent>;
    /** Draws a key that signs enclaves, PEM: a secret. Takes a second. */
    readonly generateVendorKey: () => Promise<string>;
    readonly driver: (deployer: Deployer) => Promise<SessionDriver>;
}

let current: Surroundings | undefined;

/** The surroundings of this process. */
export async function surroundings(): Promise<Surroundings> {
    current ??= (await import("./real.js")).real;
    return current;
}

/** Puts other surroundings in place, for tests; undefined brings the real ones back. */
export function setSurroundings(replacement: Surroundings | undefined): void {
    current = replacement;
}

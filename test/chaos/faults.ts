// What can go wrong: each fault is done, proven to have happened, and told which modules' state may have ended with it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../attest/campaign/random";
import { fillDisk, freeDisk } from "../agent/disk";
import { DEPLOYER, type Network } from "../network/network";
import { isAlive } from "../processes";
import type { HostProcess, SshHost } from "../ssh/server";
import type { Module } from "./oracle";
import { MODULES } from "./plant";

export const PHASES = ["idle", "create", "rotate", "change", "move", "refresh", "delete"] as const;
export type Phase = (typeof PHASES)[number];

/** Names of a network's hosts. */
export const HOSTS = ["here", "there"] as const;

/** What faults are done to. */
export interface Target {
    readonly hosts: readonly [SshHost, SshHost];
    readonly network: Network;
    readonly random: Random;
    /** Whether no command runs. */
    readonly idle: boolean;
    /** Begins another deployer's `up`, which goes on by itself. */
    readonly rival: () => Rival;
    /** From now on nothing is done in this deployer's name. */
    readonly endDeployer: () => void;
}

export interface Rival {
    /** Once it has ended. */
    readonly outcome: Promise<{ readonly steps: number; readonly code?: string }>;
}

/** A fault that has been done. */
export interface Struck {
    /** What is gone, cut off or refused, for people. */
    readonly proof: string;
    /** Whose state may be gone. */
    readonly victims: ReadonlySet<Module>;
    /** Ends a fault that lasts. @returns whether it has had an effect */
    readonly end?: () => Promise<boolean>;
    /** The longest time that a fault lasts. */
    readonly lastsMs?: number;
}

export interface Fault {
    readonly phases: readonly Phase[];
    /** Events flow again without the deployer once it is over. */
    readonly alone: boolean;
    readonly strike: (target: Target) => Promise<Struck | undefined>;
}

const NOBODY: ReadonlySet<Module> = new Set();
const DEPLOYING = PHASES.filter((phase) => phase !== "idle");
const program = ({ words }: HostProcess): string => path.basename(words[0] ?? "");

/** The module that a host process runs: its agent has noted both. A module that took over keeps its process, in another folder. */
function moduleOf({ pid, words }: HostProcess): Module | undefined {
    const folder = words.find((word) => /\/instances\/[0-9a-f]{32}(\.successor)?$/.test(word));
    const read = (place: string, file: string): string => {
        try {
            return fs.readFileSync(path.join(place, file), "utf8");
        } catch {
            return "";
        }
    };
    const places = folder === undefined ? [] : [folder, folder.replace(/\.successor$/, "")];
    const place = places.find((one) => read(one, "host.pid").trim() === String(pid)) ?? places.find((one) => read(one, "instance.json") !== "");
    const name = place === undefined ? undefined : /"name":\s*"(\w+)"/.exec(read(place, "instance.json"))?.[1];
    return MODULES.find((module) => module === name);
}

/** SIGKILL of one process that a host runs. */
async function kill({ hosts, random }: Target, which: (process: HostProcess) => boolean): Promise<Struck | undefined> {
    const found = hosts.flatMap((host) => host.processes()).filter(which);
    const victim = found[random(Math.max(1, found.length))];
    if (victim === undefined) return undefined;
    const module = moduleOf(victim);
    assert.ok(module !== undefined || program(victim) !== "authentic-host", `whose host is ${victim.words.join(" ")}`);
    process.kill(victim.pid, "SIGKILL");
    for (let tries = 0; isAlive(victim.pid); tries++) {
        assert.ok(tries < 500, `${victim.words.join(" ")} does not end`);
        await sleep(10);
    }
    return { proof: `${program(victim)} ${victim.pid}${module === undefined ? "" : ` of ${module}`} is gone`, victims: new Set(module === undefined ? [] : [module]) };
}

const oneOf = <T>(random: Random, all: readonly T[]): T => all[random(all.length)]!;
const duration = (random: Random): number => 300 + random(3000);

/** Hosts between which packets go, the deployer among them. */
const WAYS = [[DEPLOYER, "here"], [DEPLOYER, "there"], ["here", "there"]] as const;

const isSgx = ({ words }: HostProcess): boolean => words.some((word) => word.includes("/middle-"));

export const FAULTS = {
    agent: { phases: PHASES, alone: true, strike: (target) => kill(target, (one) => program(one) === "authentic-agent") },
    "module host": { phases: PHASES, alone: false, strike: (target) => kill(target, (one) => program(one) === "authentic-host" && !isSgx(one)) },
    enclave: { phases: PHASES, alone: false, strike: (target) => kill(target, (one) => program(one) === "authentic-host" && isSgx(one)) },
    platform: { phases: PHASES, alone: true, strike: (target) => kill(target, (one) => program(one) === "authentic-sgx-platform") },
    board: { phases: ["idle", "rotate", "change", "move", "refresh"], alone: false, strike: async (target) => {
        const struck = await kill(target, (one) => program(one) === "qemu-system-arm");
        // Whatever is on it.
        return struck === undefined ? undefined : { ...struck, victims: new Set<Module>(["worker"]) };
    } },
    "SSH cut": { phases: DEPLOYING, alone: true, strike: ({ hosts }) => {
        const cut = hosts.reduce((sum, host) => sum + host.cut(), 0);
        return Promise.resolve(cut === 0 ? undefined : { proof: `${cut} processes of connections are gone`, victims: NOBODY });
    } },
    "SSH server": { phases: PHASES, alone: true, strike: async ({ hosts, random }) => {
        const host = oneOf(random, hosts);
        await host.stop();
        const { accepted } = host;
        return { proof: "no server listens", victims: NOBODY, lastsMs: duration(random), end: async () => {
            assert.equal(host.accepted, accepted, "somebody has connected meanwhile");
            await host.start();
            return true;
        } };
    } },
    reboot: { phases: PHASES, alone: false, strike: async ({ hosts, random }) => {
        const host = oneOf(random, hosts);
        const victims = new Set(host.processes().flatMap((one) => moduleOf(one) ?? []));
        // Modules of a board have hosts as well.
        const killed = await host.reboot();
        return { proof: `${killed.length} processes are gone`, victims };
    } },
    "disk full": { phases: PHASES, alone: true, strike: ({ hosts, random }) => {
        const host = oneOf(random, hosts);
        // Which proves that a write fails for lack of space.
        fillDisk(host.disk);
        return Promise.resolve({ proof: "a byte was refused with ENOSPC", victims: NOBODY, lastsMs: duration(random), end: () => {
            freeDisk(host.disk);
            return Promise.resolve(true);
        } });
    } },
    partition: { phases: PHASES, alone: true, strike: async ({ network, random, idle }) => {
        // Who says nothing is cut off from nobody.
        const way = idle ? 2 + random(2) : random(4);
        const [a, b] = way === 3 ? [undefined, undefined] : WAYS[way]!;
        const before = await network.counts();
        for (const [one, other] of WAYS) if (a === undefined || (one === a && other === b)) await network.partition(one, other, { oneWay: a !== undefined && random(3) === 0 });
        return { proof: "packets vanish", victims: NOBODY, lastsMs: 2_000 + random(4_000), end: async () => {
            const { cut } = await network.counts();
            await network.heal();
            return cut > before.cut;
        } };
    } },
    loss: { phases: PHASES, alone: true, strike: async ({ network, random }) => {
        const before = await network.counts();
        const impairment = { delayMs: random(20), jitterMs: random(20), loss: 0.02 + random(8) / 100, reorder: random(20) / 100 };
        for (const [one, other] of WAYS) await network.impair(one, other, impairment);
        return { proof: "packets are lost", victims: NOBODY, lastsMs: 4_000 + random(4_000), end: async () => {
            for (const [one, other] of WAYS) await network.impair(one, other, {});
            const { lost, reordered } = await network.counts();
            return lost + reordered > before.lost + before.reordered;
        } };
    } },
    deployer: { phases: DEPLOYING, alone: true, strike: ({ endDeployer }) => {
        endDeployer();
        return Promise.resolve({ proof: "nothing is done in its name any more", victims: NOBODY });
    } },
    "two deployers": { phases: ["rotate", "change", "move", "refresh"], alone: true, strike: async ({ rival }) => {
        const { outcome } = rival();
        return { proof: "another one is at work", victims: NOBODY, lastsMs: Infinity, end: async () => {
            return (await outcome).steps > 0;
        } };
    } },
    clock: { phases: DEPLOYING, alone: true, strike: ({ random }) => {
        const { now } = Date;
        const hours = oneOf(random, [-26, -3, 3, 26, 24 * 60]);
        const before = Date.now();
        Date.now = () => now() + hours * 3_600_000;
        assert.ok(Math.abs(Date.now() - before) > 3_000_000);
        return Promise.resolve({ proof: `the deployer's clock is ${hours} hours off`, victims: NOBODY, lastsMs: Infinity, end: () => {
            Date.now = now;
            return Promise.resolve(true);
        } });
    } },
} satisfies Record<string, Fault>;

export type Kind = keyof typeof FAULTS;
export const KINDS = Object.keys(FAULTS) as Kind[];

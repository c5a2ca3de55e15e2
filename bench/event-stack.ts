// The modules whose events are measured, deployed with real agents and module hosts on native and emulated SGX nodes.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { DeployedStack } from "../provider/stack/stack";
import type { StackState } from "../provider/stack/state";
import * as ae from "../resources";
import { Stack } from "../test/lifecycle/stack";
import { packageRoot } from "../tools/setup/toolchain";
import type { Processors } from "./baseline";
import { plainKit } from "./plain-kit";

const run = promisify(execFile);

/** Where modules run. `plain`: natively, with a kit that leaves the cryptography of frames out. */
export const PLACES = ["plain", "native", "sgx"] as const;
export type Place = (typeof PLACES)[number];

/** Events under way between source and sink: bursts of 64 that fit the largest window. */
const BURSTS = 12;
const WINDOW = 1024;
const PAGE = 8192;

/** So many events came until that moment of the time-stamp counter. */
export interface Sum {
    readonly count: number;
    readonly time: number;
}

/** The deployed modules. */
export class EventStack {
    private constructor(private readonly base: string, private readonly stack: Stack, private readonly deployed: DeployedStack) {}

    /** Builds, loads, attests and connects everything in these places. */
    static async start(places: readonly Place[]): Promise<EventStack> {
        const base = await mkdtemp(path.join(os.tmpdir(), "authentic-bench-"));
        const plain = places.includes("plain");
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        if (plain) process.env["AUTHENTIC_KIT"] = plainKit(path.join(base, "kit"));
        const stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        try {
            await stack.up(() => program(places));
        } catch (error) {
            await stack.destroy();
            throw error;
        } finally {
            if (plain) delete process.env["AUTHENTIC_KIT"];
        }
        const of = (kind: string) => [...stack.state.values()].filter((entry) => entry.kind === kind).map(({ outs }) => outs);
        const state = { deployments: of("Deployment"), nodes: of("Node"), modules: of("Module"), connections: of("Connection") };
        return new EventStack(base, stack, new DeployedStack(state as unknown as StackState));
    }

    /** Moves the two processes that run these modules to these processors. */
    async place(place: Place, names: readonly [string, string], processors: Processors): Promise<void> {
        for (const [index, name] of names.entries()) {
            const { instance } = this.deployed.module(`${name}-${place}`);
            const pid = (await this.deployed.agent(place).instance(instance))?.pid;
            await run("taskset", ["-a", "-c", "-p", String(processors[index]), String(pid)]);
        }
    }

    /** Times of round trips between two modules, in cycles of the time-stamp counter. */
    async roundTrips(place: Place, size: number, count: number): Promise<number[]> {
        const sizes = Buffer.alloc(8);
        sizes.writeUInt32LE(size, 0);
        sizes.writeUInt32LE(count, 4);
        await this.deployed.call(`ping-${place}`, "play", sizes);
        for (;;) {
            // Rarely: each question is work for the module.
            await sleep(500);
            const times = await this.times(place);
            if (times.length >= count) return times;
        }
    }

    private async times(place: Place): Promise<number[]> {
        const times: number[] = [];
        for (let page = 0; ; page++) {
            const number = Buffer.alloc(4);
            number.writeUInt32LE(page);
            const reply = Buffer.from(await this.deployed.request(`page-${place}`, number));
            for (let at = 0; at < reply.length; at += 4) times.push(reply.readUInt32LE(at));
            if (reply.length < PAGE * 4) return times;
        }
    }

    /** What the receiving module counted over a while, from one module to another. */
    async flow(place: Place, milliseconds: number): Promise<readonly [Sum, Sum]> {
        await this.deployed.call(`sink-${place}`, "stop", Buffer.alloc(0));
        for (let burst = 0; burst < BURSTS;) if (await this.begin(place) === "done") burst++;
        const first = await this.sum(place);
        await sleep(milliseconds);
        const last = await this.sum(place);
        await this.deployed.call(`sink-${place}`, "stop", Buffer.alloc(1));
        return [first, last];
    }

    /** A burst more is under way, unless the window is full of what was not acknowledged yet. */
    private begin(place: Place): Promise<"done" | "full"> {
        const { instance, interface: declarations } = this.deployed.module(`source-${place}`);
        return this.deployed.agent(place).callEntry(instance, declarations?.findIndex(({ name }) => name === "begin") ?? -1);
    }

    private async sum(place: Place): Promise<Sum> {
        const reply = Buffer.from(await this.deployed.request(`sum-${place}`, Buffer.alloc(0)));
        if (reply.readBigUInt64LE(16) !== 0n) throw new Error("events were lost or came out of order");
        return { count: Number(reply.readBigUInt64LE(0)), time: Number(reply.readBigUInt64LE(8)) };
    }

    /** Ends everything. */
    async end(): Promise<void> {
        await this.stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        rmSync(this.base, { recursive: true, force: true });
    }
}

function program(places: readonly Place[]): void {
    const deployment = new ae.Deployment("bench");
    for (const place of places) {
        const node = new ae.Node(place, { deployment, ...(place === "sgx" ? { tee: "sgx", backend: "emulated" } : { tee: "native" }) });
        const module = (name: string) => new ae.Module(`${name}-${place}`, { node, source: path.join(packageRoot(), "bench", "modules", `${name}.c`) });
        const [ping, pong, source, sink] = [module("ping"), module("pong"), module("source"), module("sink")];
        new ae.Connection(`there-${place}`, { from: ping.output("there"), to: pong.input("there") });
        new ae.Connection(`back-${place}`, { from: pong.output("back"), to: ping.input("back") });
        new ae.Connection(`event-${place}`, { from: source.output("event"), to: sink.input("event"), window: WINDOW });
        new ae.Connection(`more-${place}`, { from: sink.output("more"), to: source.input("more") });
        new ae.Connection(`page-${place}`, { from: deployment, to: ping.handler("page") });
        new ae.Connection(`sum-${place}`, { from: deployment, to: sink.handler("sum") });
    }
}

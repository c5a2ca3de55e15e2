// Emulated TrustZone boards: how long one takes to boot, what memory it takes, and how long an event to a module on it takes.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { AgentClient } from "../provider/agent/client";
import { buildBoardSoftware } from "../provider/tee/trustzone/firmware";
import { DeployedStack } from "../provider/stack/stack";
import type { StackState } from "../provider/stack/state";
import * as ae from "../resources";
import { Stack } from "../test/lifecycle/stack";
import { packageRoot } from "../tools/setup/toolchain";
import { Baseline } from "./baseline";
import type { Options } from "./main";
import { duration, median, quantile } from "./statistics";
import { print } from "./table";

const SIZES = [64, 1024];

/** Prints the figures. */
export async function trustzone({ quick }: Options): Promise<void> {
    const base = await mkdtemp(path.join(os.tmpdir(), "authentic-bench-"));
    process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
    const stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
    try {
        await stack.up(program);
        const of = (kind: string) => [...stack.state.values()].filter((entry) => entry.kind === kind).map(({ outs }) => outs);
        const deployed = new DeployedStack({ deployments: of("Deployment"), nodes: of("Node"), modules: of("Module"), connections: of("Connection") } as unknown as StackState);
        await latency(deployed, quick ? 300 : 3000);
        await boots(deployed.node("board").folder, quick ? 5 : 20);
    } finally {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        await rm(base, { recursive: true, force: true });
    }
}

function program(): void {
    const deployment = new ae.Deployment("bench");
    const module = (name: string, node: ae.Node) => new ae.Module(name, { node, source: path.join(packageRoot(), "bench", "modules", `${name}.c`) });
    const ping = module("ping", new ae.Node("server", { deployment, tee: "native" }));
    const pong = module("pong", new ae.Node("board", { deployment, tee: "trustzone", backend: "emulated" }));
    new ae.Connection("there", { from: ping.output("there"), to: pong.input("there") });
    new ae.Connection("back", { from: pong.output("back"), to: ping.input("back") });
    new ae.Connection("page", { from: deployment, to: ping.handler("page") });
}

/** Round trips from a native module to one on the board and back: two events, each with its acknowledgement. */
async function latency(deployed: DeployedStack, trips: number): Promise<void> {
    const baseline = await Baseline.compile();
    try {
        const rows: string[][] = [];
        for (const size of SIZES) {
            const order = Buffer.alloc(8);
            order.writeUInt32LE(size, 0);
            order.writeUInt32LE(trips, 4);
            await deployed.call("ping", "play", order);
            let times: number[] = [];
            while (times.length < trips) {
                await new Promise((resolve) => setTimeout(resolve, 500));
                const reply = Buffer.from(await deployed.request("page", Buffer.alloc(4)));
                times = Array.from({ length: reply.length / 4 }, (_, index) => reply.readUInt32LE(4 * index) / baseline.hertz * 1000);
            }
            rows.push([`${size} B`, duration(quantile(times, 0)), duration(median(times)), duration(quantile(times, 0.99))]);
        }
        print(`Round trip native module → module on an emulated TrustZone board → back (${trips})`, ["event", "least", "median", "p99"], rows);
    } finally {
        await baseline.remove();
    }
}

/** From the request to the agent until the firmware has answered, each time with the power cut before; the images lie ready. */
async function boots(folder: string, rounds: number): Promise<void> {
    const agent = new AgentClient(folder);
    const software = await buildBoardSoftware();
    const times: number[] = [];
    const memory: number[] = [];
    for (let round = 0; round < rounds; round++) {
        await agent.endTrustzone();
        const start = performance.now();
        await agent.putTrustzone(software);
        times.push(performance.now() - start);
        memory.push(residentOf(emulatorOf(folder)));
    }
    print(`Boots of the board (${rounds})`, ["figure", "least", "median", "most"], [
        ["until the firmware answers", ...[0, 0.5, 1].map((share) => duration(quantile(times, share)))],
        ["memory of the emulator (RSS)", ...[0, 0.5, 1].map((share) => `${(quantile(memory, share) / 1024).toFixed(1)} MiB`)],
    ]);
}

function emulatorOf(folder: string): number {
    const bridge = readFileSync(path.join(folder, "trustzone", "board.pid"), "utf8").trim();
    return Number(readFileSync(`/proc/${bridge}/task/${bridge}/children`, "utf8").trim());
}

/** @returns KiB */
function residentOf(pid: number): number {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

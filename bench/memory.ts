// Memory of an agent and one module host, as the kernel counts it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { AgentClient } from "../provider/agent/client";
import * as ae from "../resources";
import { Stack } from "../test/lifecycle/stack";
import { packageRoot } from "../tools/setup/toolchain";
import { print } from "./table";

const KIB = 1024;

/** Prints the table. */
export async function memory(): Promise<void> {
    const rows: string[][] = [];
    for (const tee of ["native", "sgx"]) rows.push(await measure(tee));
    print("Resident memory of a node with one module", ["node", "agent", "module host", "together", "platform"], rows);
}

async function measure(tee: string): Promise<string[]> {
    const base = mkdtempSync(path.join(os.tmpdir(), "authentic-bench-"));
    process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
    const stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
    try {
        await stack.up(() => {
            const deployment = new ae.Deployment("bench");
            const node = new ae.Node("n", { deployment, tee, ...(tee === "sgx" ? { backend: "emulated" } : {}) });
            new ae.Module("m", { node, source: path.join(packageRoot(), "bench", "modules", "relay.c"), config: { number: 1 } });
        });
        const client = new AgentClient(String(stack.outs("Node", "n")["folder"]));
        const agent = (await client.about()).pid;
        const hosts = (await client.instances()).flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
        const others = children(agent).filter((pid) => !hosts.includes(pid));
        const [own, host, platform] = [[agent], hosts, others].map((pids) => pids.reduce((sum, pid) => sum + residentBytes(pid), 0)) as [number, number, number];
        const shown = (bytes: number) => `${(bytes / KIB / KIB).toFixed(1)} MiB`;
        return [tee, shown(own), shown(host), shown(own + host), others.length === 0 ? "" : shown(platform)];
    } finally {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        rmSync(base, { recursive: true, force: true });
    }
}

/** VmRSS of a process. */
function residentBytes(pid: number): number {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) * KIB;
}

function children(pid: number): number[] {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter((text) => text !== "").map(Number);
}

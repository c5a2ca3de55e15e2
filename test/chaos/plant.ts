// What the campaign deploys: a source and a sink on one host, and between them a module that is an enclave on another host, and
// moves about. Everything is asked for through the deployer's own connections.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { type Attested, decode, type Delivered, type Module } from "./oracle";
import { PART, SINK, SOURCE, WORKER } from "./modules";

/** Where the module in the middle may be. */
export type Place = "middle" | "spare" | "board";

/** What is declared. */
export interface Variant {
    readonly on: Place;
    /** Of the programs. */
    readonly worker: number;
    readonly sink: number;
    /** Of the connection into the module in the middle. */
    readonly rotate: number;
    /** Whether there is a TrustZone board. */
    readonly board: boolean;
}

/** How the two hosts are reached. */
export type Ways = readonly [ae.SshArgs, ae.SshArgs];

export const MODULES: readonly Module[] = ["source", "worker", "sink"];
const PATIENCE_MS = 60_000;

type Outs = Parameters<typeof endOf>[1] & Parameters<typeof endOf>[0];

export class Plant {
    readonly stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });

    /** @param folder - for sources; another process that has begun the same plant has written them */
    constructor(private readonly folder: string, private readonly ways: Ways) {
        for (const [name, text] of Object.entries({ source: SOURCE, worker: WORKER, sink: SINK })) fs.writeFileSync(path.join(folder, `${name}.c`), text);
    }

    program({ on, worker: version, sink: sinkVersion, rotate, board }: Variant): () => void {
        return () => {
            const deployment = new ae.Deployment("d");
            const [here, there] = this.ways;
            const ends = new ae.Node("ends", { deployment, tee: "native", ssh: here });
            const places: Partial<Record<Place, ae.Node>> = {
                middle: new ae.Node("middle", { deployment, tee: "sgx", backend: "emulated", ssh: there }),
                spare: new ae.Node("spare", { deployment, tee: "native", ssh: here }),
                ...(board ? { board: new ae.Node("board", { deployment, tee: "trustzone", backend: "emulated", ssh: there }) } : {}),
            };
            const of = (name: string) => path.join(this.folder, `${name}.c`);
            const sink = new ae.Module("sink", { node: ends, source: of("sink"), defines: { VERSION: String(sinkVersion) }, onStateLoss: "restart" });
            const worker = new ae.Module("worker", { node: places[on]!, source: of("worker"), defines: { VERSION: String(version) }, onStateLoss: "restart" });
            const source = new ae.Module("source", { node: ends, source: of("source"), onStateLoss: "restart" });
            // From the end to the beginning, so that nothing is sent that cannot be passed on yet.
            const b = new ae.Connection("b", { from: worker.output("out"), to: sink.input("in") });
            const a = new ae.Connection("a", { from: source.output("event"), to: worker.input("in"), rotate }, { dependsOn: [b] });
            new ae.Connection("tell", { from: deployment, to: source.handler("tell") });
            new ae.Connection("read", { from: deployment, to: sink.handler("read") });
            new ae.Connection("forget", { from: deployment, to: sink.handler("forget") });
            new ae.Trigger("work", { module: source, entry: "work", every: "20ms" }, { dependsOn: [a] });
        };
    }

    up(variant: Variant) {
        return this.stack.up(this.program(variant));
    }

    /** What a preview would do. */
    async pending(variant: Variant): Promise<string[]> {
        return (await this.stack.preview(this.program(variant))).filter((step) => !step.startsWith("same "));
    }

    private async ask(name: string, data: Uint8Array): Promise<Buffer> {
        const { to, connection, ...rest } = this.stack.outs("Connection", name) as { to: Parameters<typeof endOf>[0] & { endpoint: number }; connection: number };
        const state = { ...rest } as unknown as Outs;
        for (const end = performance.now() + PATIENCE_MS; ;) {
            const { status, data: reply } = await (await driverOf(state)).request({ connection, name, to: { end: await endOf(to, state), endpoint: to.endpoint } }, data);
            if (status === "done") return Buffer.from(reply);
            // Nothing happened: its connection has a whole window under way, as after its peer was away.
            assert.ok(status === "full" && performance.now() < end, `${name}: ${status}`);
            await sleep(50);
        }
    }

    /** Begins a series where the source has another one, and lets it flow or not. @returns the series, and how many events of it were sent */
    async tell(tag?: number, flows = true): Promise<{ readonly tag: number; readonly sent: number }> {
        const told = Buffer.alloc(tag === undefined ? 0 : 8);
        if (tag !== undefined) {
            told.writeUInt32LE(tag);
            told.writeUInt32LE(flows ? 1 : 0, 4);
        }
        const reply = await this.ask("tell", told);
        return { tag: reply.readUInt32LE(), sent: reply.readUInt32LE(4) };
    }

    /** What the sink has processed since it began or was told to forget. */
    async delivered(): Promise<Delivered[]> {
        const all: Delivered[] = [];
        for (;;) {
            const first = Buffer.alloc(4);
            first.writeUInt32LE(all.length);
            const part = decode(await this.ask("read", first));
            all.push(...part);
            if (part.length < PART) return all;
        }
    }

    async forget(): Promise<void> {
        await this.ask("forget", new Uint8Array());
    }

    /** Waits until something holds for what the sink has processed. @returns that */
    async heard(what: string, holds: (delivered: readonly Delivered[]) => boolean): Promise<Delivered[]> {
        for (const end = performance.now() + PATIENCE_MS; ;) {
            const delivered = await this.delivered();
            if (holds(delivered)) return delivered;
            if (performance.now() > end) assert.fail(`never: ${what}; ${delivered.length} events were processed, the last ${JSON.stringify(delivered.at(-1))}; ${await this.looks()}`);
            await sleep(50);
        }
    }

    /** What modules that live attest of the connections that they send on. */
    async attested(): Promise<Attested> {
        const acknowledged = async (module: Module, connection: string): Promise<number | undefined> => {
            const state = this.stack.outs("Module", module) as unknown as Outs;
            const { connection: number } = this.stack.outs("Connection", connection);
            try {
                const { status } = await (await driverOf(state)).attest(await endOf({ ...state, module }, state));
                const found = status.connections.find((one) => one.connection === number);
                return found === undefined ? undefined : Number(found.acknowledged);
            } catch {
                return undefined;
            }
        };
        const [taken, processed] = [await acknowledged("source", "a"), await acknowledged("worker", "b")];
        return { ...(taken === undefined ? {} : { taken }), ...(processed === undefined ? {} : { processed }) };
    }

    /** How far each end of each connection is, for messages. */
    private async looks(): Promise<string> {
        const { AgentClient } = await import("../../provider/agent/client.js");
        const found = await Promise.all(MODULES.map(async (module) => {
            const { nodeFolder, instance } = this.stack.outs("Module", module) as { nodeFolder: string; instance: string };
            const report = await new AgentClient(nodeFolder).instance(instance).catch(String);
            return `${module}: ${typeof report === "string" ? report : JSON.stringify(report?.connections.map(({ direction, state, epoch, next, acknowledged, queued, connected, refused }) => ({ direction, state, epoch, next, acknowledged, queued, connected, refused })) ?? "missing")}`;
        }));
        return found.join("; ");
    }

    /** What state says of the loss of each module, to be compared. */
    losses(): Map<Module, string> {
        return new Map(MODULES.flatMap((module) => {
            const outs = this.stack.state.get(`Module ${module}`)?.outs;
            return typeof outs?.["lastLoss"] === "string" ? [[module, `${String(outs["incarnation"])} ${outs["lastLoss"]}`]] : [];
        }));
    }
}

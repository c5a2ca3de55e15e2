// Down time of an update and of a migration: how long the module behind hears nothing, beside a restart of a module host alone.
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../provider/agent/client";
import { Scene, type Variant } from "../test/lifecycle/scene";
import type { Options } from "./main";
import { duration, median, quantile, ratio } from "./statistics";
import { print } from "./table";

type Subject = "restart" | "in place" | "migration" | "to an enclave";

const SUBJECTS: readonly (readonly [Subject, string])[] = [
    ["restart", "module host ended and started, without keys and state"],
    ["in place", "update on the same node"],
    ["migration", "native node → native node"],
    ["to an enclave", "native node → emulated SGX node"],
];

/** Prints the table. */
export async function update({ quick }: Options): Promise<void> {
    const rounds = quick ? 3 : 9;
    const scene = new Scene();
    try {
        let version = 1;
        const up = (variant: Variant) => scene.up({ version, ...variant });
        await up({ on: "first" });
        const load = scene.load();
        await load.reaches(20);
        const found = new Map<Subject, number[]>(SUBJECTS.map(([subject]) => [subject, []]));
        for (let round = 0; round < rounds; round++) {
            found.get("restart")?.push(await restart(scene));
            for (const [subject, variant] of [["in place", { on: "first" }], ["migration", { on: "second" }], ["to an enclave", { on: "enclaves" }]] as const) {
                if (subject === "in place") version++;
                // Where the program builds the image, nothing waits for that.
                await scene.preview({ version, ...variant });
                found.get(subject)?.push(await longestSilence(scene, () => up(variant)));
                await load.goesOn(20);
                if (subject === "migration") await up({ on: "first" });
            }
            await up({ on: "first" });
            await load.goesOn(20);
        }
        await load.stopped();
        const events = scene.isWhole(undefined);
        const rows = SUBJECTS.map(([subject, name]) => {
            const times = found.get(subject) ?? [];
            const ratios = times.map((time, index) => time / (found.get("restart")?.[index] ?? NaN));
            return [name, duration(median(times)), duration(quantile(times, 1)), ratio(median(ratios))];
        });
        print(`Down time under an event every 10 ms (${rounds} rounds, in turn; ${events} events, none lost, doubled or reordered)`, ["of", "median", "longest", "to the restart"], rows);
    } finally {
        await scene.end();
    }
}

/** A module host alone, beside the load: what any process costs that is ended and started. */
async function restart(scene: Scene): Promise<number> {
    const agent = new AgentClient(scene.folder("sink"));
    const [from, instance] = [new AgentClient(scene.folder("worker")), scene.instance("worker")];
    const { name, deployment, tee } = await from.instance(instance) ?? {};
    if (name === undefined || deployment === undefined || tee === undefined) throw new Error("the module is gone");
    const request = { name, deployment, tee, image: await from.image(instance), entryTimeLimitMs: 1000, interface: [] };
    await agent.start(instance, request);
    const before = performance.now();
    await agent.remove(instance);
    await agent.start(instance, request);
    const taken = performance.now() - before;
    await agent.remove(instance);
    return taken;
}

/** The longest time between two events that the module behind got while something was done, in milliseconds. */
async function longestSilence(scene: Scene, action: () => Promise<unknown>): Promise<number> {
    const ended = new AbortController();
    const times: number[] = [];
    const listening = (async () => {
        for await (const event of new AgentClient(scene.folder("sink")).events(scene.instance("sink"), ended.signal)) {
            if (!("missed" in event) && event.event === "delivered") times.push(event.at);
        }
    })().catch(() => undefined);
    await sleep(200);
    await action();
    await sleep(500);
    ended.abort();
    await listening;
    return times.slice(1).reduce((longest, time, index) => Math.max(longest, time - (times[index] ?? time)), 0);
}

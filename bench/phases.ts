// Loaded into Pulumi's Node processes (`--require`): notes in a folder when the provider builds, loads, attests and keys.
// Only for the run that says where time goes: it is not in the timed ones.
import { appendFileSync } from "node:fs";
import path from "node:path";
import { real } from "../provider/lifecycle/real";
import { setSurroundings } from "../provider/lifecycle/surroundings";

/** What the time of a deployment is spent on. */
export type Phase = "build" | "load" | "attest" | "key" | "route" | "node";
/** Begin and end in milliseconds of the machine's clock. */
export type Interval = readonly [phase: Phase, begin: number, end: number];

const now = (): number => performance.timeOrigin + performance.now();

function record(folder: string): void {
    const file = path.join(folder, String(process.pid));
    const timed = <A extends unknown[], R>(phase: Phase, work: (...given: A) => Promise<R>) => async (...given: A): Promise<R> => {
        const begin = now();
        try {
            return await work(...given);
        } finally {
            // At once: the engine ends the provider without a word.
            const interval: Interval = [phase, begin, now()];
            appendFileSync(file, `${JSON.stringify(interval)}\n`);
        }
    };
    setSurroundings({
        ...real,
        startAgent: timed("node", real.startAgent),
        tees: async () => Object.fromEntries(Object.entries(await real.tees()).map(([name, tee]) => [name, { ...tee, build: timed("build", tee.build.bind(tee)) }])),
        agent: async (folder) => {
            const agent = await real.agent(folder);
            return Object.assign(agent, { start: timed("load", agent.start.bind(agent)), setRoute: timed("route", agent.setRoute.bind(agent)) });
        },
        driver: async (deployer) => {
            const driver = await real.driver(deployer);
            return { ...driver, setGrants: timed("attest", driver.setGrants.bind(driver)), freeConnection: timed("key", driver.freeConnection.bind(driver)), connect: timed("key", driver.connect.bind(driver)) };
        },
    });
}

const folder = process.env["AUTHENTIC_BENCH_PHASES"];
if (folder !== undefined) record(folder);

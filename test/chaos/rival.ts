// Another deployer: one `up` in a process of its own, with a copy of the state.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { closeConnections } from "../../provider/ssh/hosts";
import type { StateEntry } from "../lifecycle/stack";
import type { Rival } from "./faults";
import { codeOf } from "./codes";
import { Moments } from "./moments";
import { Plant, type Variant, type Ways } from "./plant";

interface Order {
    readonly folder: string;
    readonly ways: Ways;
    readonly state: readonly StateEntry[];
    readonly variant: Variant;
}

/** Begins one. */
export function beginRival(order: Order): Rival {
    const child = spawn(process.execPath, [__filename], { stdio: ["pipe", "pipe", "inherit"] });
    // Keys are told on its input: others can see command lines.
    child.stdin.end(JSON.stringify(order));
    const answered = Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]).then(([answer, [code]]) => {
        if (code !== 0) throw new Error(`the other deployer ended with ${String(code)}`);
        return JSON.parse(answer) as { steps: number; code?: string };
    });
    answered.catch(() => undefined);
    return { outcome: answered };
}

async function main(): Promise<void> {
    const { folder, ways, state, variant } = JSON.parse(await text(process.stdin)) as Order;
    console.warn = () => undefined;
    const plant = new Plant(folder, ways);
    plant.stack.restore(state);
    const moments = new Moments(Infinity, () => Promise.resolve(false));
    const outcome: { steps: number; code?: string } = { steps: 0 };
    try {
        await plant.up(variant);
    } catch (error) {
        outcome.code = codeOf(error);
    }
    outcome.steps = moments.steps;
    await closeConnections();
    process.stdout.write(JSON.stringify(outcome), () => process.exit());
}

if (require.main === module) void main();

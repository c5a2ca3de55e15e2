// Another deployer: one `up` of a scene's program in a process of its own, which has a copy of the state.
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Faults, type Fault } from "./faults";
import { Scene, type Variant } from "./scene";
import type { StateEntry } from "./stack";

/** What it is told. */
interface Order {
    readonly base: string;
    readonly instance: string;
    readonly state: readonly StateEntry[];
    readonly variant: Variant;
    /** Where it is killed, or where it waits for this one. */
    readonly fault?: Pick<Fault, "at" | "when"> & { readonly meets?: true };
}

/** What became of its `up`. */
export interface Outcome {
    /** As its state file would have it. */
    readonly state: StateEntry[];
    /** Code and message of the error with which it ended. */
    readonly error?: { readonly code?: string; readonly message: string };
    /** Whether it was killed, or has waited, where it should. */
    readonly struck: boolean;
}

/** Runs one. @param state - what it believes */
export async function otherDeployer(scene: Scene, state: readonly StateEntry[], variant: Variant, fault?: Order["fault"]): Promise<Outcome> {
    const order: Order = { base: scene.base, instance: scene.instance("worker"), state, variant, ...(fault === undefined ? {} : { fault }) };
    const child = spawn(process.execPath, [__filename], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify(order));
    const [answer, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
    if (code !== 0) throw new Error(`the other deployer ended with ${String(code)}`);
    return JSON.parse(answer) as Outcome;
}

/** Two deployers come here, and go on at the same moment; or after a while, where one of them has gone another way. */
export async function meet(base: string, mine: "here" | "there"): Promise<void> {
    fs.writeFileSync(path.join(base, mine), "");
    const theirs = path.join(base, mine === "here" ? "there" : "here");
    for (const deadline = Date.now() + 20_000; !fs.existsSync(theirs) && Date.now() < deadline;) await sleep(1);
}

async function main(): Promise<void> {
    const { base, instance, state, variant, fault } = JSON.parse(await text(process.stdin)) as Order;
    const scene = new Scene(base);
    scene.stack.restore(state);
    const faults = new Faults(instance, fault === undefined ? undefined : { ...fault, victim: fault.meets === true ? () => meet(base, "there") : "deployer" });
    faults.enter();
    let error: Outcome["error"];
    try {
        await scene.up(variant);
    } catch (failure) {
        const { code, message } = failure as { code?: string; message: string };
        error = { message, ...(code === undefined ? {} : { code }) };
    }
    const outcome: Outcome = { state: scene.stack.copy(), struck: faults.struck, ...(error === undefined ? {} : { error }) };
    process.stdout.write(JSON.stringify(outcome), () => process.exit());
}

if (require.main === module) void main();

// Everything that an update says to agents and modules, as a sequence of steps, and what can happen before and after each.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import { killLocalAgent } from "../../provider/agent/local";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings, type Agent } from "../../provider/lifecycle/surroundings";
import type { Channel } from "../../provider/session/session";

/**
 * `deployer`: the process is killed. `agent`: of the node. `old`, `next`: the module host. `network`: this call alone is lost.
 * `board`: the emulator of a node's board.
 */
export type Victim = "deployer" | "agent" | "old" | "next" | "network" | "board";

export interface Fault {
    /** A function: what happens meanwhile, the update goes on after it. */
    readonly victim: Victim | (() => Promise<void>);
    /** Number of the step, or the first of that name. */
    readonly at: number | string;
    readonly when: "before" | "after";
    /** Folder of the node where the victim is; undefined: the one where the step is done. */
    readonly folder?: string;
}

/** Process id of the emulator that the bridge of a node runs. */
export function emulatorOf(folder: string): number {
    const bridge = fs.readFileSync(path.join(folder, "trustzone", "board.pid"), "utf8").trim();
    const child = fs.readFileSync(`/proc/${bridge}/task/${bridge}/children`, "utf8").trim();
    assert.match(fs.readFileSync(`/proc/${child}/cmdline`, "utf8"), /^[^\0]*qemu-system-arm/);
    return Number(child);
}

/** Calls that change something, or carry a message. */
const STEPS = ["start", "remove", "promote", "frames", "putFrames", "setRoute", "setGrants"] as const;

/** Watches what is done to one module, and strikes once. */
export class Faults {
    /** What was done, in order. */
    readonly steps: string[] = [];
    /** The folders of the nodes where it was done. */
    readonly folders: string[] = [];
    /** Whether it has struck, and what was hit really ended. */
    struck = false;
    private dead = false;

    /** @param instance - the module's id @param blindly - ends and promotes whatever is there, not only what was looked at */
    constructor(private readonly instance: string, private readonly fault?: Fault, private readonly blindly = false) {}

    enter(): void {
        setSurroundings({ ...real, agent: async (folder) => {
            this.alive();
            return this.watch(folder, await real.agent(folder));
        } });
    }

    leave(): void {
        setSurroundings(undefined);
    }

    private alive(): void {
        if (this.dead) throw new Error("the deployer is dead");
    }

    private watch(folder: string, agent: Agent): Agent {
        return new Proxy(agent, {
            get: (target, name) => {
                const value: unknown = Reflect.get(target, name);
                if (typeof value !== "function") return value;
                return (...given: unknown[]) => {
                    this.alive();
                    const [id] = given;
                    const call = () => Reflect.apply(value, target, this.blindly && (name === "remove" || name === "promote") ? [id] : given) as unknown;
                    const concerns = typeof id === "string" && id.startsWith(this.instance);
                    if (name === "channel" && concerns) return this.listen(folder, call() as Channel);
                    return concerns && (STEPS as readonly string[]).includes(String(name)) ? this.step(folder, String(name), call as () => Promise<unknown>) : call();
                };
            },
        });
    }

    private listen(folder: string, channel: Channel): Channel {
        return { send: (type, body) => this.step(folder, type, () => channel.send(type, body)) as ReturnType<Channel["send"]> };
    }

    private async step(folder: string, name: string, call: () => Promise<unknown>): Promise<unknown> {
        this.alive();
        const at = this.steps.push(name) - 1;
        this.folders.push(folder);
        const { fault } = this;
        const mine = !this.struck && (fault?.at === at || fault?.at === name) ? fault : undefined;
        if (mine?.when === "before") await this.strike(mine.victim, folder);
        const result = await call();
        if (mine?.when === "after") await this.strike(mine.victim, folder);
        return result;
    }

    private async strike(victim: Fault["victim"], here: string): Promise<void> {
        if (typeof victim === "function") {
            this.struck = true;
            return victim();
        }
        if (victim === "deployer" || victim === "network") {
            this.dead = victim === "deployer";
            this.struck = true;
            throw new Error(victim === "deployer" ? "the deployer was killed" : "the network was cut");
        }
        const folder = this.fault?.folder ?? here;
        if (victim === "board") {
            process.kill(emulatorOf(folder), "SIGKILL");
            for (let tries = 0; tries < 500 && await new AgentClient(folder).trustzone() !== undefined; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
            this.struck = true;
            return;
        }
        if (victim === "agent") {
            await killLocalAgent(folder);
            this.struck = true;
            return;
        }
        const report = await new AgentClient(folder).instance(victim === "old" ? this.instance : `${this.instance}.successor`);
        if (report?.state !== "running" || report.pid === undefined) return;
        process.kill(report.pid, "SIGKILL");
        for (let tries = 0; tries < 500 && (await new AgentClient(folder).instance(victim === "old" ? this.instance : `${this.instance}.successor`))?.state === "running"; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
        this.struck = true;
    }
}

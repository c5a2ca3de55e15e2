// A stack without Pulumi's engine: runs a program with mocks, checks and diffs as the engine would, and keeps the state.
import * as pulumi from "@pulumi/pulumi";
import { isUnknown as isSdkUnknown } from "@pulumi/pulumi/output";
import * as lifecycles from "../../provider/lifecycle";
import type { ErasedHooks, Properties } from "../../provider/lifecycle/hooks";
import { AgentClient } from "../../provider/agent/client";
import { type DeclarationState, endpointOf } from "../../provider/lifecycle/interface";
import { UNKNOWN } from "../../provider/lifecycle/plain";
import { DeployedStack } from "../../provider/stack/stack";

/** Marks a secret on its way to the engine. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/** A resource in state. */
export interface StateEntry {
    kind: string;
    name: string;
    id: string;
    inputs: Properties;
    outs: Properties;
    /** A create or update did not complete. */
    unfinished: boolean;
}

/** What an operation did with a resource. */
export type Step = `${"create" | "update" | "replace" | "delete" | "same"} ${string}`;

/** A failure of a check, as the engine would print it. */
export class CheckFailed extends Error {
    constructor(readonly resource: string, readonly failures: readonly { property: string; reason: string }[]) {
        super(failures.map(({ property, reason }) => `${resource}: ${property}: ${reason}`).join("\n"));
    }
}

const hooksOf = (kind: string): ErasedHooks => (lifecycles as unknown as Record<string, ErasedHooks>)[kind.toLowerCase()]!;

/** Inputs as the engine sends them: what the SDK represents by an object of its own is the marker again. */
function wire(value: unknown): unknown {
    if (isSdkUnknown(value)) return UNKNOWN;
    if (Array.isArray(value)) return value.map(wire);
    // The engine hands secrets to providers in clear.
    if (typeof value === "object" && value !== null && SECRET_MARK in value) return wire((value as { value?: unknown }).value);
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, wire(member)])) : value;
}

/** A stack whose engine is this class. Resources are handled one after the other, in the order of the program. */
export class Stack {
    readonly state = new Map<string, StateEntry>();

    constructor(private readonly config: Record<string, string> = { "authentic:trust": JSON.stringify({ native: true }) }) {}

    /** Runs a program and applies it. @throws CheckFailed and what hooks throw */
    up(program: () => void): Promise<Step[]> {
        return this.run(program, false);
    }

    /** Runs a program without applying it. */
    preview(program: () => void): Promise<Step[]> {
        return this.run(program, true);
    }

    /** Reads every resource and keeps what it found. @returns names of those whose state changed, with it */
    async refresh(): Promise<string[]> {
        const found: string[] = [];
        for (const entry of this.state.values()) {
            const before = entry.outs["state"];
            const { id, props, inputs } = await hooksOf(entry.kind).read(entry.id, entry.outs);
            if (id === undefined || id === "") throw new Error(`${entry.name} vanished`);
            entry.outs = props!;
            entry.inputs = inputs ?? entry.inputs;
            if (before !== entry.outs["state"]) found.push(`${entry.name}: ${String(entry.outs["state"])}`);
        }
        return found;
    }

    /** Deletes everything, last first. */
    async destroy(): Promise<void> {
        for (const [key, { kind, id, outs }] of [...this.state].reverse()) {
            await hooksOf(kind).delete(id, outs);
            this.state.delete(key);
        }
    }

    /** A copy of the state, as a backup or another deployer has it. */
    copy(): StateEntry[] {
        return structuredClone([...this.state.values()]);
    }

    /** Puts a copy in the place of the state. */
    restore(copy: readonly StateEntry[]): void {
        this.state.clear();
        for (const entry of structuredClone(copy)) this.state.set(`${entry.kind} ${entry.name}`, entry);
    }

    /** The outputs of a resource. */
    outs(kind: string, name: string): Properties {
        return this.state.get(`${kind} ${name}`)!.outs;
    }

    /** The stack as its deployer uses it. */
    deployed(): DeployedStack {
        const of = <T>(kind: string) => [...this.state.values()].filter((entry) => entry.kind === kind).map(({ outs }) => structuredClone(outs) as unknown as T);
        return new DeployedStack({ deployments: of("Deployment"), nodes: of("Node"), modules: of("Module"), connections: of("Connection") });
    }

    /** Calls an entry of a module as a trigger would: without authentication. @returns what became of it */
    callEntry(module: string, entry: string): Promise<string> {
        const { nodeFolder, instance, interface: declarations } = this.outs("Module", module) as { nodeFolder: string; instance: string; interface: DeclarationState[] };
        const endpoint = endpointOf(declarations, "entry", entry);
        if (endpoint === undefined) throw new Error(`module ${module} has no entry ${entry}`);
        return new AgentClient(nodeFolder).callEntry(instance, endpoint);
    }

    private async run(program: () => void, preview: boolean): Promise<Step[]> {
        const steps: Step[] = [];
        const seen = new Set<string>();
        let failed: unknown;
        let queue: Promise<unknown> = Promise.resolve();
        pulumi.runtime.setAllConfig(this.config);
        await pulumi.runtime.setMocks({
            call: () => ({}),
            newResource: ({ type, name, inputs, custom }) => {
                if (custom !== true) return { id: undefined, state: {} };
                const kind = type.split(":").at(-1)!;
                const key = `${kind} ${name}`;
                seen.add(key);
                const step = queue.then(async () => {
                    if (failed !== undefined) throw new Error("stopped");
                    return this.step(key, kind, name, wire(inputs) as Properties, preview, steps);
                });
                queue = step.catch((error: unknown) => {
                    failed ??= error;
                });
                return step;
            },
        }, "test", "dev", preview);
        // Rejected registrations reject the outputs of the resource too, which nobody here waits for.
        const ignore = () => undefined;
        process.on("unhandledRejection", ignore);
        try {
            await pulumi.runtime.runInPulumiStack(() => {
                program();
                return Promise.resolve();
            }).catch((error: unknown) => {
                failed ??= error;
            });
            await pulumi.runtime.disconnect().catch((error: unknown) => {
                failed ??= error;
            });
            await queue;
        } finally {
            await new Promise((resolve) => setImmediate(resolve));
            process.off("unhandledRejection", ignore);
        }
        if (failed !== undefined) throw failed as Error;
        for (const [key, { kind, name, id, outs }] of [...this.state].reverse()) {
            if (seen.has(key)) continue;
            steps.push(`delete ${name}`);
            if (!preview) {
                await hooksOf(kind).delete(id, outs);
                this.state.delete(key);
            }
        }
        return steps;
    }

    private async step(key: string, kind: string, name: string, news: Properties, preview: boolean, steps: Step[]): Promise<{ id: string; state: Properties }> {
        const hooks = hooksOf(kind);
        const old = this.state.get(key);
        const { inputs, failures = [] } = await hooks.check(old?.inputs ?? {}, news);
        if (failures.length > 0) throw new CheckFailed(name, failures);
        const checked = inputs!;
        if (old === undefined) {
            steps.push(`create ${name}`);
            return preview ? { id: UNKNOWN, state: checked } : this.create(key, kind, name, checked);
        }
        const { changes, replaces = [] } = await hooks.diff(old.id, old.outs, checked);
        if (changes !== true && !old.unfinished) {
            steps.push(`same ${name}`);
            if (!preview) old.inputs = checked;
            return { id: old.id, state: old.outs };
        }
        if (replaces.length > 0) {
            steps.push(`replace ${name}`);
            if (preview) return { id: UNKNOWN, state: checked };
            await hooks.delete(old.id, old.outs);
            return this.create(key, kind, name, checked);
        }
        steps.push(`update ${name}`);
        if (preview) return { id: old.id, state: checked };
        return this.record(key, { ...old, inputs: checked }, async () => ({ id: old.id, outs: (await hooks.update(old.id, old.outs, checked)).outs }));
    }

    private create(key: string, kind: string, name: string, inputs: Properties) {
        return this.record(key, { kind, name, id: "", inputs, outs: {}, unfinished: false }, () => hooksOf(kind).create(inputs));
    }

    private async record(key: string, entry: StateEntry, action: () => Promise<{ id: string; outs: Properties }>) {
        try {
            const { id, outs } = await action();
            this.state.set(key, { ...entry, id, outs, unfinished: false });
            return { id, state: outs };
        } catch (error) {
            const { id, properties } = error as { id?: string; properties?: Properties };
            if (id !== undefined && properties !== undefined) this.state.set(key, { ...entry, id, outs: properties, unfinished: true });
            throw error;
        }
    }
}

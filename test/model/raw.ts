// Steps of a model as a replay needs them: with the numbers of one run, which the canonical form would draw anew.
import { Violation, type Model, type Step, type Taken } from "./explorer";

/** A step from a state, and the state that it leads to. */
export interface Raw<S, T extends Step<S>> {
    readonly step: T;
    readonly before: S;
    readonly after: S;
}

/** Takes one step, without the canonical form. */
export function take<S, T extends Step<S>>(state: S, step: T): Raw<S, T> {
    const after = structuredClone(state);
    try {
        step.run(after);
    } catch (error) {
        if (!(error instanceof Violation)) throw error; // what it did is compared all the same
    }
    return { step, before: state, after };
}

/** The steps of an explored trace, which has canonical states, with the numbers of one run. */
export function rawTrace<S, T extends Step<S>>(trace: readonly Taken<S>[], { initial, canonical }: Model<S>, stepsOf: (state: S) => readonly T[]): Raw<S, T>[] {
    const text = (state: S): string => {
        const copy = structuredClone(state);
        canonical(copy);
        return JSON.stringify(copy);
    };
    let state = structuredClone(initial);
    return trace.map(({ name, state: canonicalState }) => {
        const wanted = JSON.stringify(canonicalState);
        const next = stepsOf(state).map((step) => take(state, step)).find(({ after }) => text(after) === wanted);
        if (next === undefined) throw new Error(`no step leads where \`${name}\` leads`);
        state = next.after;
        return next;
    });
}

/** Numbers of a walk that can be repeated (mulberry32). */
function* numbers(seed: number): Generator<number, never> {
    for (let state = seed; ;) {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        yield ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    }
}

/** A random walk through a model. Rare steps are as likely as those of which there are many: first the kind, then which. */
export function walk<S, T extends Step<S>>(seed: number, initial: S, stepsOf: (state: S) => readonly T[], kindOf: (step: T) => string, length: number): Raw<S, T>[] {
    const random = numbers(seed);
    const trace: Raw<S, T>[] = [];
    for (let state = initial; trace.length < length;) {
        const steps = stepsOf(state);
        const kinds = [...new Set(steps.map(kindOf))];
        const chosen = kinds[Math.floor(random.next().value * kinds.length)];
        const candidates = steps.filter((step) => kindOf(step) === chosen);
        const step = candidates[Math.floor(random.next().value * candidates.length)];
        if (step === undefined) break;
        const raw = take(state, step);
        trace.push(raw);
        state = raw.after;
    }
    return trace;
}

// An explicit-state explorer: every state that a model can reach, breadth first, so that the trace to a violation is a
// shortest one; and whether a goal stays within reach of every state.
//
// A model is written in TypeScript because the planning code of the provider runs inside it and its traces are replayed
// against the real kit from the same process; a model checker with a language of its own could do neither.

/** What a step is: the attacker or an accident, the deployer's work, or frames on their honest way. */
export type Kind = "fault" | "deployer" | "flow";

/** A step that is possible in a state. */
export interface Step<S> {
    /** Readable, and the same for the same step. */
    readonly name: string;
    readonly kind: Kind;
    /** Changes a copy of the state. */
    readonly run: (state: S) => void;
}

/** Thrown by a step or an invariant: the property that does not hold. */
export class Violation extends Error {}

/** From every state where `when` holds, a state where `goal` holds must be reachable by steps of the kinds in `by` alone. */
export interface Reachable<S> {
    readonly name: string;
    readonly by: readonly Kind[];
    readonly when?: (state: S) => boolean;
    readonly goal: (state: S) => boolean;
}

/** States are plain JSON: two with the same text are the same state. */
export interface Model<S> {
    readonly initial: S;
    readonly steps: (state: S) => readonly Step<S>[];
    /** Throws a Violation. */
    readonly invariant: (state: S) => void;
    readonly reachable: readonly Reachable<S>[];
    /** Brings what means the same into the same form, in place. */
    readonly canonical: (state: S) => void;
}

/** A step that was taken, and the state after it. */
export interface Taken<S> {
    readonly name: string;
    readonly kind: Kind;
    readonly state: S;
}

export interface Exploration<S> {
    readonly states: number;
    readonly transitions: number;
    /** Steps of the longest shortest trace. */
    readonly depth: number;
    /** What does not hold, and a shortest way to it; absent where everything holds. */
    readonly violation: { readonly property: string; readonly trace: readonly Taken<S>[] } | undefined;
    /** Shortest traces: the first state after each step name that `label` makes of it. */
    readonly firsts: ReadonlyMap<string, readonly Taken<S>[]>;
}

export interface Options<S> {
    /** More states than this are an error, not a result. */
    readonly limit: number;
    /** Names a class of transitions of which one trace each is wanted. */
    readonly label?: (before: S, step: Step<S>, after: S) => string;
}

const KINDS: Readonly<Record<Kind, number>> = { fault: 1, deployer: 2, flow: 4 };

/** A growing array of 32-bit integers: a transition costs a few bytes. */
class Integers {
    length = 0;
    private values = new Int32Array(1 << 16);

    push(value: number): void {
        if (this.length === this.values.length) {
            const grown = new Int32Array(2 * this.length);
            grown.set(this.values);
            this.values = grown;
        }
        this.values[this.length++] = value;
    }

    at(index: number): number {
        return this.values[index] ?? 0;
    }
}

/** One step from a state given as text; undefined where it changes nothing. */
function after<S>(model: Model<S>, text: string, step: Step<S>): { readonly text: string; readonly state: S } | undefined {
    const state = JSON.parse(text) as S;
    step.run(state);
    model.canonical(state);
    const result = JSON.stringify(state);
    return result === text ? undefined : { text: result, state };
}

/**
 * Explores every reachable state.
 *
 * @throws Error where there are more states than `limit`
 */
export function explore<S>(model: Model<S>, { limit, label }: Options<S>): Exploration<S> {
    const first = JSON.parse(JSON.stringify(model.initial)) as S;
    model.canonical(first);
    const texts = [JSON.stringify(first)];
    const known = new Map([[texts[0] ?? "", 0]]);
    const [parents, ordinals, depths] = [new Integers(), new Integers(), new Integers()];
    const [sources, targets, kinds] = [new Integers(), new Integers(), new Integers()];
    const firsts = new Map<string, { readonly from: number; readonly ordinal: number }>();
    for (const [list, value] of [[parents, -1], [ordinals, -1], [depths, 0]] as const) list.push(value);

    /** The trace to a state, and the step `ordinal` after it. */
    const trace = (index: number, ordinal?: number): Taken<S>[] => {
        const way = ordinal === undefined ? [] : [{ at: index, ordinal }];
        for (let at = index; parents.at(at) >= 0; at = parents.at(at)) way.unshift({ at: parents.at(at), ordinal: ordinals.at(at) });
        return way.map(({ at, ordinal: chosen }) => {
            const step = model.steps(JSON.parse(texts[at] ?? "") as S)[chosen];
            if (step === undefined) throw new Error("a model must offer the same steps in the same state");
            const state = JSON.parse(texts[at] ?? "") as S;
            try {
                step.run(state);
            } catch (error) {
                if (!(error instanceof Violation)) throw error;
            }
            model.canonical(state);
            return { name: step.name, kind: step.kind, state };
        });
    };
    const result = (violation: Exploration<S>["violation"]): Exploration<S> => ({
        states: texts.length,
        transitions: sources.length,
        depth: depths.at(texts.length - 1),
        violation,
        firsts: new Map([...firsts].map(([name, { from, ordinal }]) => [name, trace(from, ordinal)])),
    });

    for (let index = 0; index < texts.length; index++) {
        const text = texts[index] ?? "";
        const state = JSON.parse(text) as S;
        for (const [ordinal, step] of model.steps(state).entries()) {
            try {
                const next = after(model, text, step);
                if (next === undefined) continue;
                if (label !== undefined) {
                    const name = label(state, step, next.state);
                    if (!firsts.has(name)) firsts.set(name, { from: index, ordinal });
                }
                let target = known.get(next.text);
                if (target === undefined) {
                    target = texts.length;
                    if (target === limit) throw new Error(`more than ${limit} states`);
                    known.set(next.text, target);
                    texts.push(next.text);
                    parents.push(index);
                    ordinals.push(ordinal);
                    depths.push(depths.at(index) + 1);
                    model.invariant(next.state);
                }
                sources.push(index);
                targets.push(target);
                kinds.push(KINDS[step.kind]);
            } catch (error) {
                if (error instanceof Violation) return result({ property: error.message, trace: trace(index, ordinal) });
                throw error;
            }
        }
    }
    for (const property of model.reachable) {
        const stuck = unreached(property, texts, sources, targets, kinds);
        if (stuck !== undefined) return result({ property: property.name, trace: trace(stuck) });
    }
    return result(undefined);
}

/** The first state, if any, from which the goal cannot be reached: backwards from the goals, over all transitions. */
function unreached<S>({ by, when, goal }: Reachable<S>, texts: readonly string[], sources: Integers, targets: Integers, kinds: Integers): number | undefined {
    const allowed = by.reduce((bits, kind) => bits | KINDS[kind], 0);
    const begins = new Int32Array(texts.length + 1);
    for (let i = 0; i < sources.length; i++) if (kinds.at(i) & allowed) begins[targets.at(i) + 1]! += 1;
    for (let i = 0; i < texts.length; i++) begins[i + 1]! += begins[i]!;
    const incoming = new Int32Array(begins[texts.length]!);
    const filled = begins.slice();
    for (let i = 0; i < sources.length; i++) if (kinds.at(i) & allowed) incoming[filled[targets.at(i)]!++] = sources.at(i);

    const reaches = new Uint8Array(texts.length);
    const todo: number[] = [];
    const needed = new Uint8Array(texts.length);
    for (const [index, text] of texts.entries()) {
        const state = JSON.parse(text) as S;
        if (goal(state)) {
            reaches[index] = 1;
            todo.push(index);
        }
        needed[index] = Number(when === undefined || when(state));
    }
    for (let index = todo.pop(); index !== undefined; index = todo.pop()) {
        for (let i = begins[index]!; i < begins[index + 1]!; i++) {
            const source = incoming[i]!;
            if (reaches[source] === 0) {
                reaches[source] = 1;
                todo.push(source);
            }
        }
    }
    const stuck = texts.findIndex((_, index) => needed[index] === 1 && reaches[index] === 0);
    return stuck < 0 ? undefined : stuck;
}

/** A trace for people: one line a step. */
export function describeTrace<S>(trace: readonly Taken<S>[]): string {
    return trace.map(({ name, kind }, index) => `${String(index + 1).padStart(3)}. ${kind === "fault" ? "! " : "  "}${name}`).join("\n");
}

// The tie between the model of epochs and the code: its traces are done to the real driver and two real kits, and what
// can be seen (tables, frames, acks, refusals, what the module received) is compared after each step.
import assert from "node:assert/strict";
import { describeTrace, explore, type Taken } from "./explorer";
import { Replay, rawTrace, take, type Raw } from "./epochs/replay";
import { epochModel, stepsOf, type EpochStep, type Faults } from "./epochs/steps";
import { initialWorld, type Budget, type World } from "./epochs/world";
import { generator } from "../attest/campaign/random";
import type { Program } from "../kit/compile";

type Patches = NonNullable<Program["patches"]>;

const BUDGET: Budget = { events: 2, rotations: 1, compromise: true, crashes: 1, interruptions: 1, deployers: 1 };
const LIMIT = 400_000;

/** What a step did, as coarsely as two traces that show the same: its kind, and which fields of the two tables changed. */
function label(before: World, step: EpochStep, after: World): string {
    const { act } = step;
    const what = [act.do, "side" in act ? act.side : "", "message" in act ? act.message.type : "", "rotate" in act ? act.rotate : ""].join(" ");
    const changes = (["from", "to"] as const).flatMap((side) => {
        const [a, b] = [before[side].connection, after[side].connection];
        if (a === null || b === null) return a === b ? [] : [`${side} ${b === null ? "gone" : "made"}`];
        return (["active", "retired", "reset", "answerPrevious", "next", "acknowledged"] as const).filter((field) => a[field] !== b[field]).map((field) => `${side}.${field}`);
    });
    return [what, ...changes].join(", ");
}

const forges = (trace: readonly Raw[]): boolean => trace.some(({ step }) => step.act.do.startsWith("forge"));

/** Replays a trace; where the code does something else, says at which step. */
async function replay(trace: readonly Raw[], faults: Faults = {}, patches?: Patches): Promise<void> {
    const kits = await Replay.start(patches);
    try {
        for (const [index, raw] of trace.entries()) {
            try {
                await kits.step(raw, faults);
            } catch (error) {
                const way = trace.slice(0, index + 1).map(({ step: { name, kind }, after: state }): Taken<World> => ({ name, kind, state }));
                throw new Error(`after\n${describeTrace(way)}\nthe code differs from the model: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
            }
        }
    } finally {
        await kits.stop();
    }
}

/** A random walk through the model. */
function walk(seed: number, budget: Budget, length: number): Raw[] {
    const random = generator(seed);
    const trace: Raw[] = [];
    let world = initialWorld(budget);
    while (trace.length < length) {
        // Rare steps are as likely as those of which there are many: first what, then which.
        const steps = stepsOf(world, budget, {}).filter(({ act }) => !act.do.startsWith("forge"));
        const kinds = [...new Set(steps.map(({ act }) => act.do))];
        const chosen = kinds[random(kinds.length)];
        const candidates = steps.filter(({ act }) => act.do === chosen);
        const step = candidates[random(candidates.length)];
        if (step === undefined) break;
        const raw = take(world, step);
        trace.push(raw);
        world = raw.after;
    }
    return trace;
}

/** The weaknesses of the model's kit as changes of the real one, and a configuration in which the model finds them. */
const WEAKENED: readonly { readonly fault: Faults; readonly budget: Partial<Budget>; readonly patches: Patches }[] = [
    {
        fault: { receiverForgetsEpoch: true }, budget: { compromise: false, crashes: 0, interruptions: 0 },
        patches: [{ file: "core/table.c", from: ": c->current.accepts && c->next <= last;", to: ": false;" }],
    },
    {
        fault: { senderForgetsFrames: true }, budget: { compromise: false, interruptions: 0 },
        patches: [{ file: "core/table.c", from: "sends ? c->delivery == STRICT && c->acknowledged < last :", to: "sends ? false :" }],
    },
    {
        fault: { receiverKeepsEpoch: true }, budget: { compromise: false, crashes: 0, interruptions: 0 },
        patches: [{ file: "core/events.c", from: "if (keys == &c->current) crypto_wipe(&c->previous, sizeof c->previous);", to: "" }],
    },
    {
        fault: { receiverTakesGaps: true }, budget: { compromise: false, crashes: 0, interruptions: 0 },
        patches: [{ file: "core/events.c", from: "if (c->delivery == STRICT && f.counter != c->next) return FRAME_GAP;", to: "" }],
    },
    {
        fault: { activatesWhileResealing: true }, budget: { compromise: false, crashes: 0, interruptions: 0, rotations: 2, messagesOvertake: true },
        patches: [{ file: "core/session.c", from: "if (c->pending.epoch != 0 && table_resealing(c)) return BUSY;", to: "" }],
    },
];

describe("the model of epochs and the code", function () {
    this.timeout(600_000);

    it("do the same along a shortest trace to each kind of step", async () => {
        const model = epochModel(BUDGET);
        const { firsts } = explore(model, { limit: LIMIT, label: (before, step, after) => label(before, step as EpochStep, after) });
        const traces = [...firsts.values()].map((trace) => rawTrace(trace, BUDGET, {})).filter((trace) => !forges(trace));
        // A trace that is the beginning of another one is done with that.
        const texts = traces.map((trace) => trace.map(({ step }) => step.name).join("\n"));
        const longest = traces.filter((_, index) => !texts.some((other, at) => at !== index && other.startsWith(`${texts[index] ?? ""}\n`)));
        for (const trace of longest) await replay(trace);
        console.log(`        ${traces.length} kinds of steps in ${longest.length} traces of ${longest.reduce((sum, { length }) => sum + length, 0)} steps`);
        assert.ok(traces.length > 40, `only ${traces.length} kinds of steps`);
    });

    it("do the same on random walks", async () => {
        const done = new Set<string>();
        for (let seed = 1; seed <= 8; seed++) {
            const trace = walk(seed, { ...BUDGET, events: 6, rotations: 3, crashes: 2, interruptions: 3, compromise: seed % 2 === 0, hostileHost: seed % 3 === 0 }, 60);
            for (const { step } of trace) done.add(step.act.do);
            await replay(trace);
        }
        assert.deepEqual([...done].sort(), ["answer", "carry", "crash", "deliver", "emit", "give", "give any", "kill", "open", "other", "restart", "start", "take"]);
    });

    for (const { fault, budget, patches } of WEAKENED) {
        const [name = ""] = Object.keys(fault);
        it(`do the same with the fault ${name} in both, and not with the fault in the model alone`, async () => {
            const changed = { ...BUDGET, ...budget };
            const { violation } = explore(epochModel(changed, fault), { limit: LIMIT });
            const raw = rawTrace(violation?.trace ?? assert.fail("the model finds nothing"), changed, fault);
            await replay(raw, fault, patches);
            // A fault that loses something shows where that is used.
            await assert.rejects(replay(extended(raw, changed, fault), fault), /the code differs from the model/);
            await replay(extended(raw, changed, fault), fault, patches);
        });
    }
});

/** The trace and some more steps: what an honest network would carry, and then an `up`. */
function extended(trace: readonly Raw[], budget: Budget, faults: Faults): Raw[] {
    const more = [...trace];
    for (let i = 0; i < 20; i++) {
        const world = more.at(-1)?.after ?? initialWorld(budget);
        const steps = stepsOf(world, budget, faults);
        const step = (i < 4 ? steps.find(({ kind }) => kind === "flow") : undefined) ?? steps.find(({ kind }) => kind === "deployer");
        if (step === undefined) break;
        more.push(take(world, step));
    }
    return more;
}

// An update under load that is interrupted: the deployer, the agent, the old or the new instance ends before or after a step.
// The next `up` converges. Nothing is lost, doubled or reordered, unless the loss of the module's state is reported.
// All steps: npm run campaign:update. Here: those at which something is decided.
import assert from "node:assert/strict";
import { Faults, type Victim } from "./faults";
import { type Load, Scene, type Variant } from "./scene";
import type { StreamCounts } from "./stream-checker";

const ALL = process.env["AUTHENTIC_UPDATE_CAMPAIGN"] === "all";
/** Steps at which something is decided: the last of each name. */
const DECIDING = ["start", "prepare", "offer", "release", "accept", "promote"] as const;

/**
 * Where the module's state is kept although an instance was killed there; elsewhere its loss must be reported. The old one has
 * it until it has released it, the new one is needed from the last look at it on, which is the step before.
 */
const kept = (victim: Victim, steps: readonly string[], at: number, when: "before" | "after"): boolean => {
    const release = steps.lastIndexOf("release");
    if (victim === "old") return at > release || (at === release && when === "after");
    return at < release - 1 || (at === release - 1 && when === "before");
};

describe("an update that is interrupted", function () {
    this.timeout(ALL ? 7_200_000 : 600_000);
    let scene: Scene;
    let load: Load;
    let version = 1;
    let steps: string[] = [];
    const figures = new Map<string, number>();
    const count = (what: string, more = 1): void => void figures.set(what, (figures.get(what) ?? 0) + more);
    /** What became of the events of one scene, counted outside every agent. */
    const add = (counts: StreamCounts, where: string): void => {
        for (const [what, more] of Object.entries(counts)) count(`${what} ${where}`, more as number);
    };
    after(() => {
        console.log(`      ${[...figures].map(([what, number]) => `${number} ${what}`).join(", ")}`);
    });
    beforeEach(async () => {
        scene = new Scene();
        version = 1;
        await scene.up({ version });
        load = scene.load();
        await load.reaches(10);
        // What an update does, from one that nothing happens to.
        const faults = new Faults(scene.instance("worker"));
        faults.enter();
        try {
            await scene.up({ version: ++version });
        } finally {
            faults.leave();
        }
        steps = faults.steps.slice(0, faults.steps.lastIndexOf("promote") + 1);
    });
    afterEach(() => scene.end());

    /** One interrupted update and what follows. @returns whether the loss of the state was reported */
    const interrupt = async (victim: Victim, at: number, when: "before" | "after"): Promise<boolean> => {
        const variant: Variant = { version: ++version, onStateLoss: "restart" };
        const before = scene.stack.outs("Module", "worker")["incarnation"];
        const faults = new Faults(scene.instance("worker"), { victim, at, when });
        faults.enter();
        try {
            await scene.up(variant).catch(() => undefined);
        } finally {
            faults.leave();
        }
        count("updates interrupted");
        assert.ok(faults.struck, `${victim} ${when} step ${at} (${String(steps[at])}): nothing happened`);
        count("faults fired");
        await scene.stack.refresh();
        await scene.up(variant);
        assert.deepEqual((await scene.preview(variant)).filter((step) => !step.startsWith("same ")), [], "the next `up` has not converged");
        await load.goesOn(5);
        const { incarnation, lastLoss } = scene.stack.outs("Module", "worker");
        assert.notEqual(incarnation, before);
        return lastLoss !== undefined;
    };

    const selected = (): number[] => ALL ? steps.map((_, at) => at) : DECIDING.map((name) => steps.lastIndexOf(name));

    for (const victim of ["deployer", "network", "agent"] as const) {
        it(`by the ${victim}, loses nothing`, async () => {
            for (const at of selected()) {
                for (const when of ["before", "after"] as const) {
                    if (!ALL && victim !== "deployer" && (when === "before") !== (victim === "agent")) continue;
                    assert.equal(await interrupt(victim, at, when), false, `${victim} ${when} ${String(steps[at])}: its state was lost`);
                }
            }
            await load.stopped();
            scene.isWhole(undefined);
            add(scene.counts(), "where no state was lost");
        });
    }

    for (const victim of ["old", "next"] as const) {
        it(`by the end of the ${victim} instance, loses nothing where the other one has it, and else says so`, async () => {
            const started = steps.lastIndexOf("start");
            const cases = selected().filter((at) => at >= started).flatMap((at) => (["before", "after"] as const).map((when) => ({ at, when, name: String(steps[at]) })))
                // There is nobody to kill before the start, or after the promotion.
                .filter(({ name, when }) => !(victim === "next" && name === "start" && when === "before") && !(name === "promote" && when === "after"))
                .map((one) => ({ ...one, keeps: kept(victim, steps, one.at, one.when) }));
            const [keeping, losing] = [cases.filter(({ keeps }) => keeps), cases.filter(({ keeps }) => !keeps)];
            assert.ok(keeping.length > 0 && losing.length > 0);
            for (const { at, when, name } of keeping) assert.equal(await interrupt(victim, at, when), false, `${victim} ${when} ${name}: its state was lost`);
            await load.stopped();
            scene.isWhole(undefined);
            add(scene.counts(), "where no state was lost");
            // The load goes on with the next `up`.
            for (const { at, when, name } of ALL ? losing : losing.slice(-1)) {
                await scene.stack.refresh();
                assert.equal(await interrupt(victim, at, when), true, `${victim} ${when} ${name}: no loss was reported`);
                count("losses reported");
            }
        });
    }
});

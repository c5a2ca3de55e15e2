// An update, or a move to another node, under load that is interrupted: the deployer, an agent, the old or the new instance ends
// before or after a step, or the network is cut. The next `up` converges. Nothing is lost, doubled or reordered, unless the loss
// of the module's state is reported; at no time do two instances have keys.
// All steps: npm run campaign:update. Here: those at which something is decided.
import assert from "node:assert/strict";
import { LIVES_ON, weakenedKit } from "../attacks/weakened";
import { Faults, type Victim } from "./faults";
import { type Load, Scene, type Variant } from "./scene";
import type { StreamCounts } from "./stream-checker";

const ALL = process.env["AUTHENTIC_UPDATE_CAMPAIGN"] === "all";

type When = "before" | "after";
/** Where an interruption strikes: before or after which step; with `there`, on the node where the step is not done. */
interface Strike {
    readonly at: number;
    readonly when: When;
    readonly there?: boolean;
}
type Named = readonly (readonly [step: string, when: When, there?: true])[];

interface Kind {
    readonly name: string;
    /** Nodes that the module may be on. */
    readonly nodes: readonly ["first"] | readonly ["first", "second"];
    /** What is struck in every run of the tests; the last step of each name. */
    readonly few: Readonly<Record<"deployer" | "network" | "agent" | "old" | "next", Named>>;
}

const at = (when: When, ...steps: string[]): Named => steps.map((step) => [step, when]);
const DECIDING = ["start", "prepare", "offer", "release", "accept", "promote"];
const both = (...steps: string[]): Named => [...at("before", ...steps), ...at("after", ...steps)];

const KINDS: readonly Kind[] = [
    { name: "an update", nodes: ["first"], few: {
        deployer: both(...DECIDING), network: at("after", ...DECIDING), agent: at("before", ...DECIDING),
        old: both(...DECIDING), next: both(...DECIDING),
    } },
    { name: "a move to another node", nodes: ["first", "second"], few: {
        deployer: at("after", "offer", "release", "promote"), network: [["release", "after"], ["remove", "before"]],
        agent: [["release", "before"], ["accept", "before", true], ["remove", "before", true]],
        old: [["prepare", "after"], ["release", "after"], ["promote", "after"]], next: [["offer", "before"], ["accept", "after"]],
    } },
];

/**
 * Where the module's state is kept although an instance was killed there; elsewhere its loss must be reported. The old one has
 * it until it has released it, the new one is needed from the last look at it on, which is the step before.
 */
const kept = (victim: Victim, steps: readonly string[], { at, when }: Strike): boolean => {
    const release = steps.lastIndexOf("release");
    if (victim === "old") return at > release || (at === release && when === "after");
    return at < release - 1 || (at === release - 1 && when === "before");
};

for (const { name: kind, nodes, few } of KINDS) describe(`${kind} that is interrupted`, function () {
    this.timeout(ALL ? 7_200_000 : 600_000);
    const moves = nodes.length > 1;
    let scene: Scene;
    let load: Load;
    let current: Variant;
    let steps: string[] = [];
    /** Whether a step is done on the node that is moved to. */
    let onTarget: boolean[] = [];
    const figures = new Map<string, number>();
    const count = (what: string, more = 1): void => void figures.set(what, (figures.get(what) ?? 0) + more);
    /** What became of the events of one scene, counted outside every agent. */
    const add = (counts: StreamCounts, where: string): void => {
        for (const [what, more] of Object.entries(counts)) count(`${what} ${where}`, more as number);
    };
    after(() => {
        console.log(`      ${[...figures].map(([what, number]) => `${number} ${what}`).join(", ")}`);
    });

    /** What is declared next: another program, or another node. */
    const another = (): Variant => moves ? { ...current, on: current.on === "first" ? "second" : "first" } : { ...current, version: current.version! + 1 };

    const begin = async (): Promise<void> => {
        scene = new Scene();
        current = { version: 1, on: "first", places: moves ? ["second"] : [] };
        await scene.up(current);
        load = scene.load();
        await load.reaches(10);
        // What is done, in one that nothing happens to.
        const faults = new Faults(scene.instance("worker"));
        faults.enter();
        try {
            await scene.up(current = another());
        } finally {
            faults.leave();
        }
        steps = faults.steps.slice(0, faults.steps.lastIndexOf(moves ? "remove" : "promote") + 1);
        onTarget = faults.folders.map((folder) => folder === scene.place(current.on!));
        current = { ...current, onStateLoss: "restart" };
    };

    /** Interrupts one. @returns what tells it in messages */
    const strike = async (victim: Victim, { at, when, there = false }: Strike): Promise<string> => {
        const from = scene.place(current.on!);
        current = another();
        const to = scene.place(current.on!);
        const where = `${victim}${there ? " of the other node" : ""} ${when} step ${at} (${String(steps[at])})`;
        const folder = victim === "old" ? from : victim === "next" ? to : there ? (onTarget[at] === true ? from : to) : undefined;
        const faults = new Faults(scene.instance("worker"), { victim, at, when, ...(folder === undefined ? {} : { folder }) });
        faults.enter();
        try {
            await scene.up(current).catch(() => undefined);
        } finally {
            faults.leave();
        }
        count("interrupted");
        assert.ok(faults.struck, `${where}: nothing happened`);
        count("faults fired");
        return where;
    };

    /** One that is interrupted and what follows. @returns whether the loss of the state was reported */
    const interrupt = async (victim: Victim, one: Strike): Promise<boolean> => {
        const before = scene.stack.outs("Module", "worker")["incarnation"];
        const where = await strike(victim, one);
        assert.ok(await scene.holders(nodes) <= 1, `${where}: two instances have keys`);
        await scene.stack.refresh();
        await scene.up(current);
        assert.deepEqual((await scene.preview(current)).filter((step) => !step.startsWith("same ")), [], `${where}: the next \`up\` has not converged`);
        // Where the agent ended, what has no keys any more may wait for its node's next one.
        const left = victim === "agent" ? [current.on!] : nodes;
        assert.deepEqual(scene.instances(left), [{ folder: scene.place(current.on!), id: scene.instance("worker") }], `${where}: one instance is left`);
        assert.equal(await scene.holders(nodes), 1, `${where}: one instance has keys`);
        await load.goesOn(5);
        const { incarnation, lastLoss } = scene.stack.outs("Module", "worker");
        assert.notEqual(incarnation, before);
        return lastLoss !== undefined;
    };

    const selected = (victim: keyof Kind["few"]): Strike[] => {
        if (!ALL) return few[victim].map(([name, when, there = false]) => ({ at: steps.lastIndexOf(name), when, there }));
        const everywhere = steps.flatMap((_, at) => (["before", "after"] as const).map((when) => ({ at, when })));
        return victim === "agent" && moves ? [...everywhere, ...everywhere.map((one) => ({ ...one, there: true }))] : everywhere;
    };

    /** There is nobody to kill before the start, or after the promotion; an old instance on another node goes last. */
    const lives = (victim: "old" | "next", { at, when }: Strike): boolean => {
        const start = steps.lastIndexOf("start");
        const end = victim === "old" ? steps.length - 1 : steps.lastIndexOf("promote");
        return (at > start || (at === start && (when === "after" || victim === "old"))) && (at < end || (at === end && when === "before"));
    };

    describe("with the kit as it is", () => {
        beforeEach(begin);
        afterEach(() => scene.end());

        for (const victim of ["deployer", "network", "agent"] as const) {
            it(`by the ${victim}, loses nothing`, async () => {
                for (const one of selected(victim)) assert.equal(await interrupt(victim, one), false, `${victim} ${one.when} ${String(steps[one.at])}: its state was lost`);
                await load.stopped();
                scene.isWhole(undefined);
                add(scene.counts(), "where no state was lost");
            });
        }

        for (const victim of ["old", "next"] as const) {
            it(`by the end of the ${victim} instance, loses nothing where the other one has it, and else says so`, async () => {
                const cases = selected(victim).filter((one) => lives(victim, one));
                const [keeping, losing] = [cases.filter((one) => kept(victim, steps, one)), cases.filter((one) => !kept(victim, steps, one))];
                assert.ok(keeping.length > 0 && losing.length > 0);
                for (const one of keeping) assert.equal(await interrupt(victim, one), false, `${victim} ${one.when} ${String(steps[one.at])}: its state was lost`);
                await load.stopped();
                scene.isWhole(undefined);
                add(scene.counts(), "where no state was lost");
                // The load goes on with the next `up`.
                for (const one of ALL ? losing : losing.slice(-1)) {
                    await scene.stack.refresh();
                    assert.equal(await interrupt(victim, one), true, `${victim} ${one.when} ${String(steps[one.at])}: no loss was reported`);
                    count("losses reported");
                }
            });
        }
    });

    if (moves) {
        it("would leave two instances with keys, if a release changed nothing", async () => {
            const kit = weakenedKit(LIVES_ON);
            process.env["AUTHENTIC_KIT"] = kit.folder;
            try {
                await begin();
                await strike("deployer", { at: steps.lastIndexOf("accept"), when: "after" });
                assert.equal(await scene.holders(nodes), 2);
            } finally {
                await scene.end();
                delete process.env["AUTHENTIC_KIT"];
                kit.remove();
            }
        });
    }
});

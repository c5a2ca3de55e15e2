// Two deployers at once, each with its own copy of the state, update the same module under load. Whoever gives way, nothing is
// lost, doubled or reordered, one instance is left, and the next `up` of either converges.
// Every step at which they can meet: npm run campaign:update. Here: one.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { meet, type Outcome, otherDeployer } from "./deployer";
import { Faults } from "./faults";
import { type Load, Scene, type Variant } from "./scene";

const ALL = process.env["AUTHENTIC_UPDATE_CAMPAIGN"] === "all";

interface Meeting {
    readonly name: string;
    /** Where this deployer stands meanwhile. */
    readonly at: string;
    /** Where the other one is killed. */
    readonly killed: { readonly at: string; readonly when: "after" };
    /** Whether a killed `up` had left an instance that waits. */
    readonly leftOver: boolean;
}

const MEETINGS: readonly Meeting[] = [
    { name: "this one is about to end a left-over instance, in whose place the other one puts its own and hands over to that", at: "remove", killed: { at: "release", when: "after" }, leftOver: true },
    { name: "this one is about to promote its instance, which the other one does, to start the next beside it", at: "promote", killed: { at: "start", when: "after" }, leftOver: false },
];

describe("two deployers at once", function () {
    this.timeout(ALL ? 1_800_000 : 600_000);
    let scene: Scene;
    let load: Load;
    let version = 1;

    const begin = async (): Promise<void> => {
        scene = new Scene();
        version = 1;
        await scene.up({ version });
        load = scene.load();
        await load.reaches(10);
    };
    const lastLoss = (): unknown => scene.stack.outs("Module", "worker")["lastLoss"];
    const places = (): string[] => fs.readdirSync(path.join(scene.folder("worker"), "instances")).filter((name) => name.startsWith(scene.instance("worker")));

    /** What the next `up` of this deployer makes of it. */
    const converges = async (variant: Variant): Promise<void> => {
        await scene.stack.refresh();
        await scene.up(variant);
        assert.deepEqual((await scene.preview(variant)).filter((step) => !step.startsWith("same ")), []);
        assert.deepEqual(places(), [scene.instance("worker")], "one instance is left");
        await load.goesOn(10);
    };

    /** Nothing was lost on the way. Versions may come back: an older state that is deployed again brings an older one. */
    const nothingIsLost = async (): Promise<void> => {
        await load.stopped();
        const { sent, delivered, lost, duplicated, reordered, foreign } = scene.counts();
        assert.deepEqual([delivered, lost, duplicated, reordered, foreign], [sent, 0, 0, 0, 0]);
        scene.counted();
        console.log(`        ${sent} events sent, ${delivered} delivered, ${lost} lost, ${duplicated} duplicated, ${reordered} reordered`);
    };

    /** @returns whether the loss of the module's state is reported */
    const happens = async ({ at, killed, leftOver }: Meeting, blindly: boolean): Promise<boolean> => {
        const before = scene.stack.copy();
        if (leftOver) assert.ok((await otherDeployer(scene, before, { version: ++version }, { at: "start", when: "after" })).struck);
        const theirs: Variant = { version: ++version };
        const mine: Variant = { version: ++version, onStateLoss: "restart" };
        let other: Outcome | undefined;
        const faults = new Faults(scene.instance("worker"), { at, when: "before", victim: async () => {
            other = await otherDeployer(scene, before, theirs, killed);
        } }, blindly);
        faults.enter();
        try {
            await scene.up(mine).catch((error: unknown) => { if (!blindly) throw error; });
        } finally {
            faults.leave();
        }
        assert.equal(other?.struck, true, "the other one was killed where it should be");
        const reported = lastLoss() !== undefined;
        await converges(mine);
        return reported || lastLoss() !== undefined;
    };

    describe("of the careful kind", () => {
        before(begin);
        after(() => scene.end());

        for (const meeting of MEETINGS) it(`lose nothing where ${meeting.name}`, async () => assert.equal(await happens(meeting, false), false));

        for (const at of ALL ? ["start", "m1", "prepare", "offer", "frames", "putFrames", "release", "accept", "promote"] : ["prepare"]) {
            it(`lose nothing where both come to \`${at}\` at the same moment, and each of them converges afterwards`, async () => {
                for (const name of ["here", "there"]) fs.rmSync(path.join(scene.base, name), { force: true });
                const before = scene.stack.copy();
                const [mine, theirs]: Variant[] = [{ version: ++version }, { version: ++version }];
                const faults = new Faults(scene.instance("worker"), { at, when: "before", victim: () => meet(scene.base, "here") });
                faults.enter();
                const errors: string[] = [];
                const [other] = await Promise.all([
                    otherDeployer(scene, before, theirs!, { at, when: "before", meets: true }),
                    scene.up(mine!).catch((error: unknown) => errors.push(String(error))),
                ]).finally(() => faults.leave());
                assert.deepEqual([faults.struck, other.struck], [true, true], "they met");
                if (other.error !== undefined) errors.push(`${other.error.code ?? ""}: ${other.error.message}`);
                console.log(errors.length === 0 ? "        nobody gave way" : errors.map((error) => `        gave way: ${error}`).join("\n"));
                assert.ok(errors.every((error) => /AE-[A-Z]+-[A-Z]+: /.test(error) && !error.includes("STATE-LOST")), errors.join("\n"));
                for (const [state, variant] of [[other.state, theirs!], [scene.stack.copy(), mine!]] as const) {
                    scene.stack.restore(state);
                    await converges(variant);
                    assert.equal(lastLoss(), undefined);
                }
            });
        }

        it("have lost, doubled and reordered nothing", () => nothingIsLost());
    });

    for (const meeting of MEETINGS) {
        describe("that end and promote whatever they find", () => {
            before(begin);
            after(() => scene.end());

            it(`lose the state where ${meeting.name}`, async () => {
                const reported = await happens(meeting, true);
                if (!reported) await assert.rejects(nothingIsLost());
            });
        });
    }
});

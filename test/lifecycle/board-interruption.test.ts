// Updates and migrations under load during which a board is cut off: the state is kept where an instance elsewhere has it, its
// loss is reported where none has, and the next `up` converges either way. All cases: npm run campaign:update.
import assert from "node:assert/strict";
import { Faults } from "./faults";
import { type Load, Scene, type Variant } from "./scene";

/** From where to where; on which node the board is cut off, and after which step. */
interface Case {
    readonly from: "board" | "other board" | "enclaves";
    readonly to: "board" | "other board" | "enclaves";
    readonly cut: "old" | "new";
    readonly after: "start" | "prepare" | "offer" | "release" | "accept";
    readonly keeps: boolean;
    /** In every run of the tests. */
    readonly always?: true;
}

const ALL = process.env["AUTHENTIC_UPDATE_CAMPAIGN"] === "all";

/** The old instance has the state until it has released it; from the last look at the new one on, which follows the offer, that has to live. */
const CASES: readonly Case[] = [
    { from: "enclaves", to: "board", cut: "new", after: "start", keeps: true },
    { from: "enclaves", to: "board", cut: "new", after: "offer", keeps: true, always: true },
    { from: "board", to: "enclaves", cut: "old", after: "release", keeps: true, always: true },
    { from: "board", to: "other board", cut: "new", after: "offer", keeps: true },
    { from: "board", to: "other board", cut: "old", after: "accept", keeps: true },
    { from: "board", to: "enclaves", cut: "old", after: "prepare", keeps: false },
    { from: "enclaves", to: "board", cut: "new", after: "release", keeps: false },
    { from: "board", to: "board", cut: "old", after: "offer", keeps: false, always: true },
];

describe("an update with a board that is cut off", function () {
    this.timeout(600_000);
    const places = ["enclaves", "board", "other board"] as const;
    let scene: Scene;
    let load: Load;
    let version = 0;

    before(() => {
        scene = new Scene();
    });
    after(() => scene.end());

    const folderOf = (place: Case["from"]): string => scene.place(place);

    const cases = CASES.filter(({ always }) => ALL || always);
    const check = ({ from, to, cut, after: step, keeps }: Case) => {
        it(`from ${from} to ${to}, the ${cut} one's after ${step}: ${keeps ? "loses nothing" : "says that the state is lost"}`, async () => {
            const before: Variant = { places, on: from, version: ++version, onStateLoss: "restart" };
            await scene.stack.refresh();
            await scene.up(before);
            load = scene.load();
            await load.goesOn(5);
            const { incarnation: old } = scene.stack.outs("Module", "worker");
            const variant: Variant = { ...before, on: to, version: ++version };
            const faults = new Faults(scene.instance("worker"), { victim: "board", at: step, when: "after", folder: folderOf(cut === "old" ? from : to) });
            faults.enter();
            try {
                await scene.up(variant).catch(() => undefined);
            } finally {
                faults.leave();
            }
            assert.ok(faults.struck, `nothing happened after ${step}: ${faults.steps.join(" ")}`);
            await scene.stack.refresh();
            await scene.up(variant);
            assert.deepEqual((await scene.preview(variant)).filter((one) => !one.startsWith("same ")), [], "the next `up` has not converged");
            await load.goesOn(5);
            const { incarnation, lastLoss } = scene.stack.outs("Module", "worker");
            assert.notEqual(incarnation, old);
            assert.equal(lastLoss === undefined, keeps, String(lastLoss));
        });
    };
    cases.filter(({ keeps }) => keeps).forEach(check);
    it("has lost, doubled and reordered nothing so far", async () => {
        await load.stopped();
        scene.isWhole(undefined);
    });
    cases.filter(({ keeps }) => !keeps).forEach(check);
});

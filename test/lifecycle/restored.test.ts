// An older state file is put back: what runs is further than the state says. Nothing is lost where the old program or the new one
// is deployed again; where the state does not say where the module is, its loss is reported, and what comes back later is not
// taken for the module.
import assert from "node:assert/strict";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import type { HandOverRecord } from "../../provider/agent/client";
import { type Load, Scene, type Variant } from "./scene";
import type { StateEntry } from "./stack";

describe("an older state file that is put back", function () {
    this.timeout(300_000);
    let scene: Scene;
    let load: Load;
    const begin = async (variant: Variant): Promise<StateEntry[]> => {
        scene = new Scene();
        await scene.up(variant);
        load = scene.load();
        await load.reaches(10);
        return scene.stack.copy();
    };
    afterEach(async () => {
        setSurroundings(undefined);
        await scene.end();
    });
    const lastLoss = (): unknown => scene.stack.outs("Module", "worker")["lastLoss"];
    const settled = async (variant: Variant): Promise<void> => {
        assert.deepEqual((await scene.preview(variant)).filter((step) => !step.startsWith("same ")), []);
        await load.goesOn(10);
    };

    it("from before two updates, keeps everything with the program that runs, with the old one, and with another one", async () => {
        const before = await begin({ version: 1 });
        await scene.up({ version: 2 });
        await scene.up({ version: 3 });
        await load.goesOn(5);
        const programs: readonly Variant[] = [{ version: 3 }, { version: 1 }, { version: 4, schema: 2 }];
        for (const variant of programs) {
            scene.stack.restore(before);
            // Without a refresh the old state and the old program agree: nothing is done.
            if (variant.version === 1) await scene.stack.refresh();
            await scene.up(variant);
            assert.equal(lastLoss(), undefined);
            await settled(variant);
        }
        // Nothing in the old program takes the newer state over, although the old state does not tell.
        scene.stack.restore(before);
        await scene.stack.refresh();
        await assert.rejects(scene.up({ version: 1 }), /AE-SESSION-REFUSED/);
        await load.goesOn(10);
        await load.stopped();
        scene.counted();
        const { sent, ...rest } = scene.counts();
        assert.deepEqual(rest, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
    });

    it("from before an update, would lose the state with the old program, did the agent not keep what the deployer has signed", async () => {
        // Of native modules nobody vouches for the measurement.
        const before = await begin({ tee: "sgx", version: 1 });
        await scene.up({ tee: "sgx", version: 2 });
        scene.stack.restore(before);
        setSurroundings({ ...real, agent: async (folder) => Object.assign(await real.agent(folder), { handOver: () => Promise.resolve<HandOverRecord>({}) }) });
        await scene.stack.refresh();
        await assert.rejects(scene.up({ tee: "sgx", version: 1 }), /onStateLoss/);
        await scene.up({ tee: "sgx", version: 1, onStateLoss: "restart" });
        assert.notEqual(lastLoss(), undefined);
        await load.goesOn(5);
    });

    it("from before a rotation, gets a key of a later epoch again, whichever program is deployed", async () => {
        const before = await begin({ rotate: 1 });
        const epoch = (): bigint => BigInt(scene.stack.outs("Connection", "a")["epoch"] as string);
        await scene.up({ rotate: 2 });
        let last = epoch();
        for (const variant of [{ rotate: 2 }, { rotate: 3 }]) {
            scene.stack.restore(before);
            assert.ok(epoch() < last, "the state is behind");
            await scene.up(variant);
            assert.ok(epoch() > last);
            last = epoch();
            await settled(variant);
        }
        scene.stack.restore(before);
        await scene.stack.refresh();
        await scene.up({ rotate: 1 });
        assert.equal(epoch(), last, "the refresh has read it");
        await load.goesOn(10);
        await load.stopped();
        scene.isWhole([1]);
    });

    it("from before a migration, finds the module where the program has it", async () => {
        const before = await begin({ on: "first" });
        await scene.up({ on: "second" });
        scene.stack.restore(before);
        await scene.up({ on: "second" });
        assert.equal(lastLoss(), undefined);
        await settled({ on: "second" });
        await load.stopped();
        scene.isWhole([1]);
    });

    it("from before a migration, reports the loss where the program has the module elsewhere; what was left behind never comes back", async () => {
        const before = await begin({ on: "first" });
        await scene.up({ on: "second" });
        await load.goesOn(10);
        scene.stack.restore(before);
        assert.ok((await scene.stack.refresh()).includes("worker: missing"));
        await assert.rejects(scene.up({ on: "first" }), /onStateLoss/);
        const restarted: Variant = { on: "first", onStateLoss: "restart" };
        await scene.up(restarted);
        assert.match(String(lastLoss()), /missing/);
        await load.goesOn(20);
        // The instance that nobody knew of still runs there, from the same image, and was once handed the state.
        await scene.up({ on: "second" });
        assert.equal(lastLoss(), undefined);
        await load.goesOn(20);
        const counts = scene.published("sink", "heard").map(([, count = 0]) => count);
        const anew = counts.lastIndexOf(1);
        assert.ok(anew > 0);
        assert.deepEqual(counts.slice(anew), counts.slice(anew).map((_, index) => index + 1), "the count since the restart");
    });
});

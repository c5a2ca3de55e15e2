// Updates and migrations of real modules under load: what is heard at the end is compared, number by number, with what was
// sent at the beginning.
import assert from "node:assert/strict";
import { Scene } from "./scene";

describe("a module that is updated under load", function () {
    this.timeout(240_000);
    let scene: Scene;
    beforeEach(() => {
        scene = new Scene();
    });
    afterEach(() => scene.end());

    for (const tee of ["native", "sgx"] as const) {
        it(`in place, on a ${tee} node, loses, doubles and reorders nothing`, async () => {
            await scene.up({ tee });
            const load = scene.load();
            await load.reaches(20);
            await scene.up({ tee, version: 2, schema: 2 });
            await load.goesOn(20);
            await load.stopped();
            scene.isWhole([1, 2]);
        });
    }

    it("moves to another node, to another TEE and back, and loses, doubles and reorders nothing", async () => {
        await scene.up({ on: "first" });
        const load = scene.load();
        for (const on of ["second", "enclaves", "first"] as const) {
            await load.goesOn(20);
            await scene.up({ on });
        }
        await load.goesOn(20);
        await load.stopped();
        scene.isWhole([1]);
    });

    it("goes on as it was where the new one does not take its state over, and is repaired by the next program", async () => {
        await scene.up({});
        const load = scene.load();
        await load.reaches(20);
        for (const flaw of ["FAULTY", "REFUSING"]) {
            await assert.rejects(scene.up({ version: 2, schema: 2, defines: { [flaw]: "1" } }), /AE-(SESSION-REFUSED|INSTANCE-FAILED)/);
            await load.goesOn(20);
        }
        await assert.rejects(scene.up({ version: 2, schema: 2, defines: { BROKEN: "}" } }), /source/);
        await load.goesOn(20);
        await scene.up({ version: 2, schema: 2 });
        await load.goesOn(20);
        await load.stopped();
        scene.isWhole([1, 2]);
    });

    it("is refused in preview where nothing takes its state over", async () => {
        await scene.up({ version: 2, schema: 2 });
        await assert.rejects(scene.preview({ version: 3 }), /worker: source: nothing takes over state "seen" of schema 2 \(16 bytes\)/);
        assert.deepEqual((await scene.preview({ version: 3, schema: 2 })).filter((step) => !step.startsWith("same ")).sort(), ["update a", "update b", "update worker"]);
    });
});

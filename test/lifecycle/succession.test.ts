// Updates and migrations of real modules under load: what is heard at the end is compared, number by number, with what was
// sent at the beginning.
import assert from "node:assert/strict";
import * as path from "node:path";
import type { StartRequest } from "../../provider/agent/client";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings, type Agent } from "../../provider/lifecycle/surroundings";
import type { Channel } from "../../provider/session/session";
import { toolchain } from "../../tools/setup/toolchain";
import { Scene } from "./scene";

/** Modules of boards need libraries that Rust on PATH may not have (docs/modules-rust.md). */
const { foreign } = toolchain();
const searched = process.env["PATH"];

describe("a module that is updated under load", function () {
    this.timeout(240_000);
    let scene: Scene;
    beforeEach(() => {
        scene = new Scene();
    });
    afterEach(() => {
        process.env["PATH"] = searched;
        return scene.end();
    });

    for (const tee of ["native", "sgx", "trustzone"] as const) {
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

    for (const [tee, from, to] of [["native", "rust", "rust"], ["native", "c", "rust"], ["native", "rust", "c"], ["sgx", "c", "rust"], ["trustzone", "c", "rust"]] as const) {
        (tee === "trustzone" && foreign === undefined ? it.skip : it)(`from ${from} to ${to} with a changed state, on a ${tee} node, loses, doubles and reorders nothing`, async () => {
            if (tee === "trustzone") process.env["PATH"] = [path.join(foreign!.rust, "bin"), searched].join(path.delimiter);
            await scene.up({ tee, language: from });
            const load = scene.load();
            await load.reaches(20);
            const numbers = (): number[] => ["in", "out"].map((name) => (scene.stack.outs("Module", "worker")["interface"] as { name: string }[]).findIndex((one) => one.name === name));
            const before = numbers();
            await scene.up({ tee, language: to, version: 2, schema: 2 });
            assert.notDeepEqual(numbers(), before, "an endpoint that had the same number in both would be found by it");
            await load.goesOn(20);
            // Back in the first language, which has the same layout, on events that came meanwhile.
            await scene.up({ tee, language: from, version: 3, schema: 2 });
            await load.goesOn(20);
            await load.stopped();
            scene.isWhole([1, 2, 3]);
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

    it("moves between enclaves, boards and native nodes, and loses, doubles and reorders nothing", async () => {
        const places = ["enclaves", "board", "other board"] as const;
        await scene.up({ places, on: "enclaves" });
        const load = scene.load();
        for (const on of ["board", "other board", "first", "board", "enclaves"] as const) {
            await load.goesOn(20);
            await scene.up({ places, on });
        }
        await load.goesOn(20);
        await load.stopped();
        scene.isWhole([1]);
    });

    for (const language of ["c", "rust"] as const) {
        it(`goes on as it was where the new one, in ${language}, does not take its state over, and is repaired by the next program`, async () => {
            await scene.up({ language });
            const load = scene.load();
            await load.reaches(20);
            for (const flaw of ["FAULTY", "REFUSING"]) {
                await assert.rejects(scene.up({ language, version: 2, schema: 2, defines: { [flaw]: "1" } }), /AE-(SESSION-REFUSED|INSTANCE-FAILED)/);
                await load.goesOn(20);
            }
            await assert.rejects(scene.up({ language, version: 2, schema: 2, defines: { BROKEN: "}" } }), /source/);
            await load.goesOn(20);
            await scene.up({ language, version: 2, schema: 2 });
            await load.goesOn(20);
            await load.stopped();
            scene.isWhole([1, 2]);
        });
    }

    it("stays where it is when a board has no room for what it would hand over: refused in preview where that is certain", async () => {
        const moved = (LARGE: string) => ({ places: ["board"] as const, on: "board" as const, defines: { LARGE, DROPPED: "1" } });
        await scene.up({ places: ["board"], on: "first", defines: { LARGE: "7700" } });
        await assert.rejects(scene.preview(moved("7700")), /worker: source: its state needs a message of 8195 bytes, but the old and the new node have room for 8184/);
        await scene.up({ places: ["board"], on: "first", defines: { LARGE: "7600", DROPPED: "1" } });
        await scene.up({ places: ["board"], on: "first", defines: { LARGE: "7600" } });
        const load = scene.load();
        await load.reaches(20);
        // With its two connections it is too large.
        await scene.preview(moved("7600"));
        await assert.rejects(scene.up(moved("7600")), /AE-HANDOVER-SIZE.*make a message of 8\d{3} bytes, and the new instance takes 8184/);
        await load.goesOn(20);
        await scene.up({ places: ["board"], on: "first", defines: { LARGE: "7600", DROPPED: "1" } });
        await scene.up(moved("7600"));
        await load.goesOn(20);
        await load.stopped();
        scene.isWhole([1]);
    });

    it("goes on as it was where the new one is not loaded, or its evidence is refused, and is updated by the next `up`", async () => {
        await scene.up({ tee: "sgx" });
        const load = scene.load();
        await load.reaches(20);
        let struck = 0;
        /** An agent that changes what is for, or from, the new instance. */
        const strike = (change: { readonly image?: (image: Uint8Array) => Uint8Array; readonly evidence?: (body: Uint8Array) => Uint8Array }): void => setSurroundings({ ...real, agent: async (folder) => {
            const agent = await real.agent(folder);
            return Object.assign(Object.create(agent) as Agent, {
                start: (id: string, request: StartRequest) => agent.start(id, change.image === undefined ? request : (struck++, { ...request, image: change.image(request.image) })),
                channel: (id: string): Channel => ({ send: async (type, body) => {
                    const reply = await agent.channel(id).send(type, body);
                    if (change.evidence === undefined || reply.type !== "m2" || !id.endsWith(".successor")) return reply;
                    struck++;
                    return { ...reply, evidence: { ...reply.evidence, body: change.evidence(reply.evidence.body) } };
                } }),
            });
        } });
        try {
            strike({ image: (image) => image.subarray(0, image.length >> 1) });
            await assert.rejects(scene.up({ tee: "sgx", version: 2 }), /AE-HOST-/);
            await load.goesOn(20);
            strike({ evidence: (body) => body.map((byte, index) => (index === 112 + 48 ? byte ^ 1 : byte)) });
            await assert.rejects(scene.up({ tee: "sgx", version: 2 }), /AE-ATTEST-/);
            await load.goesOn(20);
        } finally {
            setSurroundings(undefined);
        }
        assert.equal(struck, 2);
        await scene.up({ tee: "sgx", version: 2 });
        await load.goesOn(20);
        await load.stopped();
        scene.isWhole([1, 2]);
    });

    it("is refused in preview where nothing takes its state over", async () => {
        await scene.up({ version: 2, schema: 2 });
        await assert.rejects(scene.preview({ version: 3 }), /worker: source: nothing takes over state "seen" of schema 2 \(16 bytes\)/);
        await assert.rejects(scene.preview({ language: "rust", version: 3 }), /worker: source: nothing takes over state "seen" of schema 2 \(16 bytes\): .* in Rust #\[state\(2\)\], #\[migrate\(2\)\] or #\[drop\]/);
        for (const language of ["c", "rust"] as const) {
            assert.deepEqual((await scene.preview({ language, version: 3, schema: 2 })).filter((step) => !step.startsWith("same ")).sort(), ["update a", "update b", "update worker"]);
        }
    });
});

// A source that changes between the plan and its execution: what was not shown is neither loaded nor believed.
import assert from "node:assert/strict";
import { module } from "../../provider/lifecycle";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import * as ae from "../../resources";
import { Stack } from "./stack";
import { World } from "./world";

describe("a source that changes after the plan", () => {
    afterEach(() => setSurroundings(undefined));

    it("is not loaded: neither by a create nor by an update", async () => {
        const world = new World({ "tap.c": [{ kind: "input", name: "set", maximum: 1 }] });
        world.enter();
        const stack = new Stack();
        await stack.up(() => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "native" });
            new ae.Module("tap", { node, source: "tap.c" });
        });
        const { id, inputs, outs } = stack.state.get("Module tap")!;
        world.calls.length = 0;
        world.sources["tap.c"] = [{ kind: "input", name: "set", maximum: 2 }];
        for (const attempt of [() => module.create(inputs), () => module.update(id, outs, inputs)]) {
            await assert.rejects(attempt(), /AE-MODULE-CHANGED: module "tap" has measurement [0-9a-f]{64}, but [0-9a-f]{64} was planned.*run it again/s);
        }
        assert.deepEqual(world.calls, [], "something was done on the node");
        world.sources["tap.c"] = [{ kind: "input", name: "set", maximum: 1 }];
        await module.update(id, outs, inputs);
    });
});

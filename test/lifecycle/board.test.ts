// What previews refuse about boards: keys that everybody has, and devices and strict outputs that a reset could repeat.
import assert from "node:assert/strict";
import { boardKeys, boardProblems, replayable } from "../../provider/lifecycle/board";
import { module } from "../../provider/lifecycle/module";
import { connection } from "../../provider/lifecycle/connection";
import { BoardPlan } from "../../resources/board-plan";
import type { NodeArgs } from "../../resources/node";

const PLACE = { security: 128, freshness: "none", vendorId: 1, slot: 0, acceptResetReplay: false } as const;
const properties = (problems: readonly { readonly property: string }[]): string[] => problems.map(({ property }) => property);

describe("boards in previews", () => {
    it("wants a vendor id, and a key or an emulated board", () => {
        assert.deepEqual(properties(boardProblems("sancus", "emulated", { vendorId: 1 })), []);
        assert.deepEqual(properties(boardProblems("sancus", "emulated", {})), ["vendorId"]);
        assert.deepEqual(properties(boardProblems("sancus", undefined, { vendorId: 1 })), ["device", "vendorKey"]);
        assert.deepEqual(properties(boardProblems("native", undefined, { vendorId: 1, freshness: "rng" })), ["vendorId", "freshness"]);
    });

    it("refuses the node keys of the published cores, and keys of another length", () => {
        const [problem] = boardProblems("sancus", "emulated", { vendorId: 1, security: 64, nodeKey: "deadbeefcafebabe" });
        assert.match(problem?.reason ?? "", /published 64-bit Sancus core/);
        assert.deepEqual(properties(boardProblems("sancus", "emulated", { vendorId: 1, nodeKey: "0123456789abcdef" })), ["nodeKey"]);
    });

    it("keeps a key that was drawn, and draws another for another board", () => {
        const first = boardKeys({ vendorId: 7 });
        assert.deepEqual(boardKeys({ vendorId: 7 }, first), first);
        assert.notEqual(boardKeys({ vendorId: 7 }).drawnKey, first.drawnKey);
        assert.equal(boardKeys({ vendorId: 7, nodeKey: "00112233445566778899aabbccddeeff" }).drawnKey, undefined);
    });

    const checked = async (check: Promise<{ failures?: readonly { readonly property: string; readonly reason: string }[] }>): Promise<string> =>
        (await check).failures?.map(({ property, reason }) => `${property}: ${reason}`).join("\n") ?? "";

    const tap = (place: unknown) => ({
        interface: [{ kind: "device", name: "tap", flags: 1 }, { kind: "device", name: "soil", flags: 2 }], devices: { tap: "P3", soil: "P1" }, place, config: {}, trust: {},
    });

    it("refuses an actuator on a board that repeats its nonces, unless that is accepted", async () => {
        assert.match(await checked(module.check({}, tap(PLACE))), /devices\.tap: drives an actuator/);
        assert.doesNotMatch(await checked(module.check({}, tap(PLACE))), /devices\.soil/);
        for (const place of [{ ...PLACE, acceptResetReplay: true }, { ...PLACE, freshness: "rng" }, { ...PLACE, freshness: "nv" }]) {
            assert.doesNotMatch(await checked(module.check({}, tap(place))), /actuator/);
            assert.equal(replayable(place as typeof PLACE), false);
        }
    });

    it("refuses a strict output of such a board, and takes one that may lose events", async () => {
        const output = { kind: "event", senderPlace: PLACE, trust: {} };
        assert.match(await checked(connection.check({}, { ...output, delivery: "strict" })), /delivery: is strict/);
        assert.doesNotMatch(await checked(connection.check({}, { ...output, delivery: "latest" })), /is strict/);
        assert.doesNotMatch(await checked(connection.check({}, { ...output, delivery: "strict", senderPlace: { ...PLACE, acceptResetReplay: true } })), /is strict/);
    });

    it("hands out four places, in the order of the program", () => {
        const board = new BoardPlan({ tee: "sancus", vendorId: 7 } as NodeArgs);
        assert.deepEqual([board.place(undefined).slot, board.place(2).slot, board.place(undefined).slot, board.place(undefined).slot], [0, 2, 1, 3]);
        assert.deepEqual(properties(board.problems(undefined)), ["slot"]);
        assert.match(board.problems(2)[0]?.reason ?? "", /belongs to another module/);
    });
});

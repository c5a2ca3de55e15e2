// What `authentic watch` says of boards: what grew of their bridges' counters, and nothing else.
import assert from "node:assert/strict";
import type { BoardStatus } from "../../provider/agent/client";
import { type Attempt, attemptBetween, describeAttempt, watchBoard } from "../../provider/cli/attempts";

const board = (counters: Partial<BoardStatus>): BoardStatus =>
    ({ kind: "emulated", pid: 7, boots: 1, cycles: 0, repeated: 0, spoiled: 0, unexpected: 0, violations: 0, instances: [], ...counters });
const AT = new Date("2026-01-01T00:00:00Z");

describe("what is tried against a board", () => {
    it("is what its counters grew by", () => {
        const attempt = attemptBetween("field", board({ violations: 2 }), board({ violations: 5, spoiled: 1 }), AT);
        assert.deepEqual(attempt, { at: AT.toISOString(), board: "field", violations: "3", spoiled: "1", unexpected: "0", boots: "0" });
        assert.equal(describeAttempt(attempt), "2026-01-01T00:00:00.000Z  field  board: 3 access rules broken, 1 messages spoiled on the line");
    });

    it("is nothing where none grew, whatever else the bridge counts", () => {
        assert.equal(attemptBetween("field", board({}), board({ repeated: 4, cycles: 9 }), AT), undefined);
    });

    it("begins anew with another bridge, whose resets count", () => {
        const attempt = attemptBetween("field", board({ violations: 5 }), board({ pid: 8, violations: 1 }), AT);
        assert.deepEqual([attempt?.violations, attempt?.boots], ["1", "1"]);
    });

    it("is looked for until the signal, also while the bridge is away", async () => {
        const controller = new AbortController();
        const looks = [board({}), undefined, board({ violations: 1 })];
        const told: Attempt[] = [];
        await watchBoard("field", controller.signal, () => Promise.resolve(looks.shift()), (attempt) => {
            told.push(attempt);
            controller.abort();
        });
        assert.deepEqual(told.map(({ violations }) => violations), ["1"]);
    });
});

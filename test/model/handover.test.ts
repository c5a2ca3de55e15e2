// Hand-over in every interleaving of a small configuration: killed deployers, crashes of either instance, messages that are
// lost, repeated or late, and challenges by others in between.
import assert from "node:assert/strict";
import { describeTrace, explore } from "./explorer";
import { handOverModel, type Faults } from "./handover/steps";
import type { Budget } from "./handover/world";

const BUDGET: Budget = { events: 2, crashes: 1, kills: 2, challenges: 1 };
const LIMIT = 400_000;

const LOST = "an `up` can always make the planned image the module, with nothing lost";
const SEEDED: readonly (readonly [fault: Faults, budget: Partial<Budget>, property: string, last: RegExp])[] = [
    [{ preparedProcesses: true }, { crashes: 0 }, "no event is processed twice, nor a counter used twice", /the new instance processes/],
    [{ releasesUnprepared: true }, { crashes: 0 }, "no state is given up unless an instance was lost", /lose/],
    [{ abortsReleased: true }, { crashes: 0 }, "never two live instances", /abort|accept/],
    [{ offerHasKeys: true }, { crashes: 0 }, "never two live instances", /offer/],
    [{ challengeErasesSecret: true }, { crashes: 0 }, "no state is given up unless an instance was lost", /lose/],
    [{ releasesOnce: true }, { crashes: 0 }, "no state is given up unless an instance was lost", /lose/],
    [{ leavesFrames: true }, { crashes: 0, kills: 0, challenges: 0 }, LOST, /./],
    [{ restartsTarget: true }, { crashes: 0 }, "no state is given up unless an instance was lost", /lose/],
];

describe("hand-over in every interleaving", function () {
    this.timeout(300_000);

    it("leaves one live instance and loses nothing", () => {
        const { states, transitions, depth, violation } = explore(handOverModel(BUDGET), { limit: LIMIT });
        assert.equal(violation, undefined, violation === undefined ? "" : `${violation.property}:\n${describeTrace(violation.trace)}`);
        console.log(`        ${states} states, ${transitions} transitions, ${depth} steps deep`);
        assert.ok(states > 10_000, `only ${states} states`);
    });

    for (const [fault, budget, property, last] of SEEDED) {
        const [name = ""] = Object.keys(fault);
        it(`does not with the fault ${name}`, () => {
            const { violation } = explore(handOverModel({ ...BUDGET, ...budget }, fault), { limit: LIMIT });
            const { property: broken, trace } = violation ?? assert.fail("nothing was found");
            const described = describeTrace(trace);
            assert.equal(broken, property, described);
            assert.match(trace.at(-1)?.name ?? "", last, described);
            assert.ok(trace.some((step) => step.name === "up begins"), described);
        });
    }
});

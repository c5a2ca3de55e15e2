// Faults at random in every phase of a deployment's life, while events flow: nothing is lost that anybody still has, what is
// lost is reported, and the next refresh and `up` converge. `AUTHENTIC_SEED` repeats a run; `npm run test:chaos` is a long one,
// `AUTHENTIC_CHAOS_ROUNDS` and `AUTHENTIC_CHAOS_FAULTS` say how long.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { generator } from "../attest/campaign/random";
import { describeInNamespace } from "../network/namespace";
import { Campaign, Deck } from "./campaign";

const ROUNDS = Number(process.env["AUTHENTIC_CHAOS_ROUNDS"] ?? 1);
const FAULTS = Number(process.env["AUTHENTIC_CHAOS_FAULTS"] ?? (ROUNDS > 1 ? 20 : 4));
const SEED = Number(process.env["AUTHENTIC_SEED"] ?? randomInt(1 << 30));
// The process that has the namespace does the same.
process.env["AUTHENTIC_SEED"] = String(SEED);

describeInNamespace(__filename, "faults at random, while events flow", function () {
    this.timeout(3_600_000);
    const { warn } = console;
    let campaign: Campaign;
    let deck: Deck;

    before(async () => {
        console.log(`      AUTHENTIC_SEED=${SEED}`);
        // Losses are expected, and asked for by the test.
        console.warn = () => undefined;
        const random = generator(SEED);
        campaign = new Campaign(random, SEED, (line) => console.log(line));
        // What weakened.test.ts does to a weakened kit comes first.
        deck = new Deck(random, [{ kind: "partition", phase: "idle" }]);
        await campaign.begin();
    });
    after(async () => {
        console.warn = warn;
        console.log(campaign.table.toString());
        assert.deepEqual(await campaign.end(), [], "nothing of a node runs any more");
    });

    for (let round = 0; round < ROUNDS; round++) {
        it(`lose nothing, round ${round + 1}`, async () => {
            await campaign.cycle(deck, FAULTS, ROUNDS > 1 && round % 2 === 1);
            assert.deepEqual(campaign.failures.splice(0), []);
        });
    }

    it("have happened", () => {
        assert.ok(campaign.table.sum("fired") > ROUNDS * FAULTS / 2, "too few faults have fired");
        assert.ok(campaign.table.sum("sent") > 0);
        assert.equal(campaign.table.sum("lost") + campaign.table.sum("duplicated") + campaign.table.sum("reordered") + campaign.table.sum("foreign"), 0);
    });
});

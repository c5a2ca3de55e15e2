// The campaign finds out a kit that loses a single event, where a connection that was cut off comes back and frames come again.
// With the kit as it is nothing is lost: campaign.test.ts begins with the same fault.
import assert from "node:assert/strict";
import { SKIPS_ONCE, weakenedKit } from "../attacks/weakened";
import { describeInNamespace } from "../network/namespace";
import { Campaign, Deck, type Draw } from "./campaign";

/** Chooses the hosts that exchange events, and the shortest partition that makes senders send again. */
const third = (below: number): number => (below === 2 ? 0 : Math.min(2, below - 1));
const DRAWS: readonly Draw[] = [{ kind: "SSH cut", phase: "create" }, { kind: "partition", phase: "idle" }, { kind: "SSH cut", phase: "delete" }];

describeInNamespace(__filename, "a partition of hosts that exchange events", function () {
    this.timeout(600_000);
    const { warn } = console;

    const live = async (): Promise<Campaign> => {
        const campaign = new Campaign(third, 1, (line) => console.log(line));
        console.warn = () => undefined;
        await campaign.begin();
        try {
            await campaign.cycle(new Deck(third, DRAWS), 1, false);
        } finally {
            console.warn = warn;
            assert.deepEqual(await campaign.end(), [], "nothing of a node runs any more");
        }
        assert.equal(campaign.table.row("partition", "idle").fired, 1);
        return campaign;
    };

    it("loses an event with a kit that skips one when frames come again, which is found", async () => {
        const kit = weakenedKit(SKIPS_ONCE);
        process.env["AUTHENTIC_KIT"] = kit.folder;
        try {
            const { failures, table } = await live();
            assert.ok(table.sum("lost") > 0);
            assert.match(failures.join("\n"), /partition in idle: series \d+: \d+ of \d+ events are lost in \d+ runs, \d+ first, and no module reported a loss/);
        } finally {
            delete process.env["AUTHENTIC_KIT"];
            kit.remove();
        }
    });
});

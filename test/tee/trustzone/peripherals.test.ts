// Whose a board's peripherals are: one instance's at a time, and the next one's once the module itself has handed over to it.
import assert from "node:assert/strict";
import { logs, OUT } from "../../kit/kit-process";
import { Board, type Loaded } from "./board";
import { patchedSoftware } from "./patched";

const DEVICES = { tap: "led2" };

describe("A peripheral of a TrustZone board", function () {
    this.timeout(240_000);
    let board: Board;
    let valve: Loaded;

    before(async () => {
        board = await Board.start();
        valve = await board.load("valve", "counter.c", { devices: DEVICES });
        await board.driver.setGrants(valve.end, [valve.endpoint("tap")]);
    });
    after(() => board.stop());

    /** Calls an entry, then has the module say what its device reads: a write takes effect when its entry returns. */
    const call = async ({ module, end, endpoint }: Loaded, entry: string): Promise<string> => {
        for (const one of [entry, "show"]) await board.driver.call({ end, endpoint: endpoint(one) }, new Uint8Array(0));
        return module.records.filter(({ kind }) => kind === OUT.log).at(-1)?.body.toString() ?? "";
    };
    /** Another program in the module's own place, which asks the firmware for the peripheral past any kit. */
    const impostor = (on: Board): Promise<Loaded> => on.load("valve", "attacker.c", { values: { attack: 24 }, devices: DEVICES });
    const asks = async ({ module, endpoint }: Loaded) => logs(await module.trigger(endpoint("go")));

    it("is what the board says, and not what the node's pins say", async () => {
        const blind = await board.load("blind", "counter.c");
        try {
            for (const one of [blind, valve]) {
                await one.module.pins(0xff);
                assert.equal(await call(one, "show"), "dark");
            }
        } finally {
            blind.module.stop();
        }
    });

    it("is refused to the next instance as long as the module has it, and is that one's alone once it has taken over", async () => {
        const other = await impostor(board);
        const next = await board.load("valve", "counter.c", { devices: DEVICES });
        try {
            assert.deepEqual(await asks(other), ["services refused"]);
            assert.equal(await call(valve, "light"), "lit");
            assert.equal(await call(next, "light"), "dark", "it has no grant either");
            await board.driver.handOver({ old: valve.end, next: next.end, carry: async () => undefined });
            assert.equal((await board.driver.attest(valve.end)).status.state, "released");
            assert.deepEqual((await board.driver.attest(next.end)).status.grants, [next.endpoint("tap")]);
            assert.equal(await call(next, "show"), "lit", "as the old one left it");
            assert.equal(await call(next, "douse"), "dark");
            assert.equal(await call(next, "light"), "lit");
            assert.deepEqual(await asks(other), ["services refused"]);
        } finally {
            for (const one of [valve, next, other]) one.module.stop();
        }
    });

    it("would be anybody's if the firmware did not have them wait", async () => {
        const weak = await Board.start(await patchedSoftware([{ file: "secure/slots.c", from: "            s->waits = true;\n        }\n    }\n    return true;", to: "        }\n    }\n    return true;" }]));
        try {
            await weak.load("valve", "counter.c", { devices: DEVICES });
            assert.deepEqual(await asks(await impostor(weak)), ["a service obeyed"]);
        } finally {
            await weak.stop();
        }
    });
});

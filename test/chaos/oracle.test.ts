// The campaign's judge, told of streams to which something has happened: it finds out what, and takes no loss for a promised
// one that was not.
import assert from "node:assert/strict";
import { type Attested, type Delivered, judge, type Module } from "./oracle";

const COUNT = 20;
const SERIES = [{ tag: 1, sent: COUNT }];
const event = (n: number, changes: Partial<Delivered> = {}): Delivered => ({ tag: 1, n, passed: 100 + n, counterIn: 500 + n, counter: 700 + n, ...changes });
const all = Array.from({ length: COUNT }, (_, n) => event(n));
const verdict = (segments: readonly (readonly Delivered[])[], reported: readonly Module[] = [], attested: Attested = {}) => judge(SERIES, segments, new Set(reported), attested);

/** The module in the middle began anew after it had passed on five, and lost three that it had taken. */
const anew = [...all.slice(0, 5), ...all.slice(8).map(({ n }) => event(n, { passed: n - 7, counter: 697 + n }))];

describe("the judge of streams", () => {
    it("finds nothing in a stream that is whole", () => {
        assert.deepEqual(verdict([all]), { sent: COUNT, delivered: COUNT, lost: 0, duplicated: 0, reordered: 0, foreign: 0, promised: 0, problems: [] });
    });

    it("counts what dies with a module that says so as promised, and as lost where none does", () => {
        assert.deepEqual(verdict([anew], ["worker"]), { sent: COUNT, delivered: COUNT - 3, lost: 0, duplicated: 0, reordered: 0, foreign: 0, promised: 3, problems: [] });
        assert.equal(verdict([anew]).lost, 3);
        const [first, rest] = [all.slice(0, 5), all.slice(9)];
        assert.deepEqual(verdict([first, rest], ["sink"]).problems, []);
        assert.equal(verdict([first, rest], ["sink"]).promised, 4);
        assert.equal(verdict([first, rest]).lost, 4);
    });

    it("holds survivors to what they have attested", () => {
        assert.deepEqual(verdict([anew], ["worker"], { taken: 507 }).problems, []);
        // The source still had one of them.
        assert.match(verdict([anew], ["worker"], { taken: 506 }).problems.join(), /went on elsewhere than after 506/);
        const [first, rest] = [all.slice(0, 5), all.slice(9)];
        assert.deepEqual(verdict([first, rest], ["sink"], { processed: 708 }).problems, []);
        assert.match(verdict([first, rest], ["sink"], { processed: 707 }).problems.join(), /went on elsewhere than after 707/);
    });

    const faults: readonly (readonly [string, readonly Delivered[], RegExp])[] = [
        ["an event that is missing", all.filter(({ n }) => n !== 7), /counters of the sink are not contiguous.*1 of 20 events are lost/s],
        ["an event that is missing, its counter not", all.filter(({ n }) => n !== 7).map((one) => (one.n < 7 ? one : { ...one, counter: one.counter - 1 })), /counted what did not arrive.*are lost/s],
        ["an event that is missing at the end", all.slice(0, -1), /1 of 20 events are lost/],
        ["an event that comes twice", [...all.slice(0, 7), event(6), ...all.slice(7)], /delivered twice/],
        ["two events in the wrong order", [...all.slice(0, 6), event(7), event(6), ...all.slice(8)], /delivered late/],
        ["an event that nobody has sent", [...all, event(COUNT)], /never sent/],
        ["an event of another series", [...all, event(0, { tag: 9 })], /never sent/],
        ["a count that begins anew in silence", all.map((one) => (one.n < 9 ? one : { ...one, passed: one.n - 8 })), /lost its count, and said nothing/],
        ["a counter that is left out", all.map((one) => (one.n < 9 ? one : { ...one, counter: one.counter + 1 })), /not contiguous/],
    ];
    for (const [what, events, message] of faults) it(`finds ${what}`, () => assert.match(verdict([events]).problems.join("\n"), message));

    it("takes a second gap for a loss where one module has died", () => {
        assert.ok(verdict([anew.filter(({ n }) => n !== 15)], ["worker"]).lost > 0);
    });

    it("does not know how many a source had sent that died, but takes no gap before the last that arrived", () => {
        const series = [{ tag: 1, sent: undefined }, { tag: 2, sent: 2 }];
        const after = [event(0, { tag: 2, passed: 110, counterIn: 510, counter: 710 }), event(1, { tag: 2, passed: 111, counterIn: 511, counter: 711 })];
        assert.deepEqual(judge(series, [[...all.slice(0, 10), ...after]], new Set<Module>(["source"])).problems, []);
        assert.ok(judge(series, [[...all.slice(0, 8), event(9), ...after]], new Set<Module>(["source"])).lost > 0);
    });
});

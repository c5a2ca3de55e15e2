// Which kinds of TEE can be connected: those that share a suite.
import assert from "node:assert/strict";
import { SUITE } from "../../provider/protocol/status";
import { tees } from "../../provider/tee/registry";

describe("cipher suites", () => {
    for (const [name, { suites }] of Object.entries(tees)) {
        for (const [other, tee] of Object.entries(tees)) {
            it(`connect modules on ${name} with modules on ${other}`, () => {
                assert.ok(suites.some((suite) => tee.suites.includes(suite)));
            });
        }
        it(`are known ones on ${name}, without repetition`, () => {
            assert.ok(suites.every((suite) => suite !== SUITE.none && (Object.values(SUITE) as number[]).includes(suite)));
            assert.equal(new Set(suites).size, suites.length);
        });
    }
});

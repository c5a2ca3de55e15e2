// Tests of which some fail and some are never run: for the test of describeInNamespace.
import assert from "node:assert/strict";
import { describeInNamespace } from "./namespace";

describeInNamespace(__filename, "outer", () => {
    let prepared = false;
    before(() => { prepared = true; });

    it("holds", () => assert.ok(prepared));
    it("fails", () => assert.equal(1, 2));
    describe("inner", () => {
        beforeEach(() => undefined);
        it("holds", () => undefined);
        it("never returns", function () {
            this.timeout(50);
            return new Promise(() => undefined);
        });
    });
    describe("broken", () => {
        before(() => { throw new Error("no preparation"); });
        it("is not run", () => undefined);
    });
    describe("last", () => {
        it("ends the process", () => process.exit(3));
        it("comes after the end", () => undefined);
    });
});

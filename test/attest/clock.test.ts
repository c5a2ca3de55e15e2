// Instants in their one form.
import assert from "node:assert/strict";
import { fixedClock, formatInstant, instant } from "../../provider/attest/clock";
import { AuthenticError } from "../../provider/errors";

describe("instants", () => {
    it("read and write the same text", () => {
        for (const text of ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2049-12-31T23:59:59Z", "0099-01-01T00:00:00Z"]) {
            assert.equal(formatInstant(instant(text) ?? NaN), text);
        }
    });

    const refused = ["", "now", "2025-07-01", "2025-07-01T00:00:00", "2025-07-01T00:00:00+00:00", "2025-07-01T00:00:00.000Z", "2025-07-01t00:00:00z", "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-07-01T24:00:00Z", "2025-07-01T00:60:00Z", "2025-07-01T00:00:60Z", " 2025-07-01T00:00:00Z", "12025-07-01T00:00:00Z"];
    for (const text of refused) {
        it(`refuse "${text}"`, () => {
            assert.equal(instant(text), null);
            assert.throws(() => fixedClock(text), AuthenticError);
        });
    }
});

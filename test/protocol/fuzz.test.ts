// Every decoder takes hostile bytes; `npm run test:mutations` tries a million inputs for each.
import assert from "node:assert/strict";
import { fuzz } from "../attest/campaign/fuzzing";
import { decoderTargets } from "./decoders";

const INPUTS = 20_000;

describe("hostile bytes", () => {
    for (const [name, target] of Object.entries(decoderTargets())) {
        it(`leave the decoder of ${name} in one piece`, function () {
            this.timeout(0);
            assert.deepEqual(fuzz(target, INPUTS, 1).findings, []);
        });
    }
});

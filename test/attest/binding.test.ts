// The binding to one challenge: full width, this nonce, this key, this deployment.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { checkBinding } from "../../provider/attest/binding";
import { hex } from "../../provider/attest/bytes";
import type { Claims } from "../../provider/attest/evidence";
import { sgxWorld } from "./pki/intel";
import { assertAccepted, assertRefused, judge } from "./pki/judge";

interface Session {
    deployment: Uint8Array;
    nonce: Uint8Array;
    moduleNonce: Uint8Array;
    key: Uint8Array;
    status: Uint8Array;
}

const session = (): Session => ({ deployment: randomBytes(16), nonce: randomBytes(32), moduleNonce: randomBytes(32), key: randomBytes(32), status: randomBytes(40) });

/** Report data as the protocol computes it, over a challenge that holds deployment and nonce. */
function reportData({ deployment, nonce, moduleNonce, key, status }: Session): Uint8Array {
    const sha256 = (...parts: Uint8Array[]): Uint8Array => createHash("sha256").update(Buffer.concat(parts)).digest();
    return createHash("sha512").update("aex/v1/report-data\0").update(sha256(deployment, nonce)).update(moduleNonce).update(key).update(sha256(status)).digest();
}

describe("the binding of evidence", () => {
    const asked = session();
    const answer = (bound: Uint8Array) => {
        const world = sgxWorld();
        world.body.reportData = bound;
        return judge(world, { reportData: reportData(asked) });
    };

    it("accepts the report data of this challenge", () => {
        assertAccepted(answer(reportData(asked)));
    });

    const replays: [what: string, other: Session][] = [
        ["a replay for another nonce", { ...asked, nonce: randomBytes(32) }],
        ["evidence relayed to another key", { ...asked, key: randomBytes(32) }],
        ["evidence of another deployment", { ...asked, deployment: randomBytes(16) }],
        ["evidence with another status", { ...asked, status: randomBytes(40) }],
        ["evidence with another module nonce", { ...asked, moduleNonce: randomBytes(32) }],
    ];
    for (const [what, other] of replays) {
        it(`refuses ${what}`, () => {
            assertRefused(answer(reportData(other)), "AE-ATTEST-BINDING", "reportData");
        });
    }

    it("refuses report data that agrees in all bytes but one, wherever it is", () => {
        for (let offset = 0; offset < 64; offset++) {
            const bound = Uint8Array.from(reportData(asked));
            bound[offset] = (bound[offset] ?? 0) ^ 0x80;
            const claims = { reportData: hex(bound) } as Claims;
            assert.equal(checkBinding(claims, reportData(asked), 64)?.code, "AE-ATTEST-BINDING", `byte ${offset}`);
        }
    });

    it("refuses a prefix, and a longer value", () => {
        const bound = reportData(asked);
        for (const carried of [bound.subarray(0, 32), bound.subarray(0, 63), Buffer.concat([bound, Uint8Array.of(0)]), new Uint8Array(0)]) {
            assert.equal(checkBinding({ reportData: hex(carried) } as Claims, bound, 64)?.code, "AE-ATTEST-BINDING");
        }
    });

    it("compares the documented truncation of narrower types, and refuses to compare less than 32 bytes", () => {
        const bound = reportData(asked);
        assert.equal(checkBinding({ reportData: hex(bound.subarray(0, 48)) } as Claims, bound, 48), null);
        assert.throws(() => checkBinding({ reportData: hex(bound.subarray(0, 16)) } as Claims, bound, 16), RangeError);
        assert.throws(() => checkBinding({ reportData: hex(bound) } as Claims, bound.subarray(0, 32), 64), RangeError);
    });
});

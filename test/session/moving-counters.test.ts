// Counters of two ends that are asked one after the other while events go on between them.
import assert from "node:assert/strict";
import { DELIVERY, DIRECTION, FLAG, type ConnectionStatus, type Status } from "../../provider/protocol/status";
import { countersFit, planLink } from "../../provider/session/plan";
import type { End, Link } from "../../provider/session/session";

const end = { name: "m" } as unknown as End;
const link: Link = {
    connection: 7, name: "c", kind: "event", delivery: "strict", suite: "chacha20-poly1305", window: 8,
    from: { end, endpoint: 0 }, to: { end, endpoint: 1 },
};

function status(side: "from" | "to", next: bigint, acknowledged: bigint): Status {
    const record: ConnectionStatus = {
        connection: 7, endpoint: side === "from" ? 0 : 1, direction: side === "from" ? DIRECTION.sender : DIRECTION.receiver, delivery: DELIVERY.strict,
        suite: 1, flags: FLAG.active, window: 8, epoch: 1n, keyId: new Uint8Array(8).fill(1), pendingEpoch: 0n, pendingKeyId: new Uint8Array(8), next, acknowledged, gaps: 0n,
    };
    return { connections: [record] } as unknown as Status;
}
const from = (next: bigint, acknowledged: bigint) => status("from", next, acknowledged);
const to = (next: bigint) => status("to", next, next - 1n);

describe("counters that move while they are read", () => {
    it("fit at rest, and with events under way", () => {
        assert.ok(countersFit(link, from(11n, 10n), to(11n)));
        assert.ok(countersFit(link, from(15n, 10n), to(13n)));
    });

    it("fit where the sender was asked first and again", () => {
        assert.ok(!countersFit(link, from(11n, 10n), to(13n)));
        assert.equal(planLink(link, from(15n, 14n), to(13n), {}, { side: "from", status: from(11n, 10n) }).kind, "unchanged");
    });

    it("fit where the receiver was asked first and again", () => {
        assert.ok(!countersFit(link, from(15n, 14n), to(11n)));
        assert.equal(planLink(link, from(15n, 14n), to(17n), {}, { side: "to", status: to(11n) }).kind, "unchanged");
    });

    it("do not fit where an end has gone back, whoever was asked first", () => {
        const refused = /AE-SESSION-COUNTERS/;
        // The receiver expects what the sender has not sent by now.
        assert.throws(() => planLink(link, from(12n, 10n), to(13n), {}, { side: "from", status: from(11n, 10n) }), refused);
        assert.throws(() => planLink(link, from(12n, 10n), to(14n), {}, { side: "to", status: to(13n) }), refused);
        // The receiver has not processed what was acknowledged to the sender before.
        assert.throws(() => planLink(link, from(15n, 14n), to(11n), {}, { side: "from", status: from(15n, 11n) }), refused);
        assert.throws(() => planLink(link, from(15n, 14n), to(12n), {}, { side: "to", status: to(11n) }), refused);
        assert.throws(() => planLink(link, from(11n, 10n), to(13n)), refused);
    });

    it("that were out of date when a record was made from them are forgotten with it, unless it was active", () => {
        const stale = to(1n).connections.map((record) => ({ ...record, flags: FLAG.pending, epoch: 0n, pendingEpoch: 1n }));
        assert.deepEqual(planLink(link, from(2n, 1n), { ...to(1n), connections: stale }), { kind: "forget", end: "to" });
        assert.throws(() => planLink(link, from(2n, 1n), to(1n)), /AE-SESSION-COUNTERS/);
    });
});

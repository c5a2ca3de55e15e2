// Keying, rotation, repair after restarts and closing of connections, against reference modules.
import assert from "node:assert/strict";
import { decodeStatus, FLAG } from "../../provider/protocol/status";
import { planLink } from "../../provider/session/plan";
import type { Link } from "../../provider/session/session";
import { receive, request } from "../protocol/reference-module/frames";
import { DEVICE, Fixture, HANDLER, Host, INPUT, processed } from "./fixture";

const only = (fixture: Fixture, name: string): { flags: number; epoch: bigint; keyId: Uint8Array; next: bigint; pendingEpoch: bigint } => fixture.modules[name]!.table.status()[0]!;

describe("connecting", () => {
    for (const suite of ["chacha20-poly1305", "aes-128-gcm"] as const) {
        it(`gives both ends one active ${suite} key, and events flow`, async () => {
            const fixture = new Fixture("sender", "receiver");
            const connected = await fixture.driver.connect(fixture.link({ suite }));
            assert.equal(connected.outcome, "keyed");
            assert.equal(connected.epoch, "1");
            const host = new Host(fixture);
            for (const event of ["a", "b", "c"]) assert.ok(host.emit(event));
            host.deliver();
            assert.deepEqual(processed(fixture.modules.receiver), ["a", "b", "c"]);
            assert.deepEqual(host.kept, []);
            assert.equal(only(fixture, "receiver").flags, FLAG.active);
        });
    }

    it("changes nothing when both ends are in order", async () => {
        const fixture = new Fixture("sender", "receiver");
        const first = await fixture.driver.connect(fixture.link());
        fixture.messages = [];
        const second = await fixture.driver.connect(fixture.link());
        assert.equal(second.outcome, "unchanged");
        assert.equal(second.keyId, first.keyId);
        assert.deepEqual(fixture.messages.map((m) => m.type), ["m1", "m1"]);
    });

    it("keys again when the window changes, and keeps the counters", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const host = new Host(fixture);
        host.emit("a");
        host.deliver();
        assert.equal((await fixture.driver.connect(fixture.link({ window: 16 }))).outcome, "rotated");
        assert.equal(only(fixture, "receiver").next, 2n);
    });

    it("refuses an end below the required assurance before any key is drawn", async () => {
        const fixture = new Fixture("sender", "receiver");
        await assert.rejects(fixture.driver.connect(fixture.link(), { minAssurance: "emulated" }), /AE-SESSION-ASSURANCE.*`none`.*`emulated`/);
        assert.equal(fixture.keys.size, 0);
    });

    it("has the assurance of the weaker end", async () => {
        const fixture = new Fixture("sender", "receiver");
        fixture.appraise = async ({ instance }) => ({ assurance: instance === "sender" ? "hardware" : "emulated" });
        assert.equal((await fixture.driver.connect(fixture.link(), { minAssurance: "emulated" })).assurance, "emulated");
    });

    it("refuses to join a module to itself", async () => {
        const fixture = new Fixture("sender");
        await assert.rejects(fixture.driver.connect(fixture.link({ to: { end: fixture.end("sender"), endpoint: INPUT } })), /AE-SESSION-SELF/);
    });

    it("refuses a connection id that an end holds as something else", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        await assert.rejects(fixture.driver.connect(fixture.link({ delivery: "latest" })), /AE-SESSION-LINK/);
    });

    it("refuses to key a module that has failed, and says what to do", async () => {
        const fixture = new Fixture("sender", "receiver");
        fixture.modules.receiver!.fail();
        await assert.rejects(fixture.driver.connect(fixture.link()), /AE-INSTANCE-FAILED.*receiver.*pulumi up/);
    });

    it("refuses a number that an end has at another endpoint, and changes nothing", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link({ kind: "request" }));
        fixture.messages = [];
        await assert.rejects(fixture.driver.connect(fixture.link()), /AE-SESSION-LINK.*module sender has number 7 of connection moisture in use for another, number 7 at endpoint 2/);
        assert.deepEqual(fixture.messages.map((m) => m.type), ["m1", "m1"]);
    });

    it("refuses a number whose low half an end on a board has for another connection, since compact frames show no more", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const statusOf = (name: string) => decodeStatus(fixture.modules[name]!.status());
        const board = { moduleKey: () => Promise.reject(new Error("not needed")), driverTag: () => Promise.reject(new Error("not needed")) };
        const plan = (connection: number, onBoard: boolean) => {
            const link = fixture.link({ connection });
            return () => planLink({ ...link, to: { ...link.to, end: { ...link.to.end, ...(onBoard ? { board } : {}) } } }, statusOf("sender"), statusOf("receiver"));
        };
        assert.throws(plan(0x50007, true), /AE-SESSION-LINK.*module receiver has number 327687 .*, number 7 at endpoint 1/);
        assert.equal(plan(0x50007, false)().kind, "key", "a server has the whole number in its frames");
        assert.equal(plan(0x50008, true)().kind, "key");
        assert.equal(plan(7, true)().kind, "unchanged");
    });

    it("draws a number that no end knows", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const drawn = await fixture.driver.freeConnection([fixture.end("sender"), fixture.end("receiver")]);
        assert.ok(drawn !== 7 && drawn > 0 && drawn < 2 ** 32);
    });

    it("never overlaps two sessions with one instance", async () => {
        const fixture = new Fixture("sender", "receiver");
        await Promise.all([1, 2, 3, 4].map((connection) => fixture.driver.connect(fixture.link({ connection }))));
        const configured = fixture.messages.map((m) => `${m.to}/${m.type}`);
        // Were they to overlap, a challenge would replace another session's slot, and that session would begin again.
        assert.equal(configured.filter((m) => m === "receiver/m1").length, 4);
        assert.equal(configured.filter((m) => m === "receiver/activate").length, 4);
    });
});

describe("rotation", () => {
    it("drains: unacknowledged events are sealed again and arrive once, in order", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const host = new Host(fixture);
        host.emit("a");
        host.deliver();
        host.emit("b");
        host.emit("c");
        const rotated = await fixture.driver.connect(fixture.link(), { rotate: "drain" });
        assert.deepEqual([rotated.outcome, rotated.epoch], ["rotated", "2"]);
        host.emit("d");
        host.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["a", "b", "c", "d"]);
        assert.deepEqual(host.kept, []);
    });

    it("lets an event of the old epoch that is on its way arrive", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const host = new Host(fixture);
        host.emit("a");
        const onItsWay = host.kept[0]!;
        await fixture.driver.connect(fixture.link(), { rotate: "drain" });
        assert.equal(receive(fixture.modules.receiver!, onItsWay).refused, undefined);
        assert.deepEqual(processed(fixture.modules.receiver), ["a"]);
    });

    it("for compromise closes the old epoch at once, and still loses nothing", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const host = new Host(fixture);
        host.emit("a");
        const onItsWay = host.kept[0]!;
        await fixture.driver.connect(fixture.link(), { rotate: "compromise" });
        assert.notEqual(receive(fixture.modules.receiver!, onItsWay).refused, undefined);
        host.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["a"]);
    });

    it("answers a request that was processed before the rotation from the cache", async () => {
        const fixture = new Fixture("sender", "receiver");
        const link = fixture.link({ kind: "request" });
        await fixture.driver.connect(link);
        const { sender, receiver } = fixture.modules;
        const asked = request(sender!, 7, Buffer.from("abc"))!;
        receive(receiver!, asked);
        await fixture.driver.connect(link, { rotate: "drain" });
        const [reply] = receive(receiver!, asked).frames;
        assert.equal(receive(sender!, reply!).refused, undefined);
        assert.deepEqual(processed(sender), ["cba"]);
        assert.deepEqual(processed(receiver), ["abc"]);
    });
});

describe("repair after a restart", () => {
    const prepared = async (change: Partial<Link> = {}): Promise<{ fixture: Fixture; host: Host; link: Link }> => {
        const fixture = new Fixture("sender", "receiver");
        const link = fixture.link(change);
        await fixture.driver.connect(link);
        const host = new Host(fixture);
        for (const event of ["a", "b"]) host.emit(event);
        host.deliver();
        return { fixture, host, link };
    };

    it("of the receiver: it goes on after the last acknowledged event", async () => {
        const { fixture, host, link } = await prepared();
        host.emit("c");
        host.emit("d");
        fixture.start("receiver");
        const connected = await fixture.driver.connect(link);
        assert.equal(connected.outcome, "restarted");
        assert.equal(only(fixture, "receiver").next, 3n);
        host.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["c", "d"]);
        assert.deepEqual(host.kept, []);
    });

    it("of the sender: it goes on where the receiver is, which sees a reset until the next event", async () => {
        const { fixture, host, link } = await prepared();
        fixture.start("sender");
        assert.equal((await fixture.driver.connect(link)).outcome, "restarted");
        assert.equal(only(fixture, "receiver").flags & FLAG.reset, FLAG.reset);
        assert.equal(only(fixture, "sender").next, 3n);
        host.emit("c");
        host.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["a", "b", "c"]);
        assert.equal(only(fixture, "receiver").flags & FLAG.reset, 0);
    });

    it("retires the surviving end before it reads the counters that count", async () => {
        const { fixture, link } = await prepared();
        fixture.start("receiver");
        fixture.messages = [];
        await fixture.driver.connect(link);
        const toSender = fixture.messages.filter((m) => m.to === "sender").map((m) => m.type);
        assert.deepEqual(toSender, ["m1", "m3", "m1", "m3", "activate"]);
        assert.equal(fixture.messages.findIndex((m) => m.to === "receiver" && m.type === "m3") > fixture.messages.findIndex((m) => m.to === "sender" && m.type === "m3"), true);
    });

    it("of both ends: both begin at 1 and the receiver sees a reset", async () => {
        const { fixture, link } = await prepared();
        fixture.start("sender");
        fixture.start("receiver");
        const connected = await fixture.driver.connect(link, { previouslyKeyed: true });
        assert.equal(connected.outcome, "restarted");
        assert.equal(only(fixture, "receiver").flags, FLAG.active | FLAG.reset);
        assert.equal(only(fixture, "receiver").next, 1n);
    });

    it("of a handler: the outstanding request fails and the next one is served", async () => {
        const fixture = new Fixture("sender", "receiver");
        const link = fixture.link({ kind: "request" });
        await fixture.driver.connect(link);
        const { sender } = fixture.modules;
        request(sender!, 7, Buffer.from("lost"));
        fixture.start("receiver");
        assert.equal((await fixture.driver.connect(link)).outcome, "restarted");
        assert.ok(sender!.table.connections.get(7)!.requestFailed);
        const [reply] = receive(fixture.modules.receiver!, request(sender!, 7, Buffer.from("abc"))!).frames;
        receive(sender!, reply!);
        assert.deepEqual(processed(sender), ["cba"]);
        assert.deepEqual(processed(fixture.modules.receiver), ["abc"]);
    });

    it("of a latest receiver: what was sent before does not count as a gap", async () => {
        const { fixture, host, link } = await prepared({ delivery: "latest" });
        host.emit("lost");
        host.kept = [];
        fixture.start("receiver");
        await fixture.driver.connect(link);
        host.emit("c");
        host.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["c"]);
        assert.equal(fixture.modules.receiver!.table.status()[0]!.gaps, 0n);
    });

    it("reports counters that cannot be continued instead of repairing them", async () => {
        const { fixture, link } = await prepared();
        fixture.modules.receiver!.table.connections.get(7)!.next = 9n;
        await assert.rejects(fixture.driver.connect(link, { rotate: "drain" }), /AE-SESSION-COUNTERS.*sent up to 2.*expects 9/);
    });
});

// docs/protocol.md section 1: a connection that is made again has the number it had.
describe("a number that comes again", () => {
    it("has another key, under which nothing of before is accepted: neither events nor acks", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        const first = new Host(fixture);
        first.emit("a");
        const [event] = first.kept;
        const { frames: [ack] } = receive(fixture.modules.receiver!, event!);
        assert.deepEqual(processed(fixture.modules.receiver), ["a"], "both were good in their time");
        await fixture.driver.disconnect(7, fixture.end("sender"), fixture.end("receiver"));
        assert.equal((await fixture.driver.connect(fixture.link())).epoch, "1", "the very same number and epoch");
        assert.equal(fixture.keys.get("7/1")?.size, 2, "but not the same key");
        const second = new Host(fixture);
        second.emit("b");
        assert.ok(receive(fixture.modules.receiver!, event!).refused !== undefined);
        receive(fixture.modules.sender!, ack!);
        assert.equal(fixture.modules.sender!.table.connections.get(7)!.acknowledged, 0n);
        second.deliver();
        assert.deepEqual(processed(fixture.modules.receiver), ["a", "b"]);
        assert.deepEqual(second.kept, []);
    });

    for (const side of ["sender", "receiver"] as const) {
        it(`has a later epoch and another key where the ${side} could not be asked to close it`, async () => {
            const fixture = new Fixture("sender", "receiver");
            await fixture.driver.connect(fixture.link());
            const host = new Host(fixture);
            host.emit("a");
            host.deliver();
            const kept = { name: side, gone: "its node's agent does not run" };
            await fixture.driver.disconnect(7, side === "sender" ? kept : fixture.end("sender"), side === "receiver" ? kept : fixture.end("receiver"));
            const again = await fixture.driver.connect(fixture.link());
            assert.deepEqual([again.outcome, again.epoch], ["restarted", "2"]);
            assert.deepEqual([...fixture.keys.keys()].sort(), ["7/1", "7/2"]);
            host.emit("b");
            host.deliver();
            assert.deepEqual(processed(fixture.modules.receiver), ["a", "b"]);
        });
    }
});

describe("disconnecting", () => {
    it("is confirmed by both ends, and confirmed again when repeated", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        for (let i = 0; i < 2; i++) {
            const closed = await fixture.driver.disconnect(7, fixture.end("sender"), fixture.end("receiver"));
            assert.deepEqual(closed, { from: { outcome: "confirmed" }, to: { outcome: "confirmed" } });
        }
        assert.equal(fixture.modules.sender!.table.connections.size, 0);
        assert.equal(fixture.modules.receiver!.table.connections.size, 0);
    });

    it("reports an end that is gone or does not answer as unconfirmed, and still closes the other", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        delete fixture.modules.sender;
        const closed = await fixture.driver.disconnect(7, fixture.end("sender"), fixture.end("receiver"));
        assert.equal(closed.from.outcome, "unconfirmed");
        assert.match(closed.from.reason!, /AE-AGENT-UNREACHABLE/);
        assert.deepEqual(closed.to, { outcome: "confirmed" });
        const gone = await fixture.driver.disconnect(7, { name: "sender", gone: "its node was deleted" }, fixture.end("receiver"));
        assert.deepEqual(gone.from, { outcome: "unconfirmed", reason: "its node was deleted" });
    });

    it("believes the attestation of a failed module that its keys are erased", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        fixture.modules.sender!.fail();
        assert.deepEqual((await fixture.driver.disconnect(7, fixture.end("sender"), fixture.end("receiver"))).from, { outcome: "confirmed" });
    });

    it("does not believe a forged confirmation", async () => {
        const fixture = new Fixture("sender", "receiver");
        await fixture.driver.connect(fixture.link());
        fixture.tamper = (to, type, reply) => (to === "sender" && type === "m3" ? { type: "m4", body: new Uint8Array(32) } : reply);
        const closed = await fixture.driver.disconnect(7, fixture.end("sender"), fixture.end("receiver"));
        assert.equal(closed.from.outcome, "unconfirmed");
        assert.match(closed.from.reason!, /AE-SESSION-REPLY/);
    });
});

describe("devices and deployer connections", () => {
    it("grants and revokes exactly what differs", async () => {
        const fixture = new Fixture("sender");
        assert.deepEqual((await fixture.driver.setGrants(fixture.end("sender"), [DEVICE])).status.grants, [DEVICE]);
        fixture.messages = [];
        await fixture.driver.setGrants(fixture.end("sender"), [DEVICE]);
        assert.deepEqual(fixture.messages.map((m) => m.type), ["m1"]);
        assert.deepEqual((await fixture.driver.setGrants(fixture.end("sender"), [])).status.grants, []);
    });

    it("opens and closes a deployer connection, each once", async () => {
        const fixture = new Fixture("receiver");
        const link = { connection: 9, name: "ask", to: { end: fixture.end("receiver"), endpoint: HANDLER } };
        const { status } = await fixture.driver.connectDeployer(link);
        assert.equal(status.connections[0]!.direction, "deployer");
        assert.equal(status.connections[0]!.active, true);
        assert.equal((await fixture.driver.connectDeployer(link)).status.generation, status.generation);
        assert.deepEqual(await fixture.driver.disconnectDeployer(9, fixture.end("receiver")), { outcome: "confirmed" });
        assert.equal(fixture.modules.receiver!.table.connections.size, 0);
    });
});

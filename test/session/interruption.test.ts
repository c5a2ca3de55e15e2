// Every call is interrupted at each of its messages, once on the way there and once on the way back, and then repeated:
// it must converge without loss, and no epoch may ever have two keys.
import assert from "node:assert/strict";
import { FLAG } from "../../provider/protocol/status";
import type { ConnectOptions, Link } from "../../provider/session/session";
import { Fixture, Host, processed } from "./fixture";

interface Scenario {
    readonly name: string;
    readonly link?: Partial<Link>;
    readonly options?: ConnectOptions;
    /** Brings the fixture, already connected and with two events delivered, into the situation. */
    readonly arrange?: (fixture: Fixture) => void;
    /** Not connected before. */
    readonly fresh?: boolean;
    /** What the receiver must have processed in the end, of `a b` before and `c d e` around the call. */
    readonly expected: string[];
    /** Which end must see that its peer has lost its state. */
    readonly reset?: "sender" | "receiver";
}

const SCENARIOS: readonly Scenario[] = [
    { name: "the first keying", fresh: true, expected: ["e"] },
    { name: "a rotation that drains", options: { rotate: "drain" }, expected: ["a", "b", "c", "d", "e"] },
    { name: "a rotation for compromise", options: { rotate: "compromise" }, expected: ["a", "b", "c", "d", "e"] },
    { name: "a restart of the receiver", arrange: (f) => void f.start("receiver"), expected: ["c", "d", "e"], reset: "sender" },
    { name: "a restart of the sender", arrange: (f) => void f.start("sender"), expected: ["a", "b", "e"], reset: "receiver" },
    {
        name: "a restart of both ends",
        options: { previouslyKeyed: true },
        arrange: (f) => {
            f.start("sender");
            f.start("receiver");
        },
        expected: ["e"],
        reset: "receiver",
    },
];

async function arranged(scenario: Scenario): Promise<{ fixture: Fixture; host: Host; link: Link }> {
    const fixture = new Fixture("sender", "receiver");
    const link = fixture.link(scenario.link);
    const host = new Host(fixture);
    if (scenario.fresh !== true) {
        await fixture.driver.connect(link);
        for (const event of ["a", "b"]) host.emit(event);
        host.deliver();
        for (const event of ["c", "d"]) host.emit(event);
    }
    scenario.arrange?.(fixture);
    if (fixture.modules.sender!.table.connections.size === 0) host.kept = [];
    fixture.messages = [];
    // Without a surviving end epochs begin at 1 again, under new incarnations.
    fixture.keys.clear();
    return { fixture, host, link };
}

describe("an interruption", () => {
    for (const scenario of SCENARIOS) {
        for (const lose of ["message", "reply"] as const) {
            it(`of ${scenario.name}, at each message (its ${lose} lost), is completed by the same call`, async () => {
                const probe = await arranged(scenario);
                await probe.fixture.driver.connect(probe.link, scenario.options);
                const count = probe.fixture.messages.length;
                assert.ok(count >= 6);
                for (let at = 0; at < count; at++) {
                    const { fixture, host, link } = await arranged(scenario);
                    fixture.fault = { at, lose };
                    await assert.rejects(fixture.driver.connect(link, scenario.options), /AE-AGENT-UNREACHABLE/, `at ${at}`);
                    fixture.fault = undefined;
                    const resets = (): number => (scenario.reset === undefined ? 0 : (fixture.modules[scenario.reset]!.table.status()[0]?.flags ?? 0) & FLAG.reset);
                    const seen = resets();
                    host.deliver();
                    await fixture.driver.connect(link, scenario.options);
                    const flags = fixture.modules.sender!.table.status()[0]!.flags | fixture.modules.receiver!.table.status()[0]!.flags;
                    assert.equal(flags & (FLAG.pending | FLAG.retired), 0, `at ${at}`);
                    if (scenario.reset !== undefined) assert.equal(seen | resets(), FLAG.reset, `reset at ${at}`);
                    assert.ok(host.emit("e"));
                    host.deliver();
                    host.deliver();
                    assert.deepEqual(processed(fixture.modules.receiver), scenario.expected, `at ${at}`);
                    assert.deepEqual(host.kept, [], `at ${at}`);
                    for (const [epoch, keys] of fixture.keys) assert.equal(keys.size, 1, `two keys for ${epoch}, interrupted at ${at}`);
                }
            });
        }
    }

    it("twice at different messages is completed as well", async () => {
        const scenario = SCENARIOS[3]!;
        for (const first of [2, 4, 6, 8]) {
            for (const second of [1, 4, 5, 8]) {
                const { fixture, host, link } = await arranged(scenario);
                for (const at of [first, second]) {
                    fixture.messages = [];
                    fixture.fault = { at, lose: at % 2 === 0 ? "reply" : "message" };
                    await fixture.driver.connect(link).catch((error: unknown) => assert.match(String(error), /AE-AGENT-UNREACHABLE/));
                }
                fixture.fault = undefined;
                await fixture.driver.connect(link);
                host.emit("e");
                host.deliver();
                host.deliver();
                assert.deepEqual(processed(fixture.modules.receiver), scenario.expected, `${first}, ${second}`);
                for (const [epoch, keys] of fixture.keys) assert.equal(keys.size, 1, `two keys for ${epoch}, interrupted at ${first} and ${second}`);
            }
        }
    });

    it("by a restart of the module between two messages begins a new session", async () => {
        const fixture = new Fixture("sender", "receiver");
        let restarted = false;
        fixture.tamper = (to, type, reply) => {
            if (to === "receiver" && type === "m1" && !restarted) {
                restarted = true;
                fixture.start("receiver");
            }
            return reply;
        };
        assert.equal((await fixture.driver.connect(fixture.link())).outcome, "keyed");
    });

    it("by another deployer process is bounded", async () => {
        const fixture = new Fixture("sender", "receiver");
        fixture.tamper = (to, type, reply) => {
            if (to === "receiver" && type === "m1") fixture.modules.receiver!.generation++;
            return reply;
        };
        await assert.rejects(fixture.driver.connect(fixture.link()), /AE-SESSION-BUSY.*receiver/);
        assert.equal(fixture.messages.filter((m) => m.type === "m3").length, 5);
    });
});

// Commands of the deployer: once each, whatever gets lost.
import assert from "node:assert/strict";
import { ENTRY, Fixture, HANDLER, INPUT, processed } from "./fixture";
import { REFUSAL } from "../../provider/protocol/refusal";
import type { DeployerLink } from "../../provider/session/session";

const text = (data: Uint8Array): string => Buffer.from(data).toString();

describe("commands", () => {
    let fixture: Fixture;
    let toInput: DeployerLink;
    let toHandler: DeployerLink;

    beforeEach(async () => {
        fixture = new Fixture("receiver");
        toInput = { connection: 11, name: "set", to: { end: fixture.end("receiver"), endpoint: INPUT } };
        toHandler = { connection: 12, name: "ask", to: { end: fixture.end("receiver"), endpoint: HANDLER } };
        await fixture.driver.connectDeployer(toInput);
        await fixture.driver.connectDeployer(toHandler);
        fixture.messages = [];
    });

    it("send events to an input, with contiguous counters", async () => {
        for (const [i, event] of ["a", "b", "c"].entries()) {
            const result = await fixture.driver.send(toInput, Buffer.from(event));
            assert.deepEqual([result.status, result.counter], ["done", String(i + 1)]);
        }
        assert.deepEqual(processed(fixture.modules.receiver), ["a", "b", "c"]);
    });

    it("ask a handler and call an entry, and return the replies", async () => {
        assert.equal(text((await fixture.driver.request(toHandler, Buffer.from("abc"))).data), "cba");
        assert.equal(text((await fixture.driver.call({ end: fixture.end("receiver"), endpoint: ENTRY }, Buffer.from("xyz"))).data), "zyx");
    });

    it("report a request that the handler refuses", async () => {
        assert.equal((await fixture.driver.request(toHandler, new Uint8Array(0))).status, "refused");
    });

    it("say that the module failed because of them, and afterwards that it has failed", async () => {
        fixture.tamper = (to, type, reply) => {
            if (type !== "command") return reply;
            fixture.modules[to]!.fail();
            return { type: "refused", code: REFUSAL.failed };
        };
        await assert.rejects(fixture.driver.request(toHandler, Buffer.from("abc")), /AE-INSTANCE-FAILED: module receiver failed while it processed the command, its node says\. .*`pulumi refresh`/);
        await assert.rejects(fixture.driver.request(toHandler, Buffer.from("abc")), /AE-INSTANCE-FAILED: module receiver has failed and erased its keys\. .*`pulumi refresh`/);
    });

    it("refuse too much data before anything is sent", async () => {
        await assert.rejects(fixture.driver.send(toInput, new Uint8Array(65_537)), /AE-COMMAND-DATA/);
        assert.deepEqual(fixture.messages, []);
    });

    it("name a deployer connection that is not there", async () => {
        await assert.rejects(fixture.driver.send({ ...toInput, connection: 99 }, Buffer.from("a")), /AE-COMMAND-CONNECTION/);
        await assert.rejects(fixture.driver.send({ ...toInput, connection: 12 }, Buffer.from("a")), /AE-COMMAND-CONNECTION/);
    });

    it("repeat a send whose message got lost", async () => {
        fixture.fault = { at: 1, lose: "message" };
        assert.equal((await fixture.driver.send(toInput, Buffer.from("a"))).status, "done");
        assert.deepEqual(processed(fixture.modules.receiver), ["a"]);
    });

    it("do not repeat a send whose reply got lost", async () => {
        fixture.fault = { at: 1, lose: "reply" };
        const result = await fixture.driver.send(toInput, Buffer.from("a"));
        assert.deepEqual([result.status, result.counter], ["done", "1"]);
        assert.deepEqual(processed(fixture.modules.receiver), ["a"]);
    });

    it("say so when the reply of a request got lost, and do not repeat it", async () => {
        fixture.fault = { at: 1, lose: "reply" };
        await assert.rejects(fixture.driver.request(toHandler, Buffer.from("abc")), /AE-COMMAND-REPLY-LOST/);
        assert.deepEqual(processed(fixture.modules.receiver), ["abc"]);
    });

    it("say so when the module restarted before it confirmed", async () => {
        fixture.fault = { at: 1, lose: "reply" };
        const send = fixture.driver.send(toInput, Buffer.from("a"));
        const restart = new Promise<void>((resolve) => {
            const original = fixture.messages.push.bind(fixture.messages);
            fixture.messages.push = (...items) => {
                const length = original(...items);
                if (length === 3) {
                    fixture.start("receiver").table.set({
                        type: "set", connection: 11, endpoint: INPUT, direction: 5, delivery: 1, suite: 0, reset: false, window: 0,
                        epoch: 0n, key: new Uint8Array(32), firstCounter: 1n, lastCounter: 0n,
                    });
                    resolve();
                }
                return length;
            };
        });
        await assert.rejects(send, /AE-COMMAND-UNKNOWN/);
        await restart;
    });

    it("refuse a result that was altered", async () => {
        fixture.tamper = (_to, type, reply) => (type === "command" && reply.type === "result" ? { ...reply, body: reply.body.map((b, i) => (i === 0 ? b ^ 1 : b)) } : reply);
        await assert.rejects(fixture.driver.send(toInput, Buffer.from("a")), /AE-SESSION-REPLY/);
    });
});

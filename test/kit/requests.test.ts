// Requests, handlers and the deployer's commands through the kit.
import assert from "node:assert/strict";
import { OPERATION } from "../../provider/protocol/command";
import { PURPOSE } from "../../provider/protocol/m1";
import { DIRECTION } from "../../provider/protocol/status";
import type { SetRecord } from "../../provider/protocol/records";
import { ENDPOINT, type Peer, Rig, altered } from "./deployment";
import { type Entry, OUT, OUTCOME, bodies, logs, refusals } from "./kit-process";

const REASON = { epoch: 3, tag: 4, old: 5, gap: 6, long: 8 } as const;
const IN = 1;
const OUTGOING = 2;
const CLIENT = 3;
const HANDLER = 4;
const DEPLOYER = 5;
const HANDLED = 6;

describe("the kit's requests", () => {
    let rig: Rig;
    let client: SetRecord;
    let sender: Peer;
    let receiver: Peer;
    let handler: Peer;

    beforeEach(async () => {
        rig = await Rig.start();
        const [input, output] = [rig.set(IN, ENDPOINT.input, DIRECTION.receiver), rig.set(OUTGOING, ENDPOINT.output, DIRECTION.sender)];
        client = rig.set(CLIENT, ENDPOINT.request, DIRECTION.client, { window: 1 });
        await rig.configure(input, output, client, rig.set(DEPLOYER, ENDPOINT.input, DIRECTION.deployer), rig.set(HANDLED, ENDPOINT.handler, DIRECTION.deployer));
        [sender, receiver, handler] = [rig.peer(input), rig.peer(output), rig.peer(client)];
    });
    afterEach(() => rig.kit.stop());

    const opened = (entry: Entry, peer: Peer): string[] => bodies(entry, OUT.frame).flatMap((body) => peer.open(body)?.text ?? []);

    it("waits for the reply, serves the deployer meanwhile, and processes no other event", async () => {
        const asked = await rig.kit.events(sender.seal(1, "rquestion"));
        assert.equal(asked.outcome, OUTCOME.waiting);
        assert.deepEqual(opened(asked, handler), ["question"]);
        assert.deepEqual(opened(asked, receiver), [], "outputs wait for the end of the event");
        const waiting = await rig.kit.events(sender.seal(2, "x"));
        assert.deepEqual([waiting.outcome, opened(waiting, receiver).length], [OUTCOME.waiting, 0]);
        assert.equal((await rig.status()).state, 1);
        assert.equal(await rig.command(OPERATION.send, ENDPOINT.input, DEPLOYER, "x"), 13);
        const done = await rig.kit.answers(handler.reply(1, "answer"));
        assert.equal(done.outcome, OUTCOME.idle);
        assert.deepEqual(opened(done, receiver), ["answer", "x"]);
        assert.deepEqual(logs(done), ["result +00", "result +00"]);
    });

    it("learns that the handler refused", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        assert.deepEqual(logs(await rig.kit.answers(handler.reply(1, "", 1))), ["result -08"]);
    });

    it("takes only the reply it waits for", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        assert.deepEqual(refusals(await rig.kit.answers(altered(handler.reply(1, "answer"), 24))), [REASON.tag]);
        assert.deepEqual(refusals(await rig.kit.answers(handler.reply(2, "answer"))), [REASON.gap]);
        assert.deepEqual(refusals(await rig.kit.answers(handler.reply(1, "x".repeat(65)))), [REASON.long]);
        assert.deepEqual(refusals(await rig.kit.answers(rig.peer({ ...client, epoch: 2n }).reply(1, "answer"))), [REASON.epoch]);
        assert.deepEqual(logs(await rig.kit.answers(handler.reply(1, "answer"))), ["result +00"]);
        assert.deepEqual(logs(await rig.kit.answers(handler.reply(1, "again"))), []);
    });

    it("fails a request whose handler lost its state, and goes on with the next", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        await rig.configure({ type: "close", connection: CLIENT, retire: true });
        const next = await rig.rotate(CLIENT, { reset: true });
        await rig.configure(next);
        assert.deepEqual(rig.kit.records.filter(({ kind }) => kind === OUT.log).map(({ body }) => body.toString()), ["result -06"]);
        const again = await rig.kit.events(sender.seal(2, "rsecond"));
        assert.deepEqual(opened(again, rig.peer(next)), ["second"]);
        assert.deepEqual(logs(await rig.kit.answers(rig.peer(next).reply(2, "answer"))), ["result +00"]);
    });

    it("fails a request whose connection is closed", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        await rig.configure({ type: "close", connection: CLIENT, retire: false });
        assert.deepEqual(rig.kit.records.filter(({ kind }) => kind === OUT.log).map(({ body }) => body.toString()), ["result -07"]);
        assert.deepEqual(logs(await rig.kit.events(sender.seal(2, "rsecond"))), ["result -03"]);
    });

    it("re-seals an outstanding request at a rotation and takes its reply under either epoch", async () => {
        const asked = await rig.kit.events(sender.seal(1, "rquestion"));
        const frame = bodies(asked, OUT.frame).find((body) => handler.open(body) !== undefined)!;
        const next = await rig.rotate(CLIENT);
        await rig.configure(next);
        assert.deepEqual(opened(await rig.kit.reseal(frame), rig.peer(next)), ["question"]);
        assert.deepEqual(logs(await rig.kit.answers(handler.reply(1, "old epoch"))), ["result +00"]);
    });

    it("does not let a new peer believe in a counter that is being processed", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        await rig.configure({ type: "close", connection: IN, retire: true });
        assert.equal((await rig.connection(IN)).next, 2n);
        const done = await rig.kit.answers(handler.reply(1, "answer"));
        assert.deepEqual(opened(done, receiver), ["answer"]);
        assert.deepEqual(opened(done, sender), [], "a retired connection emits no ack");
        assert.equal((await rig.connection(IN)).next, 2n);
    });

    it("holds a function's outputs back while their peer is being replaced", async () => {
        await rig.kit.events(sender.seal(1, "rquestion"));
        await rig.configure({ type: "close", connection: OUTGOING, retire: true });
        const held = await rig.kit.answers(handler.reply(1, "answer"));
        assert.deepEqual([held.outcome, bodies(held, OUT.frame).length], [OUTCOME.blocked, 0]);
        const next = await rig.rotate(OUTGOING, { reset: true });
        await rig.configure(next);
        const frames = rig.kit.records.filter(({ kind }) => kind === OUT.frame).flatMap(({ body }) => rig.peer(next).open(body)?.text ?? []);
        assert.deepEqual(frames, ["answer"]);
    });

    describe("as a handler", () => {
        let asker: Peer;
        let record: SetRecord;
        beforeEach(async () => {
            record = rig.set(HANDLER, ENDPOINT.handler, DIRECTION.handler, { window: 1 });
            await rig.configure(record);
            asker = rig.peer(record);
        });

        it("replies once, and repeats the reply byte for byte", async () => {
            const [first] = bodies(await rig.kit.events(asker.seal(1, "abc")), OUT.frame);
            assert.equal(asker.open(first!)?.text, "\0cba");
            const again = await rig.kit.events(asker.seal(1, "abc"));
            assert.deepEqual(refusals(again), [REASON.old]);
            assert.deepEqual(bodies(again, OUT.frame), [first]);
            assert.deepEqual(refusals(await rig.kit.events(asker.seal(3, "abc"))), [REASON.gap]);
        });

        it("says when the function refused", async () => {
            const [frame] = bodies(await rig.kit.events(asker.seal(1, "")), OUT.frame);
            assert.equal(asker.open(frame!)?.text, "\x01");
        });

        it("repeats its reply under the epoch of the one who asks again", async () => {
            await rig.kit.events(asker.seal(1, "abc"));
            const next = await rig.rotate(HANDLER);
            await rig.configure(next);
            const [frame] = bodies(await rig.kit.events(rig.peer(next).seal(1, "abc")), OUT.frame);
            assert.equal(rig.peer(next).open(frame!)?.text, "\0cba");
        });

        it("keeps replies of several clients apart, and has room for so many", async () => {
            const others = Array.from({ length: 7 }, (_, index) => rig.set(20 + index, ENDPOINT.handler, DIRECTION.handler));
            await rig.configure(...others);
            assert.equal((await rig.propose([rig.set(40, ENDPOINT.handler, DIRECTION.handler)])).refused, 9);
            for (const [index, other] of others.entries()) await rig.kit.events(rig.peer(other).seal(1, `client ${index}`));
            for (const [index, other] of others.entries()) {
                const [frame] = bodies(await rig.kit.events(rig.peer(other).seal(1, `client ${index}`)), OUT.frame);
                assert.equal(rig.peer(other).open(frame!)?.text, `\0${index} tneilc`);
            }
        });
    });

    it("refuses a second handler of a request", async () => {
        assert.equal((await rig.propose([rig.set(30, ENDPOINT.request, DIRECTION.client)])).refused, 8);
    });

    it("processes a command once, and none beyond a window", async () => {
        for (let counter = 1n; counter <= 4n; counter++) {
            assert.deepEqual(await rig.command(OPERATION.send, ENDPOINT.input, DEPLOYER, "x"), { status: 0, counter, data: new Uint8Array(0) });
        }
        const full = await rig.command(OPERATION.send, ENDPOINT.input, DEPLOYER, "x");
        assert.equal(typeof full === "object" && full.status, 1);
        assert.equal((await rig.connection(DEPLOYER)).next, 5n, "nothing happened");
        assert.equal(await rig.command(OPERATION.send, ENDPOINT.input, DEPLOYER, "x", 4n), 7);
    });

    it("answers a command whose function makes a request, when the reply has come", async () => {
        const session = rig.command(OPERATION.send, ENDPOINT.input, DEPLOYER, "rquestion");
        await assert.rejects(session, /no reply/);
        const done = await rig.kit.answers(handler.reply(1, "answer"));
        assert.equal(done.records.some(({ kind, argument }) => kind === OUT.reply && argument === 4), true);
        assert.equal((await rig.connection(DEPLOYER)).next, 2n);
    });

    it("hands a handler's reply to the deployer", async () => {
        const result = await rig.command(OPERATION.request, ENDPOINT.handler, HANDLED, "abc");
        assert.ok(typeof result === "object");
        assert.deepEqual([result.status, Buffer.from(result.data).toString()], [0, "cba"]);
    });

    it("never answers a replayed message: M1 opens another session, M3 and Activate fit none", async () => {
        const m1 = rig.m1(PURPOSE.configure);
        const [first, second] = [await rig.kit.send("m1", m1), await rig.kit.send("m1", m1)];
        assert.ok(first.type === "m2" && second.type === "m2");
        assert.notDeepEqual(first.body.subarray(0, 64), second.body.subarray(0, 64));
        const proposed = await rig.propose([await rig.rotate(IN)]);
        assert.ok(proposed.refused === undefined);
        await rig.kit.send("activate", proposed.activate);
        await rig.status();
        assert.deepEqual(await rig.kit.send("activate", proposed.activate), { type: "refused", code: 4 });
    });
});

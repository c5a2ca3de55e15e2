// The host owns the shared memory: whatever it writes there fails at most the record, or the instance, but nothing else.
import assert from "node:assert/strict";
import { DIRECTION } from "../../provider/protocol/status";
import { PURPOSE } from "../../provider/protocol/m1";
import { ENDPOINT, Rig } from "./deployment";
import { OUT, OUTCOME, RING, refusals } from "./kit-process";

const MALFORMED = 1;
const CONTROL_TAIL = 64;
const EVENTS_TAIL = 192;
const OUT_HEAD = 384;
const CONTROL_DATA = 4096;
const IN_MESSAGE = 1;

const word = (value: number): Uint8Array => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return bytes;
};

describe("the kit's rings", () => {
    let rig: Rig;
    beforeEach(async () => {
        rig = await Rig.start();
    });
    afterEach(() => rig.kit.stop());

    for (const [name, offset] of [["control", CONTROL_TAIL], ["events", EVENTS_TAIL]] as const) {
        it(`fails when the ${name} ring claims more than it holds`, async () => {
            await rig.kit.poke(offset, word(1 << 20));
            assert.equal((await rig.kit.run()).outcome, OUTCOME.failed);
            assert.equal((await rig.kit.run()).outcome, OUTCOME.failed, "and stays failed");
        });

        it(`fails when the ${name} ring's position is not a whole record`, async () => {
            await rig.kit.poke(offset, word(12));
            assert.equal((await rig.kit.run()).outcome, OUTCOME.failed);
        });

        it(`fails when the ${name} ring goes backwards`, async () => {
            await rig.kit.poke(offset, word(-8));
            assert.equal((await rig.kit.run()).outcome, OUTCOME.failed);
        });
    }

    it("fails when the out ring was read further than it was written", async () => {
        await rig.kit.poke(OUT_HEAD, word(1 << 16));
        await rig.kit.put(RING.control, IN_MESSAGE, 1, rig.m1(PURPOSE.attest));
        assert.equal((await rig.kit.run()).outcome, OUTCOME.failed);
    });

    for (const length of [9, 0x7fff_ffff, 0xffff_fff9, 0xffff_ffff]) {
        it(`drops a record that claims ${length} bytes, and serves the next`, async () => {
            await rig.kit.poke(CONTROL_DATA, Buffer.concat([word(length), word(IN_MESSAGE)]));
            await rig.kit.poke(CONTROL_TAIL, word(8));
            assert.deepEqual(refusals(await rig.kit.run()), [MALFORMED]);
            assert.equal((await rig.status()).state, 0);
        });
    }

    it("refuses a message that is longer than any, and serves the next", async () => {
        await rig.kit.put(RING.control, IN_MESSAGE, 1, new Uint8Array(131_073));
        const { records } = await rig.kit.run();
        assert.deepEqual(records.filter(({ kind }) => kind === OUT.reply).map(({ body }) => [...body]), [[0xff, 0, 1]]);
        assert.equal((await rig.status()).state, 0);
    });

    it("refuses records and messages of unknown kinds", async () => {
        await rig.kit.put(RING.control, 9, 0, new Uint8Array(40));
        await rig.kit.put(RING.control, 4, 0, new Uint8Array(0));
        await rig.kit.put(RING.events, 1, 1, new Uint8Array(168));
        await rig.kit.put(RING.events, 3, 0, new Uint8Array(40));
        assert.deepEqual(refusals(await rig.kit.run()), [MALFORMED, MALFORMED, MALFORMED, MALFORMED]);
        for (const type of [0, 9, 65_535]) {
            await rig.kit.put(RING.control, IN_MESSAGE, type, new Uint8Array(168));
            assert.deepEqual((await rig.kit.run()).records.filter(({ kind }) => kind === OUT.reply).map(({ body }) => [...body]), [[0xff, 0, 1]]);
        }
    });

    it("refuses a trigger of what is no entry", async () => {
        for (const endpoint of [ENDPOINT.input, 99]) assert.deepEqual(refusals(await rig.kit.trigger(endpoint)), [MALFORMED]);
    });

    it("waits until the host has made room", async () => {
        const [input, output] = [rig.set(1, ENDPOINT.bulk, DIRECTION.receiver, { window: 64 }), rig.set(2, ENDPOINT.large, DIRECTION.sender, { window: 64 })];
        await rig.configure(input, output);
        const written = (await rig.kit.peek(320, 4)).readUInt32LE();
        // The host says that it has read nothing since the ring was almost full.
        await rig.kit.poke(OUT_HEAD, word(written - 524_288 + 64));
        await rig.kit.put(RING.events, 2, 0, rig.peer(input).seal(1, "x".repeat(60_000)));
        const full = await rig.kit.enter(1n);
        assert.equal(full.outcome, OUTCOME.more);
        assert.equal((await rig.kit.run()).records.filter(({ kind }) => kind === OUT.frame).length, 2, "the event and an ack");
    });

    it("is initialized once, with rings that fit their region", async () => {
        assert.equal((await rig.kit.enter(0n)).outcome, OUTCOME.failed, "a second time is refused");
        assert.equal((await rig.status()).state, 0, "and changes nothing");
        const fields: readonly (readonly [string, number, Uint8Array])[] = [
            ["magic", 0, word(1)], ["version", 4, word(2)], ["size", 8, word(4096)], ["control capacity", 16, word(5000)],
            ["events capacity", 20, word(2048)], ["out capacity", 24, word(1 << 30)], ["small out ring", 24, word(131_072)], ["pins", 28, word(65)],
        ];
        for (const [name, offset, bytes] of fields) {
            const other = await Rig.start({ uninitialized: true });
            await other.kit.poke(offset, bytes);
            assert.equal((await other.kit.enter(0n)).outcome, OUTCOME.failed, name);
            assert.equal((await other.kit.enter(1n)).outcome, OUTCOME.failed, name);
            await other.kit.stop();
        }
    });

    it("fails without entropy: at its start, and at an M1", async () => {
        const other = await Rig.start({ uninitialized: true });
        await other.kit.entropyFails(true);
        assert.equal((await other.kit.enter(0n)).outcome, OUTCOME.failed);
        await other.kit.stop();
        await rig.kit.entropyFails(true);
        assert.deepEqual(await rig.kit.send("m1", rig.m1(PURPOSE.attest)), { type: "refused", code: 10 });
        assert.equal((await rig.kit.run()).outcome, OUTCOME.failed);
        assert.deepEqual(rig.kit.records.filter(({ kind }) => kind === OUT.failed).map(({ argument }) => argument), [4]);
    });
});

// Whoever owns the gateway, and so the line and all unprotected code of the board, while a module runs there with its keys and its
// port. Every attempt first works where nothing is protected, then on the live module fails, is reported, and leaves the module
// as it was.
import assert from "node:assert/strict";
import { code, QUESTION, VIOLATION, words, type Ask, type BoardIntruder } from "../../../tools/attacker/board";
import { placeOf, PORTS } from "../../../provider/tee/sancus/board";
import { intruder } from "./gateway";
import { TestBoard, type BoardModule, type Output } from "./bridge";
import { driven, IN, INSTANCE, NODE_KEY, OUT, Tap } from "./tap";

const PLACE = placeOf(0);
const DRIVER = PORTS.get("P3")?.driver ?? 0;
const P3_OUT = 0x19;
const kinds = (outputs: readonly Output[]): number[] => outputs.map(({ kind }) => kind);

describe("an intruder on the gateway of a live board", function () {
    this.timeout(120_000);
    let bridge: TestBoard;
    let board: BoardModule;
    let tap: Tap;

    before(async () => {
        tap = await Tap.build("rng");
        bridge = await TestBoard.start(NODE_KEY, "rng");
        board = await bridge.connect();
    });
    after(async () => {
        board.close();
        await bridge.stop();
    });

    const violations = async (): Promise<number> => Number((await board.call({ type: "status" }))["violations"]);

    it("runs its code on the board, and has what nobody protects", async () => {
        const { intruder: owner } = await intruder(board);
        await owner.write(PLACE.data.start + 0x20, words(0xcafe));
        assert.equal(await owner.run(code.read(PLACE.data.start + 0x20)), 0xcafe);
        assert.equal(await owner.run(code.drive(P3_OUT)), 1, "a port without a driver belongs to anyone");
        await owner.write(PLACE.text.start + 0x40, words(0x403c, 0x1234, 0x4130)); // mov #0x1234, r12; ret
        assert.equal(await owner.run(code.jump(PLACE.text.start + 0x40)), 0x1234);
        await owner.write(DRIVER, words(0x430d, 0x4700)); // clr r13; br r7
        assert.equal(await owner.run(code.call(DRIVER)), 0);
        assert.equal(await violations(), 0);
    });

    it("is told of by a module whose memory it had written to before that was enabled, and gains nothing", async () => {
        const { intruder: owner } = await intruder(board);
        await owner.write(PLACE.data.start, Buffer.alloc(0x800, 1));
        await board.open(INSTANCE, tap.image);
        const s1 = await board.step(IN.trigger, 0);
        const told = s1.find(({ kind }) => kind === OUT.log);
        assert.match(told?.body.toString() ?? "", /written into this module's memory before it was enabled/);
        await tap.key(board);
        assert.ok(kinds(await tap.move(board, 1)).includes(OUT.processed));
        assert.equal(await driven(board), 1);
        assert.ok(kinds(await tap.move(board, 0)).includes(OUT.processed));
    });

    const attempts: readonly [string, (owner: BoardIntruder, ask: Ask) => Promise<boolean>][] = [
        ["read a module's secrets", async (owner) => await owner.run(code.read(PLACE.data.start + 0x20)) === undefined],
        ["read a module's code", async (owner) => await owner.run(code.read(PLACE.text.start + 0x20)) === undefined],
        ["enter a module in the middle", async (owner) => await owner.run(code.jump(PLACE.text.start + 0x40)) === undefined],
        ["write the valve's port", async (owner) => await owner.run(code.drive(P3_OUT)) === undefined],
        ["have the driver open the valve", async (owner) => await owner.run(code.call(DRIVER)) === undefined],
        ["write a module's code", async (owner) => (await owner.write(PLACE.text.start + 0x20, words(0x4303))).status === VIOLATION],
        ["write a module's secrets", async (owner) => (await owner.write(PLACE.data.start + 0x20, words(0x4303))).status === VIOLATION],
        ["enable a module of its own over another", async (_owner, ask) =>
            (await ask(QUESTION.enable, words(0x1234, PLACE.text.start, PLACE.text.end, 0x2200, 0x2a00))).status === VIOLATION],
    ];
    for (const [name, attempt] of attempts) {
        it(`does not ${name}, and is reported`, async () => {
            const before = await violations();
            const { intruder: owner, ask } = await intruder(board);
            board.notices.length = 0;
            assert.ok(await attempt(owner, ask), "it was stopped");
            assert.equal(await violations(), before + 1);
            assert.equal(board.notices.filter(({ type }) => type === "violation").length, 1, "the module's host is told");
            assert.equal(board.notices.filter(({ type }) => type === "port").length, 0, "the port did not move");
            assert.ok(kinds(await tap.move(board, 0)).includes(OUT.processed), "the module goes on with the next event");
        });
    }

    it("has nothing signed by the crypto unit with a module's key", async () => {
        const { intruder: owner } = await intruder(board);
        assert.equal(await owner.run(code.sign()), 0);
    });

    it("cannot replay, alter or reorder what it saw on the line", async () => {
        const { ask } = await intruder(board);
        const call = async (frame: Uint8Array) => {
            const { status, body } = await ask(QUESTION.call, Buffer.concat([words(PLACE.text.start, 0), Buffer.from([IN.frame, 0]), frame]));
            assert.equal(status, 0);
            return [body[0], body[1]];
        };
        const old = tap.recording.findLast(({ kind }) => kind === IN.frame)?.body ?? new Uint8Array(0);
        board.notices.length = 0;
        const refused = (await board.step(IN.frame, 0, old)).find(({ kind }) => kind === OUT.refused);
        assert.equal(refused?.argument, 5, "refused as old, which the host counts");
        assert.notEqual((await call(old))[0], OUT.processed);
        const altered = tap.frame(1);
        altered[9] = (altered[9] ?? 0) ^ 1;
        assert.deepEqual(await call(altered), [OUT.refused, 4]);
        assert.deepEqual(await call(tap.frame(1)), [OUT.refused, 6], "a gap");
        assert.equal(board.notices.filter(({ type }) => type === "port").length, 0);
    });

    it("cannot send a module with a port away", async () => {
        const { ask } = await intruder(board);
        await ask(QUESTION.call, words(PLACE.text.start, 1));
        assert.deepEqual((await tap.attest(board)).status.grants, [tap.endpoint("tap")]);
    });
});

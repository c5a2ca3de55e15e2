// The kit inside protected modules, on an emulated board behind its real bridge: sessions, frames, drivers, resets.
import assert from "node:assert/strict";
import { TestBoard, type BoardModule, type Output } from "./bridge";
import { driven, IN, INSTANCE, NODE_KEY, OUT, Tap } from "./tap";
import type { Freshness } from "../../../provider/tee/tee";

const kinds = (outputs: readonly Output[]): number[] => outputs.map(({ kind }) => kind);
const refusal = (outputs: readonly Output[]): number | undefined => outputs.find(({ kind }) => kind === OUT.refused)?.argument;
const FRAME = { tag: 4, old: 5, gap: 6, inactive: 9, unknown: 2 } as const;

describe("the kit on a Sancus board", function () {
    this.timeout(120_000);

    async function onBoard(freshness: Freshness, security: 64 | 128, use: (tap: Tap, board: BoardModule, bridge: TestBoard) => Promise<void>): Promise<void> {
        const tap = await Tap.build(freshness, security);
        const bridge = await TestBoard.start(NODE_KEY.subarray(0, security / 8), freshness);
        try {
            const board = await bridge.connect();
            await board.open(INSTANCE, tap.image);
            await use(tap, board, bridge);
            board.close();
        } finally {
            await bridge.stop();
        }
    }

    for (const security of [64, 128] as const) {
        it(`attests, is keyed and granted its port, and drives it, at ${security} bits`, () => onBoard("rng", security, async (tap, board) => {
            await tap.key(board);
            const { status } = await tap.attest(board);
            assert.deepEqual(status.grants, [tap.endpoint("tap")]);
            assert.equal(status.connections.length, 1);
            assert.ok(kinds(await tap.move(board, 1)).includes(OUT.processed));
            assert.equal(await driven(board), 1);
            assert.ok(kinds(await tap.move(board, 0)).includes(OUT.processed));
            assert.equal(await driven(board), 0);
        }));
    }

    it("takes every event once, in order, and none that was altered", () => onBoard("rng", 128, async (tap, board) => {
        await tap.key(board);
        const [first, second, third] = [tap.frame(1), tap.frame(0), tap.frame(1)];
        assert.equal(refusal(await board.step(IN.frame, 0, second)), FRAME.gap);
        assert.ok(kinds(await board.step(IN.frame, 0, first)).includes(OUT.processed));
        const again = await board.step(IN.frame, 0, first);
        assert.equal(refusal(again), FRAME.old);
        assert.ok(kinds(again).includes(OUT.frame), "an old event is acknowledged again");
        for (let at = 0; at < second.length; at++) {
            const altered = second.slice();
            altered[at] = (altered[at] ?? 0) ^ 0x40;
            assert.ok(!kinds(await board.step(IN.frame, 0, altered)).includes(OUT.processed), `byte ${at}`);
        }
        assert.ok(kinds(await board.step(IN.frame, 0, second)).includes(OUT.processed));
        assert.equal(await driven(board), 0);
        assert.ok(kinds(await board.step(IN.frame, 0, third)).includes(OUT.processed));
    }));

    it("refuses every altered message of a session, and stays as it was", () => onBoard("rng", 128, async (tap, board) => {
        const before = (await tap.attest(board)).status;
        await tap.key(board);
        const [s1, s3, activate] = tap.recording.slice(1);
        for (const message of [s1, s3, activate]) {
            if (message === undefined) throw new Error("nothing was recorded");
            for (let at = 0; at < message.body.length; at += 3) {
                const altered = message.body.slice();
                altered[at] = (altered[at] ?? 0) ^ 1;
                const [reply] = await board.step(message.kind, message.argument, altered);
                assert.equal(reply?.body[0], 0xff, `message ${message.argument}, byte ${at}`);
            }
        }
        const { status } = await tap.attest(board);
        assert.equal(status.generation, before.generation + 1n);
    }));

    /** Cuts the board's power, loads the same module and sends it exactly what it once received. */
    async function replayed(freshness: Freshness): Promise<{ readonly processed: boolean; readonly open: number | undefined }> {
        let result = { processed: false, open: undefined as number | undefined };
        await onBoard(freshness, 128, async (tap, board, bridge) => {
            await tap.key(board);
            await tap.move(board, 1);
            assert.equal(await driven(board), 1);
            await board.call({ type: "powerCycle" });
            const attacker = await bridge.connect();
            await attacker.open(INSTANCE, tap.image);
            let last: Output[] = [];
            for (const { kind, argument, body } of tap.recording) last = await attacker.step(kind, argument, body);
            result = { processed: kinds(last).includes(OUT.processed), open: await driven(attacker) };
            attacker.close();
        });
        return result;
    }

    it("repeats what it did when it is reset and fed the same again at the same cycles, without a source of nonces", async () => {
        assert.deepEqual(await replayed("none"), { processed: true, open: 1 });
    });

    for (const freshness of ["rng", "nv"] as const) {
        it(`does not, with freshness ${freshness}`, async () => {
            assert.deepEqual(await replayed(freshness), { processed: false, open: undefined });
        });
    }
});

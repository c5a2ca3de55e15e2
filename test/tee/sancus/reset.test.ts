// The board is reset in the middle of each operation: by code in the event manager's place, before the operation reaches the
// hardware or the module, or after that and before anybody is told. It is noticed, and loading and keying anew repairs it.
import assert from "node:assert/strict";
import { placeOf } from "../../../provider/tee/sancus/board";
import { words } from "../../../tools/attacker/board";
import { firmwareFunction, intruder } from "./gateway";
import { TestBoard, type BoardModule } from "./bridge";
import { driven, INSTANCE, NODE_KEY, OUT, Tap } from "./tap";

/** Program memory of a place without a module: it keeps its content. */
const FREE = placeOf(3).text.start;
/** clr &0x0120: a write to the watchdog without its password. */
const RESET = [0x4382, 0x0120];
type When = "before" | "after";
type Operation = "enable" | "attest" | "s3" | "activate" | "event" | "rotation s3" | "rotation activate";

/** enable_module and call_module up to what they do to the hardware or the module, then the reset. */
const CODE: Readonly<Record<"enable_module" | "call_module", Readonly<Record<When, Buffer>>>> = {
    enable_module: {
        before: words(...RESET),
        // mov r12, r8; mov @r8+ → r11, r12, r13, r14; mov @r8, r15; clr r9; clr r10; enable
        after: words(0x4c08, 0x483b, 0x483c, 0x483d, 0x483e, 0x482f, 0x4309, 0x430a, 0x1381, ...RESET),
    },
    call_module: {
        before: words(...RESET),
        // mov r12, r11; mov r13, r6; mov r14, r10; mov @r10+ → r12, r13, r14; mov @r10, r15; mov #back, r7; br r11; back:
        after: words(0x4c0b, 0x4d06, 0x4e0a, 0x4a3c, 0x4a3d, 0x4a3e, 0x4a2f, 0x4037, FREE + 20, 0x4b00, ...RESET),
    },
};

describe("a reset in the middle of an operation", function () {
    this.timeout(120_000);
    let bridge: TestBoard;
    let tap: Tap;

    before(async () => {
        tap = await Tap.build("rng");
        bridge = await TestBoard.start(NODE_KEY, "rng");
    });
    after(async () => { await bridge.stop(); });

    /** Lets the next call of a function of the event manager end in a reset; returns what puts the function right again. */
    async function trap(board: BoardModule, name: keyof typeof CODE, when: When): Promise<() => Promise<void>> {
        const { address, start } = await firmwareFunction(name);
        const { intruder: owner } = await intruder(board);
        await owner.write(FREE, CODE[name][when]);
        await owner.write(address, words(0x4030, FREE));
        return async () => { await owner.write(address, start); };
    }

    async function withReset(operation: Operation, when: When): Promise<void> {
        const gateway = await bridge.connect();
        const board = await bridge.connect();
        const boots = async () => Number((await gateway.call({ type: "status" }))["boots"]);
        const before = await boots();
        let undo: (() => Promise<void>) | undefined;
        const arm = async (name: keyof typeof CODE) => { undo = await trap(gateway, name, when); };
        const at = async (message: string, name: string) => { if (name === message) await arm("call_module"); };
        const attempt = async () => {
            if (operation === "enable") await arm("enable_module");
            await board.open(INSTANCE, tap.image);
            if (operation === "attest") await arm("call_module");
            await tap.attest(board);
            await tap.key(board, (message) => at(message, operation));
            await tap.key(board, (message) => at(`rotation ${message}`, operation));
            if (operation === "event") await arm("call_module");
            await tap.move(board, 1);
        };
        await assert.rejects(attempt, /board was reset/);
        assert.ok(undo !== undefined);
        await undo();
        assert.equal(await boots(), before + 1, "the fault has happened");
        assert.deepEqual((await gateway.call({ type: "status" }))["instances"], [], "nothing of it is on the board any more");
        if (operation !== "enable") assert.ok(board.notices.some(({ type }) => type === "lost"), "its host was told");
        board.close();
        gateway.close();

        const repaired = await bridge.connect();
        const again = await Tap.build("rng");
        await repaired.open(INSTANCE, again.image);
        await again.key(repaired);
        for (const open of [1, 0] as const) {
            assert.ok((await again.move(repaired, open)).some(({ kind }) => kind === OUT.processed));
            assert.equal(await driven(repaired), open);
        }
        // Whoever comes next finds an empty board.
        await repaired.call({ type: "powerCycle" });
        repaired.close();
    }

    const operations: readonly Operation[] = ["enable", "attest", "s3", "activate", "event", "rotation s3", "rotation activate"];
    for (const operation of operations) {
        for (const when of ["before", "after"] as const) {
            it(`is noticed and repaired: ${operation}, ${when} it took effect`, () => withReset(operation, when));
        }
    }
});

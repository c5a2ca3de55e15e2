// What a module on the board must not do to the firmware, to other modules and to the board: each attempt stops that
// module alone, which then fails as protocol.md says, and everything else goes on.
import assert from "node:assert/strict";
import { logs, OUT, OUTCOME } from "../../kit/kit-process";
import { Board, type Loaded } from "./board";
import { BoardModule, LOAD } from "./board-module";
import { OPERATION } from "./bridge";
import { patchedSoftware } from "./patched";

// QEMU 7.2 takes a secure BusFault or SecureFault for one of lower priority, and makes a HardFault of it.
const HARD = 3;
const MEMORY = 4;
const BUS = 5;
const USAGE = 6;
const SECURE = 7;
/** Attacks of modules/attacker.c, and the exceptions that may end them. */
const ATTACKS: readonly (readonly [kind: number, what: string, ...exceptions: number[]])[] = [
    [1, "reads another module's memory", MEMORY],
    [2, "writes another module's memory", MEMORY],
    [3, "reads the firmware's code", MEMORY],
    [4, "writes the firmware's memory", MEMORY],
    [5, "writes its own code", MEMORY],
    [6, "executes its own data", MEMORY],
    [7, "reads a secure peripheral", MEMORY],
    [8, "reads non-secure memory outside its window", MEMORY],
    [9, "reads another module's window", MEMORY],
    [10, "reads the protection unit's registers", MEMORY, BUS, HARD],
    [11, "raises its privilege and writes the firmware's memory", MEMORY],
    [12, "reads where the device's secrets were", MEMORY],
    [13, "jumps into the firmware", MEMORY],
    [14, "jumps into non-secure code", MEMORY, SECURE, HARD],
    [15, "overflows its stack", MEMORY, USAGE],
    [16, "executes an undefined instruction", USAGE],
    [17, "uses the floating-point unit", USAGE],
    [18, "calls a service with its stack in the firmware's memory", MEMORY, USAGE],
    [21, "stops the timer that limits it", MEMORY, BUS, HARD],
    [22, "resets the board", MEMORY, BUS, HARD],
    [23, "reads the network controller", MEMORY, BUS, HARD],
];
const FAULT = 1;
const TIME_LIMIT = 2;

describe("A hostile module on a TrustZone board", function () {
    this.timeout(240_000);
    let board: Board;
    let victim: Loaded;
    /** Of the non-secure side, which one attack brings about. */
    let restarts = 0;

    before(async () => {
        board = await Board.start();
        victim = await board.load("victim", "valve.c", { values: { limit: 1, label: "v" }, devices: { tap: "led0" } });
        await board.driver.attest(victim.end);
    });
    after(() => board.stop());

    const attack = async (on: Board, kind: number, check: (attacker: Loaded) => Promise<void>): Promise<void> => {
        const attacker = await on.load("attacker", "attacker.c", { values: { attack: kind }, limitMs: 500 });
        try {
            await check(attacker);
        } finally {
            attacker.module.stop();
        }
    };

    for (const [kind, what, ...exceptions] of ATTACKS) {
        it(`fails when it ${what}, and nothing else does`, () => attack(board, kind, async ({ module, endpoint }) => {
            const { outcome, cause, records } = await module.trigger(endpoint("go"));
            assert.equal(cause, "fault");
            assert.equal(outcome, OUTCOME.failed);
            assert.deepEqual(records.filter((one) => one.kind === OUT.failed).map(({ argument }) => argument), [FAULT], "the kit has erased its keys and says so");
            const { body } = await module.bridge.call(OPERATION.fault);
            assert.ok(exceptions.includes(body.readUInt32LE(8)), `exception ${body.readUInt32LE(8)}`);
            assert.deepEqual(logs(await victim.module.trigger(victim.endpoint("poke"))), ["poked"]);
        }));
    }

    it("fails when it masks interrupts and never returns", () => attack(board, 19, async ({ module, endpoint }) => {
        const { outcome, cause, records } = await module.trigger(endpoint("go"));
        assert.equal(cause, "time limit");
        assert.equal(outcome, OUTCOME.failed);
        assert.deepEqual(records.filter((one) => one.kind === OUT.failed).map(({ argument }) => argument), [TIME_LIMIT]);
        assert.equal((await module.enter(1)).outcome, OUTCOME.failed, "and stays failed");
        assert.deepEqual(logs(await victim.module.trigger(victim.endpoint("poke"))), ["poked"]);
    }));

    it("gains nothing by entering the non-secure side in the middle of a call", () => attack(board, 25, async ({ module, endpoint }) => {
        const before = await board.restarts();
        const { outcome } = await module.trigger(endpoint("go"));
        assert.equal(outcome, OUTCOME.failed);
        assert.ok(await board.restarts() > before, "that side runs on the stack of its own call, and has to be restarted");
        restarts = await board.restarts();
        assert.equal((await module.enter(1)).outcome, OUTCOME.failed, "and the module stays failed");
        assert.deepEqual(logs(await victim.module.trigger(victim.endpoint("poke"))), ["poked"]);
    }));

    it("gets nothing from services that it asks for memory that is not its own", () => attack(board, 20, async ({ module, endpoint }) => {
        assert.deepEqual(logs(await module.trigger(endpoint("go"))), ["services refused"]);
    }));

    it("attests itself as failed, but the victim as before, on a board that was never reset", async () => {
        const { status } = await board.driver.attest(victim.end);
        assert.equal(status.state, "new");
        assert.equal(await board.restarts(), restarts);
    });

    it("does not get a peripheral that another module has, nor one that does not exist", async () => {
        const { image } = await board.image("thief", "valve.c", { values: { limit: 1, label: "v" }, devices: { tap: "led0" } });
        assert.equal(await BoardModule.load(board.folder, image.image), LOAD.device);
        const invented = image.image.slice();
        invented[32 + image.image.subarray(32, 96).findIndex((one) => one !== 0)] = 99;
        assert.equal(await BoardModule.load(board.folder, invented), LOAD.device);
    });

    it("is not loaded from an image whose parts overlap or lie outside of its slot", async () => {
        const { image } = (await board.image("odd", "valve.c", { values: { limit: 1, label: "v" } })).image;
        const changed = (word: number, value: number): Uint8Array => {
            const bytes = Buffer.from(image);
            bytes.writeUInt32LE(value, 4 * word);
            return bytes;
        };
        for (const bytes of [changed(0, 0), changed(1, 2), changed(2, 0x1000001), changed(2, 0), changed(3, 0x20), changed(3, 0x40000), changed(4, 0), changed(5, 0x40001), changed(6, 0), changed(6, 0x3ffff), changed(7, 0x3ff00), image.subarray(0, -1)]) {
            assert.equal(await BoardModule.load(board.folder, bytes), LOAD.image);
        }
        assert.equal(await BoardModule.load(board.folder, image.subarray(0, 95)), LOAD.argument);
        assert.equal(await BoardModule.load(board.folder, image, 600_001), LOAD.argument);
    });

    it("has nine neighbours at most: seven, and the next instances of two", async () => {
        const neighbours: BoardModule[] = [];
        try {
            for (let slot = 1; slot < 10; slot++) neighbours.push((await board.load(`n${slot}`, "attacker.c", { values: { attack: 0 } })).module);
            const { image } = await board.image("last", "attacker.c", { values: { attack: 0 } });
            assert.equal(await BoardModule.load(board.folder, image.image), LOAD.noSlot);
            for (const neighbour of neighbours) assert.deepEqual(logs(await neighbour.trigger(1)), ["done"]);
        } finally {
            for (const neighbour of neighbours) neighbour.stop();
        }
    });

    it("would read its neighbour's memory if the firmware opened all slots", async () => {
        const weak = await Board.start(await patchedSoftware([{
            file: "secure/protect.c", from: "mpu(REGION_DATA, start + slots[slot].code, start + SLOT_SIZE, ALL_WRITE, false);",
            to: "mpu(REGION_DATA, start + slots[slot].code, SLOT_ADDRESS(0) + 8 * SLOT_SIZE, ALL_WRITE, false);",
        }, { file: "secure/slots.c", from: "uint32_t outcome = run_module(slot, reason, WINDOW_SIZE);", to: "*(uint32_t *)(slot_memory(slot ^ 1) + 0x20000) = 7;\n    uint32_t outcome = run_module(slot, reason, WINDOW_SIZE);" }]));
        try {
            await attack(weak, 1, async ({ module, endpoint }) => assert.deepEqual(logs(await module.trigger(endpoint("go"))), ["read"]));
        } finally {
            await weak.stop();
        }
    });
});

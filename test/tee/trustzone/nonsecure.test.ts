// What the non-secure side must not do: the test replaces it by one that attacks. Each forbidden access ends in a fault that
// restarts that side; the modules keep their state, and what the device says about its firmware is the same as ever.
import assert from "node:assert/strict";
import { hex } from "../../../provider/protocol/bytes";
import { buildBoardSoftware } from "../../../provider/tee/trustzone/firmware";
import { BridgeClient, OPERATION } from "./bridge";
import { logs } from "../../kit/kit-process";
import { patchedSoftware } from "./patched";
import { Board, type Loaded } from "./board";

const ATTACK = 0xa77a0000;
const FAULTED = 0xfa17;
const KIND = { read: 1, write: 2, call: 3, openEverything: 4, measurement: 5, facts: 6, load: 7, enter: 8 } as const;

/** Reads of the bridge beyond a window become attacks. The window remembers across a restart what was tried already. */
const ATTACKER = {
    file: "nonsecure/link.c",
    from: "static size_t read(struct link_header *h, uint8_t *body) {\n",
    to: `static size_t attack(struct link_header *h, uint8_t *body) {
    volatile uint32_t *tried = (volatile uint32_t *)(uintptr_t)(WINDOW_START + h->slot * WINDOW_STRIDE + 2048);
    volatile uint32_t *at = (volatile uint32_t *)(uintptr_t)h->b;
    if (*tried == h->sequence) {
        h->a = 0xfa17;
        return 0;
    }
    *tried = h->sequence;
    uint32_t kind = h->a & 0xffff;
    h->a = 0;
    if (kind == 1) h->b = *at;
    if (kind == 2) *at = 1;
    if (kind == 3) ((void (*)(void))at)();
    if (kind == 4) {
        *(volatile uint32_t *)0xE000EDD0 = 2;
        h->b = *at;
    }
    if (kind == 5) h->a = secure_measurement(h->slot, (uint8_t *)at);
    if (kind == 6) h->a = secure_facts((struct board_facts *)at);
    if (kind == 7) h->a = secure_load(7, (const uint8_t *)at, 1024, 100);
    if (kind == 8) h->a = secure_enter(h->b, 1);
    memcpy(body, &h->b, 4);
    return 4;
}

static size_t read(struct link_header *h, uint8_t *body) {
    if (h->a >> 16 == 0xa77a) return attack(h, body);
`,
};

describe("A hostile non-secure side of a TrustZone board", function () {
    this.timeout(180_000);
    let board: Board;
    let victim: Loaded;
    let bridge: BridgeClient;

    before(async () => {
        board = await Board.start(await patchedSoftware([ATTACKER]));
        victim = await board.load("victim", "valve.c", { values: { limit: 1, label: "v" } });
        await board.driver.attest(victim.end);
        const { image } = await board.image("other", "attacker.c", { values: { attack: 0 } });
        bridge = await BridgeClient.connect(board.folder);
        assert.equal((await bridge.call(OPERATION.load, 1000, 0, image.image)).a, 0);
    });
    after(async () => {
        bridge.close();
        await board.stop();
    });

    const attack = (kind: number, address: number): Promise<{ a: number; b: number }> => bridge.call(OPERATION.read, ATTACK + kind, address);

    for (const [what, kind, address] of [
        ["reads a slot by its secure address", KIND.read, 0x38000100],
        ["reads a slot by its non-secure alias", KIND.read, 0x28000100],
        ["writes a slot", KIND.write, 0x38020000],
        ["reads a slot for next instances by its secure address", KIND.read, 0x10180100],
        ["reads a slot for next instances by its non-secure alias", KIND.read, 0x00180100],
        ["writes a slot for next instances by its non-secure alias", KIND.write, 0x001c0100],
        ["reads the firmware's code", KIND.read, 0x10000400],
        ["reads the gateways as data", KIND.read, 0x10000200],
        ["writes the firmware's memory", KIND.write, 0x10100000],
        ["writes the firmware's memory by its non-secure alias", KIND.write, 0x00100000],
        ["reads where the secrets were", KIND.read, 0x30000000],
        ["reads a secure peripheral", KIND.read, 0x50302000],
        ["opens a memory protection controller", KIND.write, 0x48009000],
        ["jumps into the firmware beside the gateways", KIND.call, 0x10000401],
        ["jumps into a module", KIND.call, 0x38000401],
        ["switches the attribution unit off and reads a slot", KIND.openEverything, 0x38000100],
    ] as const) {
        it(`is restarted when it ${what}`, async () => {
            const before = await board.restarts();
            assert.equal((await attack(kind, address)).a, FAULTED);
            assert.equal(await board.restarts(), before + 1);
            const { body } = await bridge.call(OPERATION.fault);
            assert.equal(body.readUInt32LE(4), 0xffffffff, "the firmware blames the non-secure side");
            assert.deepEqual(logs(await victim.module.trigger(victim.endpoint("poke"))), ["poked"]);
        });
    }

    it("sees nothing of a secure peripheral by its non-secure alias", async () => {
        // A running counter: controllers answer with a fault or with zero.
        const { a, b } = await attack(KIND.read, 0x40302018);
        assert.ok(a === FAULTED || b === 0);
    });

    it("gets nothing written through a gateway's pointer", async () => {
        for (const address of [0x10100000, 0x38020000, 0x30000000, 0x50302000, 0x40302000, 0x283ffff0]) {
            assert.equal((await attack(KIND.facts, address)).a, 1, "refused as an argument");
            assert.equal((await attack(KIND.load, address)).a, 1);
            if (address !== 0x283ffff0) assert.equal((await attack(KIND.measurement, address)).a, 1);
        }
        assert.equal((await attack(KIND.enter, 99)).a >>> 0, 0xffffffff);
        assert.equal((await attack(KIND.enter, 6)).a >>> 0, 0xffffffff, "an empty slot");
    });

    it("has not changed what the device is, nor what the module remembers", async () => {
        const genuine = await buildBoardSoftware();
        assert.equal(board.device.firmware, hex(genuine.measurement));
        const { status } = await board.driver.attest(victim.end);
        assert.equal(status.state, "new");
    });
});

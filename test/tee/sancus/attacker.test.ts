// Whoever owns the unprotected code of a board, against a module with a device. Each attempt ends in a violation or a refusal;
// where a check of ours stops it, the same attempt against a build without that check shows that it would work.
import assert from "node:assert/strict";
import type { SancusIdentity } from "../../../provider/crypto/sancus-keys";
import type { SancusModule } from "../../../provider/tee/sancus/build";
import { enable, enter, keep, runBoard, type Outcome } from "./board";
import { NODE_KEY, OUT, Tap, VENDOR } from "./tap";

const P3_OUT = 0x19;
const RESULT = 0x0300;
const OUTPUT = 0x0400;

/** A part of an image as the board harness takes it. */
const moduleOf = (identity: SancusIdentity): SancusModule =>
    ({ identity, entries: ["authentic_step", "authentic_leave"], sizes: { text: identity.text.length, data: 0, stack: 0 }, offsetOf: () => undefined });

describe("an attacker in the unprotected code of a board", function () {
    this.timeout(120_000);
    let tap: SancusModule;
    let driver: SancusModule;

    before(async () => {
        const { parts } = await Tap.build("rng");
        [tap, driver] = parts.map(({ identity }) => moduleOf(identity)) as [SancusModule, SancusModule];
    });

    /** Enables the module and its driver, then runs the attacker's program. */
    const attack = (program: string, prepare = ""): Promise<Outcome> =>
        runBoard(NODE_KEY.toString("hex"), [tap, driver], `${prepare}${enable(tap, VENDOR)}${enable(driver, VENDOR)}${program}`);

    const stopped = ({ stop, violation }: Outcome, address: number): void => {
        assert.equal(stop, "violation");
        assert.equal(violation?.address, address);
        assert.equal(violation.domain, 0);
    };

    it("does not read the secrets of a module", async () => {
        const { secretStart } = tap.identity.layout;
        stopped(await attack(`    mov &${secretStart + 0x20}, r5\n`), secretStart + 0x20);
    });

    it("does not enter a module but at its start", async () => {
        const { publicStart } = tap.identity.layout;
        const outcome = await attack(`    br #${publicStart + 0x40}\n`);
        assert.equal(outcome.stop, "violation");
        assert.ok((outcome.violation?.address ?? 0) >= publicStart && (outcome.violation?.address ?? 0) < tap.identity.layout.publicEnd);
    });

    it("does not write the port that belongs to the driver", async () => {
        stopped(await attack(`    mov.b #1, &${P3_OUT}\n`), P3_OUT);
    });

    /** Calls the driver to open the tap; r13 is 0 where it did. */
    const callDriver = (target: SancusModule): string => `
    mov #1, r6
    mov #.Ldone, r7
    mov #1, r12
    br #${target.identity.layout.publicStart}
.Ldone:
${keep("r13", RESULT)}`;

    it("ends in a violation when it calls the driver, and does not at one that does not ask who calls", async () => {
        const { stop, violation } = await attack(callDriver(driver));
        assert.equal(stop, "violation");
        assert.equal(violation?.address, driver.identity.layout.publicStart);
        const { text, layout } = driver.identity;
        const careless = text.slice();
        // cmp r14, r15 becomes cmp r14, r14: whoever calls is taken for the user.
        const at = Buffer.from(careless).indexOf(Buffer.from([0x0f, 0x9e]));
        assert.ok(at > 0, "the comparison of the caller is there");
        careless[at] = 0x0e;
        const weakened = moduleOf({ text: careless, layout });
        const outcome = await runBoard(NODE_KEY.toString("hex"), [tap, weakened], `${enable(tap, VENDOR)}${enable(weakened, VENDOR)}${callDriver(weakened)}`);
        assert.equal(outcome.word(RESULT), 0);
    });

    /** Bytes of the entry code's own memory and the stack, at the start of the data. */
    const FIRST = 400;

    /** Fills what will be the kit's and the module's memory, then lets it process a message that no deployer sent. */
    const preset = ({ identity: { layout } }: SancusModule): string => `
    mov #${layout.secretStart + FIRST}, r5
.Lfill:
    mov #0x0101, 0(r5)
    incd r5
    cmp #${layout.secretEnd}, r5
    jlo .Lfill
`;
    const firstReply = async (module: SancusModule): Promise<number | undefined> => {
        const message = new Map([[0xfd80, new Uint8Array([1, 1, ...new Uint8Array(36)])]]);
        const call = enter(module, 0, 0xfd80, 38, OUTPUT, 256);
        const outcome = await runBoard(NODE_KEY.toString("hex"), [module], `${preset(module)}${enable(module, VENDOR)}${call}`, message);
        return outcome.ram[OUTPUT - 0x200];
    };

    it("has no use of what it put into a module's memory before that was enabled, unless the module believed it", async () => {
        assert.equal(await firstReply(tap), OUT.reply, "it answers as a module that has just begun");
        const { text, layout } = tap.identity;
        const credulous = text.slice();
        // tst r15, jz ready: the MAC over the module's memory becomes a jump that is always taken.
        const at = Buffer.from(credulous).indexOf(Buffer.from([0x0f, 0x93]));
        assert.equal((credulous[at + 3] ?? 0) & 0xfc, 0x24, "a jump if equal");
        credulous[at + 3] = (credulous[at + 3] ?? 0) & 0x03 | 0x3c;
        assert.equal(await firstReply(moduleOf({ text: credulous, layout })), OUT.failed, "it takes the attacker's bytes for a function that never came back");
    });
});

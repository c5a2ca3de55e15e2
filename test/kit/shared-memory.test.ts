// The kit reads and writes memory of the host in aligned words of eight bytes and not otherwise (INTEL-SA-00657, INTEL-SA-00615):
// its machine code is stopped at every access, and the instruction is looked at.
import assert from "node:assert/strict";
import { DIRECTION } from "../../provider/protocol/status";
import type { Program } from "./compile";
import { ENDPOINT, Rig } from "./deployment";
import { OUT, bodies } from "./kit-process";

type Patches = NonNullable<Program["patches"]>;
const ring = (from: string, to: string): Patches => [{ file: "core/ring.c", from, to }];

/** Sessions, events of every length around a word, acks, outputs, log lines, device reads and writes. */
async function seen(patches: Patches = []): Promise<{ words: number; others: number; first: string }> {
    const rig = await Rig.start({ watched: true, patches });
    try {
        const [input, output] = [rig.set(1, ENDPOINT.input, DIRECTION.receiver), rig.set(2, ENDPOINT.output, DIRECTION.sender)];
        await rig.configure(input, output);
        await rig.configure(rig.grant(ENDPOINT.device, (await rig.status()).incarnation));
        const [sender, receiver] = [rig.peer(input), rig.peer(output)];
        for (let counter = 1; counter <= 17; counter++) {
            const text = "h".repeat(counter);
            const frames = bodies(await rig.kit.events(sender.seal(counter, text)), OUT.frame);
            assert.equal(frames.map((frame) => receiver.open(frame)?.text).find((one) => one !== undefined), text);
            await rig.kit.answers(receiver.ack(counter));
        }
        await rig.kit.poke(512 + 4 * ENDPOINT.device, Uint8Array.of(41, 0, 0, 0));
        const [written] = bodies(await rig.kit.events(sender.seal(18, "d")), OUT.device);
        assert.equal(written?.readUInt32LE(), 42);
        return await rig.kit.accesses();
    } finally {
        await rig.kit.stop();
    }
}

describe("the kit's accesses to memory of the host", () => {
    it("are of aligned words alone", async () => {
        const { words, others, first } = await seen();
        assert.equal(others, 0, `the first of them is ${first}`);
        assert.ok(words > 1000, `${words} accesses`);
    });

    const weaker: readonly (readonly [string, Patches])[] = [
        ["a position of half a word", ring("    *ring->ours = ring->position;", "    *(volatile uint32_t *)ring->ours = ring->position;")],
        ["a read of the other side's position of half a word", ring("(uint32_t)*theirs;", "*(const volatile uint32_t *)theirs;")],
        ["bytes copied in", ring("        uint64_t word = from[(position & (capacity - 1)) / WORD];", "        uint64_t word = 0;\n        for (size_t i = 0; i < WORD; i++) ((uint8_t *)&word)[i] = ((const volatile uint8_t *)from)[(position & (capacity - 1)) + i];")],
        ["bytes written", ring("    out.data[(writing->position & (out.capacity - 1)) / WORD] = writing->word;", "    for (size_t i = 0; i < WORD; i++) ((volatile uint8_t *)out.data)[(writing->position & (out.capacity - 1)) + i] = (uint8_t)(writing->word >> 8 * i);")],
        ["a pin of half a word", ring("    return pair[endpoint % 2];", "    return ((const volatile uint32_t *)pins)[endpoint];")],
    ];
    for (const [what, patches] of weaker) {
        it(`would be seen with ${what}`, async () => {
            assert.ok((await seen(patches)).others > 0);
        });
    }
});

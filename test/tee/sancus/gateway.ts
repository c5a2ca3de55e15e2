// What the owner of a gateway has: the line of its board, and so the event manager's memory.
import assert from "node:assert/strict";
import { readElf } from "../../../provider/tee/sancus/elf";
import { buildFirmware } from "../../../provider/tee/sancus/firmware";
import { BoardIntruder, type Ask } from "../../../tools/attacker/board";
import type { BoardModule } from "./bridge";

/** A function of the event manager, with its first bytes. */
export async function firmwareFunction(name: string): Promise<{ readonly address: number; readonly start: Buffer }> {
    const image = readElf(new Uint8Array(await buildFirmware()));
    const address = image.symbols.find((symbol) => symbol.name === name)?.value ?? 0;
    const section = image.sections.find(({ address: from, size }) => address >= from && address < from + size);
    assert.ok(address >= 0x4000 && section !== undefined, `the event manager has no ${name}`);
    return { address, start: Buffer.from(section.content.subarray(address - section.address, address - section.address + 4)) };
}

/** The line of a bridge, and what its event manager does when it enables modules. */
export async function intruder(board: BoardModule): Promise<{ ask: Ask; intruder: BoardIntruder }> {
    const { address, start } = await firmwareFunction("enable_module");
    const ask: Ask = async (question, body) => {
        const answer = await board.call({ type: "raw", question, body: body.toString("base64") });
        assert.equal(answer.type, "answer", JSON.stringify(answer));
        return { status: Number(answer["status"]), body: Buffer.from(String(answer["body"]), "base64") };
    };
    return { ask, intruder: new BoardIntruder(ask, address, start) };
}

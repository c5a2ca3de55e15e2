// The memory map of a Sancus node: the event manager, four places for modules, and the drivers of its ports.
//
// Places are fixed, because a module's addresses are part of its identity: what else runs on a board never changes a measurement.
import { AuthenticError } from "../../errors";
import type { Placement } from "./layout";

/** Modules a board has room for; a driver takes one of the four protected domains, too. */
export const SLOTS = 4;

const FIRST_TEXT = 0x4800;
const TEXT = 0x2d00;
const FIRST_DATA = 0x0a00;
const DATA = 0x0800;

/** Where the module in a slot lies. */
export function placeOf(slot: number): Placement {
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS) {
        throw new AuthenticError("AE-SANCUS-SLOT", `a board has no place ${slot} for a module`, `a board takes ${SLOTS} modules, in slots 0 to ${SLOTS - 1}: use another node for more`);
    }
    const [text, data] = [FIRST_TEXT + slot * TEXT, FIRST_DATA + slot * DATA];
    return { text: { start: text, end: text + TEXT }, data: { start: data, end: data + DATA } };
}

/** A port of the board, with the registers that its driver owns and the place of the driver. */
export interface Port {
    readonly name: string;
    /** 1 to 6. */
    readonly number: number;
    readonly registers: { readonly start: number; readonly end: number };
    /** Start of its driver's text. */
    readonly driver: number;
    /** Whether a change of a pin interrupts. */
    readonly interrupts: boolean;
}

const FIRST_DRIVER = 0xfc00;
/** Bytes for the text of a driver. */
export const DRIVER_ROOM = 0x90;

/** By name, `P1` to `P6`. */
export const PORTS: ReadonlyMap<string, Port> = new Map([[0x20, 8], [0x28, 8], [0x18, 4], [0x1c, 4], [0x30, 4], [0x34, 4]].map(([start = 0, size = 0], index) => {
    const name = `P${index + 1}`;
    return [name, { name, number: index + 1, registers: { start, end: start + size }, driver: FIRST_DRIVER + index * DRIVER_ROOM, interrupts: index < 2 }];
}));

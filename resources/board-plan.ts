// What a program says about a board: the node's properties, and the places of its modules.

import type { PlaceInputs } from "../provider/lifecycle/board";
import { type Problem, problem } from "../provider/lifecycle/problems";
import { SLOTS } from "../provider/tee/sancus/board";
import type { NodeArgs } from "./node";

/** The board arguments of a node, as its properties have them. */
export function boardProperties(args: NodeArgs) {
    const { vendorId, security, freshness, acceptResetReplay, nodeKey, vendorKey, device, baud } = args;
    const defaults = args.tee === "sancus" ? { security: 128, freshness: "rng", acceptResetReplay: false } : {};
    const given = { vendorId, security, freshness, acceptResetReplay, nodeKey, vendorKey, device, baud };
    return { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** Hands out the places of one board in the order of the program. */
export class BoardPlan {
    private readonly taken = new Set<number>();

    constructor(private readonly args: NodeArgs) {}

    /**
     * Problems of the slot that one more module asks for.
     *
     * @param wanted - undefined: the next free one
     */
    problems(wanted: number | undefined): Problem[] {
        const slot = wanted ?? this.next();
        if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS) {
            return [problem("slot", `a board takes ${SLOTS} modules, in slots 0 to ${SLOTS - 1}; place this one on another node`)];
        }
        return this.taken.has(slot) ? [problem("slot", `slot ${slot} of the board belongs to another module; choose a free one`)] : [];
    }

    private next(): number {
        let slot = 0;
        while (this.taken.has(slot)) slot++;
        return slot;
    }

    /**
     * The place of one more module.
     *
     * @param wanted - the slot that the program asks for
     */
    place(wanted: number | undefined): NonNullable<PlaceInputs> {
        const slot = wanted ?? this.next();
        this.taken.add(slot);
        const { security = 128, freshness = "rng", vendorId = 1, acceptResetReplay = false } = this.args;
        return { security, freshness, vendorId, slot, acceptResetReplay };
    }
}

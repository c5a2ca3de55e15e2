// A module on a board that works when it is called, moves a lamp and tells another module, which hears of it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import type { Stack } from "./stack";

/** `work` is called in order; the others are faults. */
const WORKER = `
#include <authentic.h>

struct worked { uint32_t times; };
AUTHENTIC_STATE(struct worked, worked, 1)
AUTHENTIC_OUTPUT(beat, 4)
AUTHENTIC_DEVICE(lamp, AUTHENTIC_WRITTEN | AUTHENTIC_READ)
AUTHENTIC_ENTRY(work, 0) { worked.times++; lamp_write(worked.times & 1); beat(&worked.times, sizeof worked.times); }
AUTHENTIC_ENTRY(null, 0) { *(volatile int *)8 = 1; }
AUTHENTIC_ENTRY(spin, 0) { for (volatile int i = 0;; i++) {} }
`;
const LISTENER = `
#include <authentic.h>

AUTHENTIC_INPUT(beat, 4) { authentic_log("heard"); }
`;

/** Writes `worker.c` and `listener.c`. */
export function writeBeat(folder: string): void {
    fs.writeFileSync(path.join(folder, "worker.c"), WORKER);
    fs.writeFileSync(path.join(folder, "listener.c"), LISTENER);
}

/** Has the module `worker` work once more: the module `listener` hears of it. */
export async function beats(stack: Stack): Promise<void> {
    const { nodeFolder, instance } = stack.outs("Module", "listener") as { nodeFolder: string; instance: string };
    const heard = async (): Promise<number> => Number((await new AgentClient(nodeFolder).instance(instance))?.connections[0]?.delivered ?? 0);
    const before = await heard();
    await stack.callEntry("worker", "work");
    for (let tries = 0; tries < 200; tries++) {
        if (await heard() > before) return;
        await sleep(50);
    }
    assert.fail("no event arrived");
}

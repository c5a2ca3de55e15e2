// The attacker on the field's gateway: owns the board's line and puts code of their own in the place of the event manager's, while
// the modules run. Judged by the board's count of violations, the valve's pin, and the modules' next events.
import * as fs from "node:fs";
import * as path from "node:path";
import type { Field } from "../../examples/smart-irrigation/field";
import type { View } from "../../examples/smart-irrigation/view";
import { placeOf, PORTS } from "../../provider/tee/sancus/board";
import { readElf } from "../../provider/tee/sancus/elf";
import type { DeployedStack } from "../../provider/stack/stack";
import { BoardIntruder, BridgeSocket, code, VIOLATION, words } from "../attacker/board";
import { step, view } from "./play";
import { dim, green, red, say } from "./screen";

const SENSOR = placeOf(0);
const VALVE = placeOf(1);
const TAP = { out: 0x19, driver: PORTS.get("P3")?.driver ?? 0 };

/** Each tries to get something that a rule of the hardware, or a driver, forbids. True where it was stopped. */
const ATTEMPTS: readonly (readonly [name: string, goal: string, run: (owner: BoardIntruder) => Promise<boolean>])[] = [
    ["secrets", "the keys of the valve's module are read from its memory", async (owner) => await owner.run(code.read(VALVE.data.start + 0x20)) === undefined],
    ["middle", "the sensor's module is entered in the middle", async (owner) => await owner.run(code.jump(SENSOR.text.start + 0x40)) === undefined],
    ["port", "the valve's port is written", async (owner) => await owner.run(code.drive(TAP.out)) === undefined],
    ["driver", "the valve's driver is told to open", async (owner) => await owner.run(code.call(TAP.driver)) === undefined],
    ["patch", "the code of the valve's module is changed", async (owner) => (await owner.write(VALVE.text.start + 0x20, words(0x4303))).status === VIOLATION],
    ["state", "the state of the sensor's module is changed", async (owner) => (await owner.write(SENSOR.data.start + 0x20, words(1))).status === VIOLATION],
];

/** Where the event manager enables modules, from the program that lies on the gateway. */
function hookOf(folder: string): { address: number; original: Buffer } {
    const { firmware } = JSON.parse(fs.readFileSync(path.join(folder, "board.json"), "utf8")) as { firmware: string };
    const image = readElf(new Uint8Array(Buffer.from(firmware, "base64")));
    const address = image.symbols.find(({ name }) => name === "enable_module")?.value ?? 0;
    const section = image.sections.find((one) => address >= one.address && address < one.address + one.size);
    if (section === undefined) throw new Error("the event manager is another one than expected");
    return { address, original: Buffer.from(section.content.subarray(address - section.address, address - section.address + 4)) };
}

/**
 * @returns how many attempts had an effect or went unnoticed; 0 is what is expected
 */
export async function intrusion(stack: DeployedStack, field: Field): Promise<number> {
    const folder = path.join(stack.node("field").folder, "board");
    const { address, original } = hookOf(folder);
    const bridge = await BridgeSocket.connect(path.join(folder, "board.sock"));
    const owner = new BoardIntruder(bridge.ask, address, original);
    let failures = 0;
    try {
        for (const [name, goal, run] of ATTEMPTS) {
            const [before, tap] = [await violations(stack), await levels(stack)];
            const stopped = await run(owner);
            const reported = await violations(stack) - before;
            const moved = await levels(stack) !== tap;
            const held = stopped && !moved && reported === 1n;
            if (!held) failures++;
            say(`   ${held ? green("held  ") : red("BROKEN")} ${name.padEnd(10)} ${dim(`wanted: ${goal}. Violations reported: ${String(reported)}${moved ? "; the valve moved" : ""}`)}`);
        }
    } finally {
        bridge.close();
    }
    return failures + (await goesOn(stack, field) ? 0 : 1);
}

async function violations(stack: DeployedStack): Promise<bigint> {
    const board = await stack.agent("field").board();
    if (board === undefined) throw new Error("the board's bridge is gone");
    return BigInt(board.violations);
}

const levels = async (stack: DeployedStack) => (await stack.pins("valve")).map(({ name, value }) => `${name}=${String(value)}`).join();

/** Whether readings still arrive, none missing. */
async function goesOn(stack: DeployedStack, field: Field): Promise<boolean> {
    const before = await view(stack);
    let after: View = before;
    for (let tries = 0; tries < 40 && after.received < before.received + 2; tries++) {
        await step(stack, field);
        await new Promise((resolve) => setTimeout(resolve, 250));
        after = await view(stack);
    }
    const held = after.missed === 0 && after.received >= before.received + 2;
    say(dim(`          afterwards: readings ${String(before.received)} → ${String(after.received)}, missed ${String(after.missed)}`));
    return held;
}

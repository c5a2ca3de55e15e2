// Half a minute of weather: the field dries, the modules water it, and what they say is printed as it changes.
import { Field } from "../../examples/smart-irrigation/field";
import { parseView, type View } from "../../examples/smart-irrigation/view";
import type { DeployedStack } from "../../provider/stack/stack";
import { bar, say } from "./screen";

/** The dashboard's view, asked by the deployer over an authenticated request. */
export async function view(stack: DeployedStack): Promise<View> {
    return parseView(await stack.request("query", new Uint8Array(0)));
}

/**
 * Whether water flows: the tap's pin on the Sancus board is up, and the pump runs. Its motor belongs to the secure world of its
 * board, where nobody outside sees it, so the pump says so itself.
 */
async function watering(stack: DeployedStack): Promise<boolean> {
    return (await stack.pins("valve")).some((pin) => pin.name === "tap" && pin.value === 1) && (await view(stack)).pump === "on";
}

/** One step of the field: water and sun act, and the probe's pins on the board show what it measures. */
export async function step(stack: DeployedStack, field: Field): Promise<void> {
    field.step(await watering(stack));
    await stack.setPin("sensor", "soil", field.moisture);
}

function line(seconds: number, field: Field, shown: View): string {
    return [
        `${String(seconds).padStart(4)} s`,
        `soil ${bar(field.moisture)} ${String(field.moisture).padStart(3)} %`,
        `valve ${shown.position.padEnd(6)}`,
        `pump ${shown.pump.padEnd(3)}`,
        `readings ${String(shown.received).padStart(3)}, missed ${String(shown.missed)}`,
        `reports ${String(shown.reports).padStart(3)}`,
        `moves ${String(shown.moves)}`,
    ].join("   ");
}

/**
 * Plays the field and prints a line whenever moisture, valve or counters have changed.
 *
 * @param seconds - how long
 */
export async function play(stack: DeployedStack, field: Field, seconds: number): Promise<void> {
    const start = performance.now();
    let last = "";
    for (let tick = 1; tick <= seconds; tick++) {
        await step(stack, field);
        const shown = await view(stack);
        const state = JSON.stringify([field.moisture, shown]);
        if (state !== last) say(line(Math.round((performance.now() - start) / 1000), field, shown));
        last = state;
        const wait = start + tick * 1000 - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
}

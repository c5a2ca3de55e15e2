// `authentic pins`: what modules wrote to their devices, and what emulated devices show them.

import { Command } from "commander";
import { AuthenticError } from "../errors";
import { instead } from "../lifecycle/names";
import { named } from "../stack/stack";
import { exportedStack } from "./exported-stack";
import { type ModuleResource, resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";
import { table } from "./table";

const EXAMPLES = [
    ["What the module valve wrote", "authentic pins valve"],
    ["Let the device soil of the module probe show 37", "authentic pins probe soil=37"],
    ["All devices of the board field, and what its sensor sees", "authentic pins field soil=37"],
    ["In hexadecimal, and two at once", "authentic pins probe soil=0x25 light=800"],
] as const;
const NOTES = [
    "Devices of native and emulated nodes are not protected: their pins show what the node says, and anyone who owns the node can set them.",
    "Exit codes: 0 done, 2 the call cannot be carried out.",
];
const DEVICE_READ = 2;
const MAX_VALUE = 0xffff_ffff;

interface Setting {
    readonly module: ModuleResource;
    readonly endpoint: number;
    readonly value: number;
}

/** The subcommand. */
export function pinsCommand(): Command {
    const command = new Command("pins")
        .description("show what a module, or all modules of a node, wrote to their devices, or set what a device shows to them")
        .argument("<module or node>", "name of the module or node")
        .argument("[device=value...]", "devices that the module, or one of the node, reads, with values of 32 bits, decimal or 0x…");
    addExamples(addStackOptions(command, false, "{set: [{module, name, value}], pins: [{module, endpoint, name, value, writes, changedAt}]}"), EXAMPLES, NOTES);
    return command.action(async (name: string, settings: readonly string[], options: StackOptions) => {
        const stack = await exportedStack(options, { secrets: false });
        const resources = resourcesOf(stack);
        named("module or node", name, [...resources.modules, ...resources.nodes]);
        const own = resources.modules.filter((module) => module.name === name);
        const modules = own.length > 0 ? own : resources.modules.filter(({ nodeName }) => nodeName === name);
        // All are checked before the first is set.
        const wanted = settings.map((setting) => parseSetting(setting, name, modules));
        for (const { module, endpoint, value } of wanted) {
            await stack.agent(module.nodeName).setPin(module.instance, endpoint, value);
        }
        const pins = (await Promise.all(modules.map(async (module) => (await stack.agent(module.nodeName).pins(module.instance)).map((pin) => ({
            module: module.name, ...pin, writes: String(pin.writes), changedAt: (pin.changedAt ?? null) === null ? null : new Date(pin.changedAt ?? 0).toISOString(),
        }))))).flat();
        const shown = wanted.map(({ module, endpoint, value }) => ({ module: module.name, name: module.interface?.[endpoint]?.name ?? "", value }));
        print(options.json === true ? [JSON.stringify({ set: shown, pins }, null, 2)] : [
            ...shown.map(({ module, name: device, value }) => `${device} of ${module} shows ${value}`),
            ...(pins.length === 0 ? [`${name} has written nothing`] : table(["DEVICE", "VALUE", "WRITES", "CHANGED", "MODULE"], pins.map(({ module, name: device, value, writes, changedAt }) => [device, String(value), writes, changedAt ?? "-", module]))),
        ]);
    });
}

function parseSetting(text: string, name: string, modules: readonly ModuleResource[]): Setting {
    const [, device = "", digits = ""] = /^([^=]+)=(\d{1,10}|0x[0-9a-fA-F]{1,8})$/.exec(text) ?? [];
    const value = Number(digits);
    if (device === "" || value > MAX_VALUE) {
        throw new AuthenticError("AE-CLI-PIN", `"${text}" is no setting of a device`, "write DEVICE=VALUE with a value of 0 to 4294967295, decimal or 0x…");
    }
    const read = modules.flatMap((module) => (module.interface ?? []).flatMap((one, endpoint) =>
        one.kind === "device" && ((one.flags ?? 0) & DEVICE_READ) !== 0 ? [{ name: one.name, module, endpoint }] : []));
    const [found, another] = read.filter((one) => one.name === device);
    if (found === undefined) {
        throw new AuthenticError("AE-CLI-DEVICE", `"${name}" reads no device "${device}"`, instead(device, read.map((one) => one.name), "devices that it reads"));
    }
    if (another !== undefined) {
        throw new AuthenticError("AE-CLI-DEVICE", `modules "${found.module.name}" and "${another.module.name}" of node "${name}" both read a device "${device}"`, "name the module instead of its node");
    }
    return { module: found.module, endpoint: found.endpoint, value };
}

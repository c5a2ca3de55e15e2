// What a module may declare on a Sancus board; everything else is refused in preview, naming the declaration.
import { readInterface } from "../../build/interface";
import { AuthenticError } from "../../errors";
import type { Declaration, Interface } from "../tee";
import { PORTS, type Port } from "./board";

/** As runtime/kit/ports/sancus has it. */
const LIMITS = { declarations: 16, event: 128, reply: 127, outputs: 192, devices: 3 } as const;
const FRAME_OVERHEAD = 30;
/** Bytes of a pointer of the MSP430. */
export const POINTER = 2;
/** Bytes of an event, and of a write of a device, on the stage. */
const STAGED_OVERHEAD = 6;
const STAGED_DEVICE = 8;
/** What precedes an event in the memory of a step, and what the kit takes for a step besides. */
const FRAME_START = 10;
const KIT_STACK = 224;

const refuse = (module: string, problem: string, nextStep: string): AuthenticError =>
    new AuthenticError("AE-SANCUS-CONSTRUCT", `module "${module}" ${problem}`, nextStep);

const ELSEWHERE = "or place the module on a node of another kind";

function checkOne(module: string, { kind, name, maximum, replyMaximum }: Declaration): void {
    if (kind === "text") throw refuse(module, `declares the configuration text "${name}", but a Sancus board has integers only`, `use an integer, ${ELSEWHERE}`);
    if (["input", "output", "request", "handler"].includes(kind) && maximum > LIMITS.event) throw refuse(module, `declares ${maximum} bytes for ${kind} "${name}", but a Sancus board takes ${LIMITS.event}`, `declare at most ${LIMITS.event} bytes, ${ELSEWHERE}`);
    if (replyMaximum > LIMITS.reply) throw refuse(module, `declares replies of ${replyMaximum} bytes for ${kind} "${name}", but a Sancus board takes ${LIMITS.reply}`, `declare at most ${LIMITS.reply} bytes, ${ELSEWHERE}`);
}

/**
 * The declarations of a board's module.
 *
 * @throws AuthenticError `AE-SANCUS-CONSTRUCT` for what a board cannot do
 */
export function readBoardInterface(module: string, section: Uint8Array): Interface {
    const declarations = readInterface(module, section, POINTER);
    for (const one of declarations) checkOne(module, one);
    if (declarations.length > LIMITS.declarations) throw refuse(module, `has ${declarations.length} declarations, but a Sancus board takes ${LIMITS.declarations}`, `declare fewer, ${ELSEWHERE}`);
    const outputs = declarations.filter(({ kind }) => kind === "output").reduce((sum, { burst, maximum }) => sum + burst * (maximum + FRAME_OVERHEAD), 0);
    if (outputs > LIMITS.outputs) throw refuse(module, `may emit ${outputs} bytes of frames while one event is processed, but a Sancus board has room for ${LIMITS.outputs}`, `declare smaller outputs or bursts, ${ELSEWHERE}`);
    const devices = declarations.filter(({ kind }) => kind === "device");
    if (devices.length > LIMITS.devices) throw refuse(module, `declares ${devices.length} devices, but beside a module a Sancus board has room for ${LIMITS.devices} drivers`, `declare fewer, ${ELSEWHERE}`);
    return declarations;
}

/**
 * Bytes of stack that a module takes beyond what one without requests does: while a function waits for a reply, what it has seen and
 * staged is kept there (runtime/kit/ports/sancus/task.c), and the kit works below it.
 */
export function waitingStack(declarations: Interface): number {
    if (!declarations.some(({ kind }) => kind === "request")) return 0;
    const seen = Math.max(0, ...declarations.filter(({ kind }) => kind === "input" || kind === "handler").map(({ maximum }) => maximum));
    const staged = declarations.filter(({ kind }) => kind === "output").reduce((sum, { burst, maximum }) => sum + burst * (maximum + STAGED_OVERHEAD), 0)
        + declarations.filter(({ kind }) => kind === "device").length * STAGED_DEVICE;
    return 2 * Math.ceil((KIT_STACK + FRAME_START + seen + staged) / 2);
}

/** A device with the port that it is. */
export interface BoardDevice {
    readonly endpoint: number;
    readonly port: Port;
}

/**
 * The ports of a module's devices.
 *
 * @throws AuthenticError `AE-SANCUS-PORT` for a port that the board does not have, or that is given twice
 */
export function boardDevices(module: string, declarations: Interface, devices: Readonly<Record<string, string>>): readonly BoardDevice[] {
    const found = declarations.flatMap(({ kind, name }, endpoint) => {
        if (kind !== "device" || !Object.hasOwn(devices, name)) return [];
        const port = PORTS.get(devices[name] ?? "");
        if (port === undefined) throw new AuthenticError("AE-SANCUS-PORT", `device "${name}" of module "${module}" is at "${devices[name] ?? ""}", which the board does not have`, `give one of ${[...PORTS.keys()].join(", ")} in \`devices: { ${name}: … }\``);
        return [{ endpoint, port }];
    });
    const twice = found.find(({ port }, index) => found.findIndex((other) => other.port === port) !== index);
    if (twice !== undefined) throw new AuthenticError("AE-SANCUS-PORT", `two devices of module "${module}" are at port ${twice.port.name}`, "a port has one driver: give each device a port of its own");
    return found;
}

// How modules are compiled for a Cortex-M33 with the security extension.
import type { Limits } from "../../build/interface";
import type { Target } from "../../build/target";
import type { HandOverRoom, Room } from "../tee";
import { flatten } from "./image";

const EVENT = 4096;
const STAGE = 4 * EVENT;
const EXTRAS = 2048;

/** A state must fit one protocol message together with the connection table. */
const LIMITS: Limits = { declarations: 64, event: EVENT, reply: EVENT - 1, state: 2048, text: 512, outputs: STAGE - EXTRAS, burst: 64 };

/** Slots of the firmware, but for two in which the next instances of updated modules begin; the rest is what TARGET tells the kit. */
export const ROOM: Room = { modules: 8, connections: 16, clients: 4 };

/** What authentic_limits.h makes of EVENT. */
export const HAND_OVER: HandOverRoom = { message: 2 * EVENT - 8, event: EVENT };

/** Soft floating point: the firmware keeps the FPU off, so that no register of it has to be cleared. */
export const CPU = "cortex_m33+soft_float-fp_armv8d16sp-dsp";
export const TRIPLE = "thumb-freestanding-eabi";

export const TARGET: Target = {
    name: "trustzone",
    triple: TRIPLE,
    cpu: CPU,
    cFlags: ["-mfloat-abi=soft", `-DAUTHENTIC_EVENT=${EVENT}`, `-DAUTHENTIC_CONNECTIONS=${ROOM.connections}`, `-DAUTHENTIC_CLIENTS=${ROOM.clients}`, `-DAUTHENTIC_STAGE=${STAGE}`, `-DAUTHENTIC_EXTRAS=${EXTRAS}`, "-DAUTHENTIC_REPORT=640"],
    zigFlags: ["-fPIE", "-fcompiler-rt"],
    optimize: "ReleaseSmall",
    linkFlags: ["-pie", "--no-dynamic-linker"],
    rust: { triple: "thumbv8m.main-none-eabi", flags: ["-Crelocation-model=pic"], optimize: "s" },
    pointer: 4,
    configurationSize: 1024,
    limits: LIMITS,
    flatten,
};

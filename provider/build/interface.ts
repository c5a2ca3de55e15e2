// Reads a module's declarations from its image (docs/protocol.md section 3) and refuses those that the kit could not serve.
import { AuthenticError } from "../errors";
import type { Declaration, Interface } from "../tee/tee";

const NAME = 48;
const FIXED = 16 + NAME;
/** Flag of a migration that forgets. */
export const DROPPED = 1;
const KINDS = ["input", "output", "entry", "request", "handler", "state", "integer", "text", "device", "migration"] as const;

/** What a module may declare: bytes, and numbers of things. */
export interface Limits {
    readonly declarations: number;
    readonly event: number;
    readonly reply: number;
    /** Of all state objects together. */
    readonly state: number;
    readonly text: number;
    /** Of all that may be emitted while one event is processed. */
    readonly outputs: number;
    readonly burst: number;
}

/** What authentic_limits.h says. */
export const LIMITS: Limits = { declarations: 64, event: 65_536, reply: 65_535, state: 65_536, text: 4096, outputs: 8 * 65_536 - 32_768, burst: 256 };

const refuse = (module: string, problem: string, nextStep: string): AuthenticError =>
    new AuthenticError("AE-BUILD-INTERFACE", `module "${module}" ${problem}`, nextStep);

const readOne = (module: string, record: Buffer): Declaration => {
    const kind = KINDS[record.readUInt8(0) - 1];
    const nameEnd = record.indexOf(0, 16);
    const name = record.subarray(16, nameEnd).toString("latin1");
    if (kind === undefined || nameEnd < 16 || nameEnd >= FIXED || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw refuse(module, "has a damaged section .authentic.interface", "declare inputs, outputs and the like with the macros of authentic.h only");
    }
    return {
        kind, name,
        flags: record.readUInt8(1),
        version: record.readUInt16LE(2),
        maximum: record.readUInt32LE(4),
        replyMaximum: record.readUInt32LE(8),
        burst: record.readUInt32LE(12),
    };
};

const most = (module: string, { kind, name }: Declaration, what: string, value: number, limit: number): void => {
    if (value > limit) throw refuse(module, `declares ${what} of ${value} bytes for ${kind} "${name}", more than ${limit}`, `declare at most ${limit} bytes`);
};

const check = (module: string, one: Declaration, limits: Limits): void => {
    if (["input", "output", "entry", "request", "handler"].includes(one.kind)) most(module, one, "a maximum", one.maximum, limits.event);
    if (one.kind === "text") most(module, one, "a text", one.maximum, limits.text);
    most(module, one, "a reply", one.replyMaximum, limits.reply);
    if (one.kind === "output" && (one.burst < 1 || one.burst > limits.burst)) {
        throw refuse(module, `declares a burst of ${one.burst} for output "${one.name}"`, `declare a burst from 1 to ${limits.burst}`);
    }
    if ((one.kind === "state" || (one.kind === "migration" && (one.flags & DROPPED) === 0)) && one.version === 0) {
        throw refuse(module, `gives ${one.kind === "state" ? "state" : "a migration of state"} "${one.name}" the schema 0`, "number schemas from 1 to 65535");
    }
    if (one.kind === "device" && (one.flags < 1 || one.flags > 3)) {
        throw refuse(module, `does not say how device "${one.name}" is used`, "declare it as AUTHENTIC_WRITTEN, AUTHENTIC_READ, or both");
    }
};

/** What becomes of an object of the instance before must be said once. */
const requireOneTaker = (module: string, declarations: Interface): void => {
    const seen = new Set<string>();
    for (const { kind, name, version, flags } of declarations) {
        if (kind !== "state" && kind !== "migration") continue;
        const taken = kind === "migration" && (flags & DROPPED) !== 0 ? `"${name}" of other schemas` : `"${name}" of schema ${version}`;
        if (seen.has(taken)) throw refuse(module, `says twice what becomes of state ${taken}`, "keep one of AUTHENTIC_STATE, AUTHENTIC_MIGRATE and AUTHENTIC_DROP for it, in Rust one of #[state], #[migrate] and #[drop]");
        seen.add(taken);
    }
};

/**
 * The declarations of a module, in endpoint order.
 *
 * @param module - its name, for messages
 * @param section - content of `.authentic.interface`
 * @param pointer - bytes of the target's pointers
 * @param limits - what a module of the target may declare
 * @throws AuthenticError `AE-BUILD-INTERFACE` naming the declaration and the limit
 */
export function readInterface(module: string, section: Uint8Array, pointer: number, limits: Limits = LIMITS): Interface {
    const size = FIXED + 2 * pointer;
    if (section.length === 0) {
        throw refuse(module, "declares nothing", "declare at least one input, output, entry, request or handler with the macros of authentic.h");
    }
    if (section.length % size !== 0) throw refuse(module, "has a damaged section .authentic.interface", "declare inputs, outputs and the like with the macros of authentic.h only");
    const bytes = Buffer.from(section);
    const declarations = Array.from({ length: bytes.length / size }, (_, index) => readOne(module, bytes.subarray(index * size, (index + 1) * size)));
    if (declarations.length > limits.declarations) {
        throw refuse(module, `has ${declarations.length} declarations, more than ${limits.declarations}`, "split it into several modules");
    }
    const names = new Map<string, Declaration>();
    for (const one of declarations) {
        if (one.kind === "migration") {
            check(module, one, limits);
            continue;
        }
        const other = names.get(one.name);
        if (other !== undefined) throw refuse(module, `declares "${one.name}" twice, as ${other.kind} and as ${one.kind}`, "give one of them another name");
        names.set(one.name, one);
        check(module, one, limits);
    }
    requireOneTaker(module, declarations);
    const state = declarations.filter(({ kind }) => kind === "state").reduce((sum, { maximum }) => sum + maximum, 0);
    if (state > limits.state) throw refuse(module, `has ${state} bytes of state, more than ${limits.state}`, "keep less in AUTHENTIC_STATE objects");
    const outputs = declarations.filter(({ kind }) => kind === "output").reduce((sum, { burst, maximum }) => sum + burst * (maximum + 8), 0);
    if (outputs > limits.outputs) {
        throw refuse(module, `may emit ${outputs} bytes while one event is processed, more than ${limits.outputs}`, "declare smaller outputs or bursts");
    }
    return declarations;
}

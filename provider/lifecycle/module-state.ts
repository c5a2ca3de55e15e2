// Properties of a Module, and what follows from their change.

import { z } from "zod";
import type { Assurance } from "../session/session";
import type { HandOverRoom } from "../tee/tee";
import { boardKeySchema, placeSchema } from "./board";
import { isUnknown } from "./plain";
import { platformSchema } from "./platform";
import { excessProblems, lostObjects, schemaChange } from "./state-schema";
import { backendSchema, durationSchema, hexSchema, nameSchema, rawTrustSchema } from "./schemas";

const declarationSchema = z.strictObject({
    kind: z.enum(["input", "output", "entry", "request", "handler", "state", "integer", "text", "device", "migration"]),
    name: z.string(),
    maximum: z.int().optional(),
    replyMaximum: z.int().optional(),
    burst: z.int().optional(),
    version: z.int().optional(),
    flags: z.int().optional(),
});

export const moduleSchema = z.strictObject({
    name: nameSchema,
    deploymentId: hexSchema(16),
    deployerPublicKey: hexSchema(32),
    deployerKey: hexSchema(32),
    nodeName: nameSchema,
    nodeFolder: z.string(),
    /** How the node's machine is reached, where it is another one; a secret. */
    access: z.unknown().optional(),
    tee: z.string(),
    backend: backendSchema,
    /** Of the node; absent where it has none. */
    platform: platformSchema.optional(),
    /** Measurement of the firmware of the node's board, where it has one: with another one the board starts anew. */
    firmware: hexSchema(32).optional(),
    /** Signs the image, where the TEE wants that; a secret. */
    vendorKey: z.string().optional(),
    /** Whose signature the evidence has to show. */
    signer: hexSchema(32).optional(),
    /** Where it goes on a board, and the vendor key of that. */
    place: placeSchema,
    boardKey: boardKeySchema,
    source: z.array(z.string().min(1, "must name a file")).min(1, "must name at least one source"),
    includes: z.array(z.string()).optional(),
    defines: z.record(z.string(), z.string()).optional(),
    config: z.record(z.string(), z.union([z.number(), z.string()], "must be a number or a text")),
    entryTimeLimit: durationSchema(1, 600_000),
    onStateLoss: z.enum(["fail", "restart"]),
    trust: rawTrustSchema,
    // What the program found by compiling; absent where it does not compile, which is reported as a problem.
    devices: z.record(z.string(), z.string()).optional(),
    codeMeasurement: hexSchema(32).optional(),
    kit: hexSchema(32).optional(),
    toolchain: z.record(z.string(), z.string()).optional(),
    interface: z.array(declarationSchema).optional(),
    measurement: hexSchema(32).optional(),
    /** Bytes of the image in memory. */
    sizes: z.strictObject({ text: z.int(), data: z.int() }).optional(),
    /** Always `running`; see the Node. */
    state: z.string(),
    /** Why the module was or is to be restarted last. */
    lastChange: z.string().optional(),
});

export const moduleKeys = Object.keys(moduleSchema.shape);

export type ModuleInputs = z.infer<typeof moduleSchema>;

export interface ModuleOutputs extends ModuleInputs {
    instance: string;
    incarnation: string;
    /** Why the last update could not keep the module's state; absent where it did. */
    lastLoss?: string;
    assurance: Assurance;
    /** What the maker of the platform says of its state; absent where nobody says anything. */
    tcbStatus?: string;
    /** Security advisories that concern the platform. */
    advisories?: readonly string[];
    /** SHA-256 of the image that was loaded. */
    imageDigest: string;
}

/** Found by a refresh in the middle of an update. */
export const HANDING_OVER = "handing over";

/** States out of which a module has to be started anew. */
const LOST: readonly string[] = ["missing", "exited", "failed", "replaced", "unresponsive"];

/** What an update does to the module. */
export interface Change {
    /** For people: why, from what to what. */
    readonly reason: string;
    /** Whether the next instance takes the state over; else it begins anew. */
    readonly handsOver: boolean;
    /** Whether another instance has to be started. */
    readonly restarts: boolean;
    /** Why it cannot be handed over: what of the state would be lost, or has no room. */
    readonly problems: readonly string[];
}

/**
 * What an update does to the module.
 *
 * @param olds - inputs in state, after a refresh with what it found
 * @param room - of a hand-over from one to the other; undefined where there is none
 * @returns undefined where it goes on as it is
 */
export function changeOf(olds: Partial<ModuleInputs>, news: Partial<ModuleInputs>, room: HandOverRoom | undefined): Change | undefined {
    const { state, measurement, interface: before = [] } = olds;
    if (measurement === undefined || state === undefined) {
        return undefined;
    }
    const [word = ""] = state.split(":");
    const differences = differencesOf(olds, news);
    if (word === "restarted" || LOST.includes(word)) {
        return { reason: `the last refresh found the module ${state}`, handsOver: false, restarts: word !== "restarted" || differences.length > 0, problems: [] };
    }
    if (differences.length === 0) {
        return word === HANDING_OVER ? { reason: "an interrupted update is completed", handsOver: true, restarts: true, problems: [] } : undefined;
    }
    const after = isUnknown(news.interface) || news.interface === undefined ? before : news.interface;
    const schema = room === undefined ? undefined : schemaChange(before, after);
    return { reason: [...differences, ...(schema === undefined ? [] : [schema])].join(", "), handsOver: room !== undefined, restarts: true,
        problems: room === undefined ? [] : [...lostObjects(before, after), ...excessProblems(before, room)] };
}

function differencesOf(olds: Partial<ModuleInputs>, news: Partial<ModuleInputs>): string[] {
    const { measurement, nodeName, tee, backend, signer, firmware, entryTimeLimit } = olds;
    const found: string[] = [];
    if (nodeName !== news.nodeName || tee !== news.tee || backend !== news.backend) {
        found.push(`moved from node ${String(nodeName)} to ${String(news.nodeName)}`);
    }
    if (isKnown(news.measurement) && measurement !== news.measurement) {
        found.push(`measurement ${String(measurement).slice(0, 12)}… → ${news.measurement.slice(0, 12)}…`);
    }
    if (isKnown(signer) && isKnown(news.signer) && signer !== news.signer) {
        found.push(`vendor key ${signer.slice(0, 12)}… → ${news.signer.slice(0, 12)}…`);
    }
    if (isKnown(firmware) && isKnown(news.firmware) && firmware !== news.firmware) {
        found.push(`firmware of the board ${firmware.slice(0, 12)}… → ${news.firmware.slice(0, 12)}…`);
    }
    if (entryTimeLimit !== news.entryTimeLimit) {
        found.push(`time limit ${String(entryTimeLimit)} → ${String(news.entryTimeLimit)}`);
    }
    return found;
}

function isKnown(value: string | undefined): value is string {
    return value !== undefined && !isUnknown(value);
}

// Properties of a Module, and what follows from their change.

import { z } from "zod";
import type { Assurance } from "../session/session";
import { boardKeySchema, placeSchema } from "./board";
import { isUnknown } from "./plain";
import { platformSchema } from "./platform";
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
    assurance: Assurance;
    /** What the maker of the platform says of its state; absent where nobody says anything. */
    tcbStatus?: string;
    /** Security advisories that concern the platform. */
    advisories?: readonly string[];
    /** SHA-256 of the image that was loaded. */
    imageDigest: string;
}

/** States out of which a module has to be started anew. */
const LOST: readonly string[] = ["missing", "exited", "failed", "replaced", "unresponsive"];

/**
 * Why the module's state is lost: it has to be started anew, or somebody else has done so already.
 *
 * @param olds - inputs in state, after a refresh with what it found
 * @returns for people; undefined where nothing is lost
 */
export function lossReason(olds: Partial<ModuleInputs>, news: Partial<ModuleInputs>): string | undefined {
    return olds.state === "restarted" ? "the last refresh found the module restarted" : restartReason(olds, news);
}

/**
 * Why the module has to be started anew.
 *
 * @param olds - inputs in state, after a refresh with what it found
 * @returns for people; undefined where it can go on
 */
export function restartReason(olds: Partial<ModuleInputs>, news: Partial<ModuleInputs>): string | undefined {
    const { state, measurement, nodeName, tee, backend } = olds;
    if (measurement === undefined || state === undefined) {
        return undefined;
    }
    const [word = ""] = state.split(":");
    if (LOST.includes(word)) {
        return `the last refresh found the module ${state}`;
    }
    if (nodeName !== news.nodeName || tee !== news.tee || backend !== news.backend) {
        return `moved from node ${String(nodeName)} to ${String(news.nodeName)}`;
    }
    if (news.measurement !== undefined && measurement !== news.measurement) {
        return `measurement ${measurement.slice(0, 12)}… → ${news.measurement.slice(0, 12)}…`;
    }
    if (isKnown(olds.signer) && isKnown(news.signer) && olds.signer !== news.signer) {
        return `vendor key ${olds.signer.slice(0, 12)}… → ${news.signer.slice(0, 12)}…`;
    }
    if (isKnown(olds.firmware) && isKnown(news.firmware) && olds.firmware !== news.firmware) {
        return `firmware of the board ${olds.firmware.slice(0, 12)}… → ${news.firmware.slice(0, 12)}…`;
    }
    return olds.entryTimeLimit === news.entryTimeLimit ? undefined : `time limit ${String(olds.entryTimeLimit)} → ${String(news.entryTimeLimit)}`;
}

function isKnown(value: string | undefined): value is string {
    return value !== undefined && !isUnknown(value);
}

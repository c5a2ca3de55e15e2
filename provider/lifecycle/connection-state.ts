// Properties of a Connection, and what follows from their change.

import { hostPort } from "../addresses";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Assurance } from "../session/session";
import { boardKeysSchema, placeSchema } from "./board";
import { place } from "./identity";
import { platformSchema } from "./platform";
import { backendSchema, hexSchema, nameSchema, rawTrustSchema } from "./schemas";

const endSchema = z.strictObject({
    module: nameSchema,
    /** Of the declaration. */
    name: z.string(),
    /** Its number; absent where there is no such declaration, which is reported as a problem. */
    endpoint: z.int().min(0).max(0xffff).optional(),
    tee: z.string(),
    backend: backendSchema,
    nodeFolder: z.string(),
    platform: platformSchema.optional(),
    signer: hexSchema(32).optional(),
    measurement: hexSchema(32).optional(),
    incarnation: hexSchema(16),
});

export const connectionSchema = z.strictObject({
    name: nameSchema,
    deploymentId: hexSchema(16),
    deployerKey: hexSchema(32),
    kind: z.enum(["event", "request", "deployer"]),
    /** Absent: the deployer. */
    from: endSchema.optional(),
    to: endSchema.extend({
        /** Where the receiver's node accepts events. */
        eventAddress: z.strictObject({ host: z.string(), port: z.int() }).optional(),
    }),
    delivery: z.enum(["strict", "latest"], "must be `strict` or `latest`"),
    suite: z.enum(["none", "chacha20-poly1305", "aes-128-gcm", "spongewrap-128", "spongewrap-64"]),
    window: z.int("must be a whole number").min(1, "must be 1 to 1024").max(1024, "must be 1 to 1024"),
    rotate: z.unknown().optional(),
    rotation: z.enum(["drain", "compromise"], "must be `drain` or `compromise`"),
    minAssurance: z.enum(["hardware", "emulated", "none"], "must be `hardware`, `emulated` or `none`"),
    trust: rawTrustSchema,
    /** How the machines of its ends are reached, where they are others; a secret. */
    access: z.unknown().optional(),
    /** Vendor keys of the boards that its ends run on. */
    boardKeys: boardKeysSchema,
    /** Where the sender's board goes. */
    senderPlace: placeSchema,
    /** Always `active`; see the Node. */
    state: z.string(),
    /** Why it got or is to get a new key last. */
    lastChange: z.string().optional(),
});

export const connectionKeys = Object.keys(connectionSchema.shape);

export type EndInputs = z.infer<typeof endSchema>;
export type ConnectionInputs = z.infer<typeof connectionSchema>;

export interface ConnectionOutputs extends ConnectionInputs {
    connection: number;
    /** Decimal; "0" for a connection from the deployer, which has no key. */
    epoch: string;
    keyId: string;
    assurance: Assurance;
}

/** Where a receiver's node accepts events, as routes have it: `127.0.0.1:7000`, `[::1]:7000`. */
export function addressOf({ eventAddress }: ConnectionInputs["to"]): string | undefined {
    if (eventAddress === undefined) {
        return undefined;
    }
    const { host, port } = eventAddress;
    return hostPort(host, port);
}

/** An end with the key of its board, where it runs on one. */
export function keyed<E extends EndInputs>(end: E, { from, boardKeys }: Pick<ConnectionInputs, "from" | "boardKeys">): E & { readonly boardKey?: string | undefined } {
    return { ...end, boardKey: end.module === from?.module ? boardKeys?.from : boardKeys?.to };
}

/** Properties whose change makes it another connection. */
export function replacedKeys(olds: ConnectionInputs, news: ConnectionInputs): string[] {
    return [
        ...(isDeepStrictEqual(place(olds.from), place(news.from)) ? [] : ["from"]),
        ...(isDeepStrictEqual(place(olds.to), place(news.to)) ? [] : ["to"]),
        ...(["name", "deploymentId", "kind", "delivery"] as const).filter((key) => olds[key] !== news[key]),
    ];
}

/** Whether both ends are the same, so that the old connection must not run beside the new one. */
export function sameEnds(olds: ConnectionInputs, news: ConnectionInputs): boolean {
    return isDeepStrictEqual([place(olds.from), place(olds.to)], [place(news.from), place(news.to)]);
}

/** Whether a new key is asked for, or needed: what is fixed with a key has changed, or an instance had the present one that no longer is the module. */
export function needsRotation(olds: ConnectionInputs, news: ConnectionInputs): boolean {
    return !isDeepStrictEqual(olds.rotate, news.rotate) || olds.window !== news.window || olds.suite !== news.suite
        || olds.from?.incarnation !== news.from?.incarnation || olds.to.incarnation !== news.to.incarnation;
}

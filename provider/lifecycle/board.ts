// Boards in resource properties: a node's settings and keys, and modules on boards as the session driver sees them.

import { randomBytes } from "node:crypto";
import { z } from "zod";
import { sancusModuleKey, sancusVendorKey, sancusVerifyTag } from "../crypto/sancus-keys";
import { publishedTestKey } from "../attest/test-keys";
import { AuthenticError } from "../errors";
import { equalBytes, fromHex, hex } from "../protocol/bytes";
import type { BoardKeys } from "../session/session";
import type { BoardPlace } from "../tee/tee";
import type { SancusImage } from "../tee/sancus/image";
import { type Problem, problem } from "./problems";
import { type Agent, type BoardReport, surroundings } from "./surroundings";

const keySchema = z.string().regex(/^(?:[0-9a-f]{16}|[0-9a-f]{32})$/, "must be a key of 64 or 128 bits: 16 or 32 lower-case hexadecimal digits");

/** A node's board. */
export const boardFields = {
    vendorId: z.int("must be a whole number").min(1, "must be 1 to 65535").max(0xffff, "must be 1 to 65535").optional(),
    security: z.union([z.literal(64), z.literal(128)], "must be 64 or 128").optional(),
    freshness: z.enum(["none", "rng", "nv"], "must be `none`, `rng` or `nv`").optional(),
    acceptResetReplay: z.boolean().optional(),
    nodeKey: keySchema.optional(),
    vendorKey: keySchema.optional(),
    device: z.string().min(1).optional(),
    baud: z.int().min(9600, "must be 9600 to 1000000").max(1_000_000, "must be 9600 to 1000000").optional(),
} as const;

/** A node's board, as the properties have it. */
export type BoardInputs = z.infer<z.ZodObject<typeof boardFields>>;

/** Where a module goes on a board, besides its devices. */
export const placeSchema = z.strictObject({
    security: z.union([z.literal(64), z.literal(128)]),
    freshness: z.enum(["none", "rng", "nv"]),
    vendorId: z.int(),
    slot: z.int(),
    acceptResetReplay: z.boolean(),
}).optional();

export type PlaceInputs = z.infer<typeof placeSchema>;

/** The vendor key of a module's board, hexadecimal; a secret. */
export const boardKeySchema = keySchema.optional();
export const boardKeysSchema = z.strictObject({ from: boardKeySchema, to: boardKeySchema }).optional();

/** What the builder needs to know. */
export const placeOf = (place: PlaceInputs, devices: Readonly<Record<string, string>> | undefined): { board?: BoardPlace } =>
    place === undefined ? {} : { board: { security: place.security, freshness: place.freshness, vendorId: place.vendorId, slot: place.slot, devices: devices ?? {} } };

/** Problems of a node's board settings; `inputs` may hold unknown values, which are left alone. */
export function boardProblems(tee: string, backend: unknown, inputs: Readonly<Record<string, unknown>>): Problem[] {
    const given = (name: string) => inputs[name] !== undefined;
    const problems: Problem[] = [];
    if (tee === "trustzone") {
        problems.push(...lineProblems(backend, given("device")));
    }
    if (tee !== "sancus") {
        return problems.concat(Object.keys(boardFields).filter((name) => given(name) && (tee !== "trustzone" || name !== "device")).map((name) => problem(name, "belongs to Sancus boards; omit it, or use `tee: \"sancus\"`")));
    }
    if (!given("vendorId")) problems.push(problem("vendorId", "a Sancus node needs the id under which its modules are keyed, 1 to 65535, such as `vendorId: 0x1234`"));
    if (given("nodeKey") && given("vendorKey")) problems.push(problem("vendorKey", "follows from the node key; give one of the two"));
    if (backend === "emulated" && given("device")) problems.push(problem("device", "an emulated board hangs at no serial port; omit it, or use `backend: \"hardware\"`"));
    if (backend === "emulated" && given("vendorKey")) problems.push(problem("vendorKey", "an emulated board has a node key; give that, or neither, to have one drawn"));
    if (backend !== "emulated" && !given("device")) problems.push(problem("device", "needs the serial port of the board, such as `device: \"/dev/ttyUSB0\"`; or use `backend: \"emulated\"`"));
    if (backend !== "emulated" && !given("nodeKey") && !given("vendorKey")) problems.push(problem("vendorKey", "needs the vendor's key for this board as a secret, or the node key; nobody can key its modules without"));
    for (const name of ["nodeKey", "vendorKey"]) problems.push(...keyProblems(name, inputs[name], inputs["security"] ?? 128));
    return problems;
}

/** Where a TrustZone board is. */
function lineProblems(backend: unknown, given: boolean): Problem[] {
    if (backend === "emulated") return given ? [problem("device", "an emulated board runs on the node itself; omit it, or use `backend: \"hardware\"`")] : [];
    return given ? [] : [problem("device", "needs the network interface that the board is connected to, such as `device: \"eth1\"`; or use `backend: \"emulated\"`")];
}

function keyProblems(name: string, key: unknown, security: unknown): Problem[] {
    if (typeof key !== "string" || !keySchema.safeParse(key).success) return [];
    const publication = publishedTestKey(fromHex(name, key));
    if (publication !== null) return [problem(name, `is ${publication}, which everybody has; use a key of your own`)];
    return typeof security === "number" && key.length * 4 !== security ? [problem(name, `has ${key.length * 4} bits, but the node's \`security\` is ${security}`)] : [];
}

/** Keys of a node beside those given; secrets. */
export interface BoardOutputs {
    /** Node key that was drawn for an emulated board. */
    readonly drawnKey?: string;
    /** The vendor's key, from which the keys of modules follow. */
    readonly boardKey?: string;
    /** Since when its agent runs it as it is. */
    readonly boardSince?: string;
}

/** What follows from the keys given, or from one drawn for an emulated board. */
export function boardKeys({ nodeKey, vendorKey, security = 128, vendorId = 0 }: BoardInputs, olds: BoardOutputs = {}): BoardOutputs {
    if (vendorKey !== undefined) return { boardKey: vendorKey };
    const drawnKey = nodeKey === undefined ? olds.drawnKey ?? hex(randomBytes(security / 8)) : undefined;
    const boardKey = hex(sancusVendorKey(fromHex("node key", nodeKey ?? drawnKey ?? ""), vendorId));
    return drawnKey === undefined ? { boardKey } : { drawnKey, boardKey };
}

/** Makes the node's board run. */
export async function ensureBoard(folder: string, backend: string | undefined, inputs: BoardInputs, nodeKey: string | undefined): Promise<Pick<BoardOutputs, "boardSince">> {
    const { freshness = "rng", device, baud } = inputs;
    const agent = await (await surroundings()).agent(folder);
    if (backend !== "emulated") {
        return sinceOf(await agent.startBoard({ kind: "serial", device: device ?? "", baud: baud ?? 115_200 }));
    }
    const { buildFirmware, BAUD, CLOCK_HZ } = await import("../tee/sancus/firmware.js");
    const firmware = await buildFirmware(baud ?? BAUD);
    return sinceOf(await agent.startBoard({
        kind: "emulated", firmware: firmware.toString("base64"), nodeKey: Buffer.from(nodeKey ?? "", "hex").toString("base64"), freshness, clockHz: CLOCK_HZ,
    }));
}

function sinceOf({ since }: BoardReport): Pick<BoardOutputs, "boardSince"> {
    return since === undefined ? {} : { boardSince: since };
}

/** What a refresh finds: `running`, or how the board is not what it was. */
export async function boardState({ boardSince }: BoardOutputs, agent: Agent): Promise<string> {
    const found = await agent.board();
    if (found === undefined) return "board stopped";
    return boardSince === undefined || found.since === boardSince ? "running" : "another board was put in the place of the node's";
}

/**
 * Keys of a module on a board. Its image comes from the agent, which nobody trusts: it counts only if its measurement is
 * the planned one, and the keys follow from it.
 */
export function keysOf(fetchImage: () => Promise<Uint8Array>, measurement: Uint8Array, boardKey: string): BoardKeys {
    const image = async (): Promise<SancusImage> => {
        const { decodeSancusImage, sancusMeasurement } = await import("../tee/sancus/image.js");
        const bytes = await fetchImage();
        if (!equalBytes(sancusMeasurement(bytes), measurement)) {
            throw new AuthenticError("AE-BOARD-IMAGE", "the node's agent shows another image than the one that was planned", "run `pulumi up`, which loads the planned one");
        }
        return decodeSancusImage(bytes);
    };
    return {
        async moduleKey() {
            const [module] = (await image()).parts;
            const vendorKey = fromHex("vendor key", boardKey);
            try {
                return sancusModuleKey(vendorKey, module?.identity ?? { text: new Uint8Array(0), layout: { publicStart: 0, publicEnd: 0, secretStart: 0, secretEnd: 0 } });
            } finally {
                vendorKey.fill(0);
            }
        },
        async driverTag(endpoint) {
            const driver = (await image()).parts.find((part) => part.port !== 0 && part.endpoint === endpoint);
            if (driver === undefined) throw new AuthenticError("AE-BOARD-DEVICE", `the module has no driver for its device ${endpoint}`, "name the port in `devices` of the Module");
            return sancusVerifyTag(boardKey.length === 16 ? 64 : 128, driver.identity);
        },
    };
}

/** Devices and strict connections that an exact replay after a reset would fool. */
export const replayable = (place: PlaceInputs): boolean => place?.freshness === "none" && !place.acceptResetReplay;

export const REPLAY_REMEDY = "use a board with `freshness: \"rng\"` or `\"nv\"`, or accept the risk with `acceptResetReplay: true` on its Node";


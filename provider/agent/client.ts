// The client of an agent's control interface (docs/agent-api.md). What it returns is the word of an untrusted party.
import { z } from "zod";
import type { Fetched } from "../attest/collateral/fetch";
import { encodePem } from "../attest/x509/pem";
import { AuthenticError } from "../errors";
import type { Channel, MessageType, Reply } from "../session/session";
import { parseLocation } from "../ssh/settings";
import { type Answer, call, callRaw, clean, failureOf } from "./http";
import { lines } from "./stream";

const id = z.string().regex(/^[0-9a-f]{32}$/);
/** 64-bit counters are numbers below 2^53, else decimal strings. */
const counter = z.union([z.int().nonnegative(), z.string().regex(/^\d{1,20}$/)]);
const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64")));
const text = z.string().transform(clean);
const port = z.int().min(0).max(65_535);

const hexadecimal = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
/** What identifies the platform of an emulated TEE; hardware is identified by its evidence alone. */
const platformSchema = z.discriminatedUnion("backend", [
    z.object({ tee: z.literal("sgx"), backend: z.literal("emulated"), rootCertificate: base64, ppid: hexadecimal(16), fmspc: hexadecimal(6), pceid: hexadecimal(2) })
        .transform(({ rootCertificate, ppid, ...rest }) => ({ ...rest, id: ppid, root: encodePem("CERTIFICATE", rootCertificate) })),
    z.object({ tee: z.string(), backend: z.literal("hardware") }).transform(() => undefined),
]);
const aboutSchema = z.object({
    agent: text, protocols: z.array(z.string()), node: z.string(), pid: z.int().positive(), folder: z.string(),
    eventAddress: z.object({ host: z.union([z.ipv4(), z.ipv6()]), port }), tees: z.array(z.string()), platform: platformSchema.optional(),
});
const connectionSchema = z.object({
    connection: z.int().positive(), endpoint: z.int(), direction: z.string(), delivery: z.string(), state: z.string(),
    epoch: counter, next: counter, sent: counter, received: counter, delivered: counter, acknowledged: counter, queued: counter, gaps: counter,
    resent: counter.default(0), dropped: counter.default(0),
    refused: z.record(z.string(), counter), route: z.object({ address: z.string(), instance: id }).nullish(), connected: z.boolean(),
});
const instanceSchema = z.object({
    instance: id, name: text, deployment: id, tee: z.string(), imageDigest: z.string().regex(/^[0-9a-f]{64}$/),
    state: z.enum(["running", "failed", "exited"]), reason: text.optional(), pid: z.int().positive().optional(), version: z.string().max(64), startedAt: text,
    connections: z.array(connectionSchema), triggers: z.array(z.object({ name: z.string(), endpoint: z.int(), everyMs: z.int(), fired: counter, full: counter })),
    entries: counter.default(0), sockets: z.int().nonnegative().default(0),
});
const pinsSchema = z.object({ pins: z.array(z.object({ endpoint: z.int(), name: text, value: z.int(), writes: counter, changedAt: z.number().nullish() })) });
const tracedSchema = z.union([
    z.object({ missed: z.int().positive() }),
    z.object({
        at: z.number(), connection: z.int().nonnegative(), event: z.enum(["sent", "delivered", "refused"]), counter, bytes: z.int().optional(), reason: text.optional(),
    }),
]);
const replySchema = z.union([
    z.object({ type: z.literal("refused"), code: z.int() }),
    z.object({ type: z.literal("m2"), body: base64, evidence: z.object({ type: z.int(), body: base64 }) }),
    z.object({ type: z.enum(["m4", "activated", "result", "prepared", "aborted", "released", "accepted", "offered"]), body: base64 }),
]);

const handOverSchema = z.object({ prepare: base64.optional(), offer: base64.optional(), released: base64.optional() });
/** As many as a module host keeps, with their lengths. */
const MAX_FRAME_BYTES = 320 << 20;
const FRAMES_MS = 300_000;

const trustzoneSchema = z.object({
    instanceId: z.string().regex(/^[0-9a-f]{66}$/), publicKey: z.string().regex(/^[0-9a-f]{130}$/), implementationId: z.string().regex(/^[0-9a-f]{64}$/),
    firmware: z.string().regex(/^[0-9a-f]{64}$/), lifecycle: z.int(), slots: z.int(), restarts: z.int(),
});

/** What the node's TrustZone board says about itself. */
export type TrustzoneFacts = z.infer<typeof trustzoneSchema>;
/** Messages of a hand-over that outlive who sent and answered them. */
export type HandOverRecord = z.infer<typeof handOverSchema>;
/** What an agent says about itself. */
export type AgentAbout = z.infer<typeof aboutSchema>;
/** What an agent says about an instance. */
export type AgentInstance = z.infer<typeof instanceSchema>;
/** What a module wrote to a device, or reads from it. */
export type Pin = z.infer<typeof pinsSchema>["pins"][number];

/** What became of an event or request, or how many of them were forgotten before anybody read them. */
export type TracedEvent = z.infer<typeof tracedSchema>;

/** A module to start. */
export interface StartRequest {
    readonly name: string;
    /** 32 hexadecimal digits. */
    readonly deployment: string;
    readonly tee: string;
    readonly image: Uint8Array;
    readonly entryTimeLimitMs: number;
    readonly interface: readonly { readonly name: string; readonly kind: string }[];
}

const boardSchema = z.object({ kind: text, pid: z.int().positive(), boots: counter, cycles: counter, repeated: counter, spoiled: counter, unexpected: counter, violations: counter, instances: z.array(id), since: z.string().regex(/^\d{1,30}$/).optional() });
/** What an agent says about the node's board. */
export type BoardStatus = z.infer<typeof boardSchema>;

/** A board to start; bytes are base64. */
export type BoardRequest =
    | { readonly kind: "emulated"; readonly firmware: string; readonly nodeKey: string; readonly freshness: "none" | "rng" | "nv"; readonly clockHz: number }
    | { readonly kind: "serial"; readonly device: string; readonly baud: number };

/**
 * Calls one agent. Every method throws AuthenticError: `AE-AGENT-UNREACHABLE` or `AE-AGENT-TIMEOUT` where the agent does
 * not answer, `AE-AGENT-ANSWER` where it answers nonsense, else what it says itself.
 *
 * @example
 * const agent = new AgentClient(folder);
 * const { eventAddress } = await agent.about();
 */
export class AgentClient {
    /** @param folder - of the node, with the socket in it: absolute, or `ssh://user@host:22/…` */
    constructor(readonly folder: string) {}

    /** What the agent says about itself; the folder as we name it, where it is on another machine. */
    async about(timeoutMs?: number): Promise<AgentAbout> {
        const about = await this.get(aboutSchema, "/v1", timeoutMs);
        return parseLocation(this.folder) === undefined ? about : { ...about, folder: this.folder };
    }

    async instances(): Promise<AgentInstance[]> {
        return (await this.get(z.object({ instances: z.array(instanceSchema) }), "/v1/instances")).instances;
    }

    /** Undefined where the agent has no such instance. */
    async instance(instance: string): Promise<AgentInstance | undefined> {
        const answer = await call(this.folder, "GET", at(instance));
        return answer.status === 404 ? undefined : decode(instanceSchema, successful(answer));
    }

    /** Starts a module host; one that runs the same image already stays. */
    async start(instance: string, { image, ...rest }: StartRequest): Promise<AgentInstance> {
        const body = { ...rest, image: Buffer.from(image).toString("base64") };
        return decode(instanceSchema, successful(await call(this.folder, "PUT", at(instance), body)));
    }

    /** Puts the successor of an instance in its place. @param version - only if the successor still is what was seen */
    async promote(instance: string, version?: string): Promise<void> {
        successful(await call(this.folder, "POST", at(instance, "promotion") + onlyIf(version)));
    }

    /** What the agent has kept of a hand-over of an instance; empty where there was none. */
    handOver(instance: string): Promise<HandOverRecord> {
        return this.get(handOverSchema, at(instance, "hand-over"));
    }

    /** The unacknowledged frames of an instance that is prepared for a hand-over, each behind its length. */
    async frames(instance: string): Promise<Uint8Array> {
        const { status, body } = await callRaw(this.folder, "GET", at(instance, "frames"), undefined, FRAMES_MS, MAX_FRAME_BYTES);
        successful({ status, body: status === 200 ? "" : Buffer.from(body).toString("utf8") });
        return body;
    }

    /** Gives them to the instance that takes over. */
    async putFrames(instance: string, frames: Uint8Array): Promise<void> {
        successful(await call(this.folder, "PUT", at(instance, "frames"), frames, FRAMES_MS));
    }

    /** Ends a module host and removes its folder; also where there is none. @param version - only if it still is what was seen */
    async remove(instance: string, version?: string): Promise<void> {
        successful(await call(this.folder, "DELETE", at(instance) + onlyIf(version)));
    }

    async setRoute(instance: string, connection: number, route: { readonly address: string; readonly instance: string }): Promise<void> {
        successful(await call(this.folder, "PUT", at(instance, "routes", connection), route));
    }

    /** Also where there is no such route or instance. */
    async removeRoute(instance: string, connection: number): Promise<void> {
        gone(await call(this.folder, "DELETE", at(instance, "routes", connection)));
    }

    async setTrigger(instance: string, name: string, trigger: { readonly endpoint: number; readonly everyMs: number }): Promise<void> {
        successful(await call(this.folder, "PUT", at(instance, "triggers", name), trigger));
    }

    /** Also where there is no such trigger or instance. */
    async removeTrigger(instance: string, name: string): Promise<void> {
        gone(await call(this.folder, "DELETE", at(instance, "triggers", name)));
    }

    /** The image that an instance was started with. */
    async image(instance: string): Promise<Uint8Array> {
        return (await this.get(z.object({ image: base64 }), at(instance, "image"))).image;
    }

    /** Makes the node's board run; one that runs as described goes on. */
    async startBoard(board: BoardRequest): Promise<BoardStatus> {
        return decode(boardSchema, successful(await call(this.folder, "PUT", "/v1/board", board)));
    }

    /** Undefined where no board runs. */
    async board(): Promise<BoardStatus | undefined> {
        const answer = await call(this.folder, "GET", "/v1/board");
        return answer.status === 404 ? undefined : decode(boardSchema, successful(answer));
    }

    /** Calls an entry once, without data. */
    async callEntry(instance: string, endpoint: number): Promise<"done" | "full"> {
        const answer = successful(await call(this.folder, "POST", at(instance, "entries", endpoint)));
        return decode(z.object({ result: z.enum(["done", "full"]) }), answer).result;
    }

    async pins(instance: string): Promise<Pin[]> {
        return (await this.get(pinsSchema, at(instance, "pins"))).pins;
    }

    async setPin(instance: string, endpoint: number, value: number): Promise<void> {
        successful(await call(this.folder, "PUT", at(instance, "pins", endpoint), { value }));
    }

    /** The last lines of a module host's log, or of the agent's own where none is named. */
    async logs(instance: string | undefined, count = 100): Promise<string> {
        return successful(await call(this.folder, "GET", `${logOf(instance)}?lines=${count}`)).body;
    }

    /** The same, and what is added to it. Ends with the instance, the agent, or the signal. */
    follow(instance: string | undefined, count: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
        return lines(this.folder, `${logOf(instance)}?lines=${count}&follow=true`, signal);
    }

    /** What becomes of a module's events from now on. Ends with the module host, the agent, or the signal. */
    async *events(instance: string, signal: AbortSignal): AsyncGenerator<TracedEvent, void, void> {
        for await (const line of lines(this.folder, at(instance, "events"), signal)) yield decode(tracedSchema, { status: 200, body: line });
    }

    /** The node's TrustZone board; undefined where none runs. */
    async trustzone(): Promise<TrustzoneFacts | undefined> {
        const answer = await call(this.folder, "GET", "/v1/trustzone");
        return answer.status === 404 ? undefined : decode(trustzoneSchema, successful(answer));
    }

    /** Runs a TrustZone board with this software; one that does is left alone. Another one ends, with every module on it. */
    async putTrustzone(software: { readonly firmware: Uint8Array; readonly nonsecure: Uint8Array; readonly device?: string }): Promise<TrustzoneFacts> {
        const [firmware, nonsecure] = [software.firmware, software.nonsecure].map((image) => Buffer.from(image).toString("base64"));
        return decode(trustzoneSchema, successful(await call(this.folder, "PUT", "/v1/trustzone", { firmware, nonsecure, ...(software.device === undefined ? {} : { device: software.device }) })));
    }

    /** Ends the TrustZone board, and every module on it; also where none runs. */
    async endTrustzone(): Promise<void> {
        successful(await call(this.folder, "DELETE", "/v1/trustzone"));
    }

    /** Ends all module hosts, then the agent. */
    async shutdown(): Promise<void> {
        successful(await call(this.folder, "POST", "/v1/shutdown"));
    }

    /** A way to one module for the session driver. */
    channel(instance: string): Channel {
        return {
            send: async (type: MessageType, body: Uint8Array): Promise<Reply> => {
                const message = { type, body: Buffer.from(body).toString("base64") };
                return decode(replySchema, successful(await call(this.folder, "POST", at(instance, "messages"), message)));
            },
        };
    }

    /**
     * Gets a document of the emulated platform's provisioning service, byte for byte. What it says is signed.
     *
     * @param path - path and query as at Intel's service, such as `/sgx/certification/v4/qe/identity`
     */
    async collateral(path: string): Promise<Fetched> {
        try {
            const { status, headers, body } = await callRaw(this.folder, "GET", `/v1/platform/pcs${path}`);
            if (status !== 200) return { ok: false, problem: `HTTP ${status}` };
            const kept = Object.entries(headers).flatMap(([name, value]): [string, string][] => typeof value === "string" ? [[name, value]] : []);
            return { ok: true, body, headers: new Headers(kept) };
        } catch (error) {
            // What was fetched before may still do.
            if (error instanceof AuthenticError) return { ok: false, problem: error.message };
            throw error;
        }
    }

    private async get<T>(schema: z.ZodType<T>, target: string, timeoutMs?: number): Promise<T> {
        return decode(schema, successful(await call(this.folder, "GET", target, undefined, timeoutMs)));
    }
}

function at(instance: string, ...rest: readonly (string | number)[]): string {
    return ["/v1/instances", instance, ...rest.map((part) => encodeURIComponent(part))].join("/");
}

function onlyIf(version: string | undefined): string {
    return version === undefined ? "" : `?version=${encodeURIComponent(version)}`;
}

function logOf(instance: string | undefined): string {
    return instance === undefined ? "/v1/logs" : at(instance, "logs");
}

function successful(answer: Answer): Answer {
    if (answer.status < 200 || answer.status > 299) throw failureOf(answer);
    return answer;
}

/** What is to be removed may be gone: with its instance, or with the module host that held it. */
function gone(answer: Answer): void {
    if (answer.status !== 404 && answer.status !== 503) successful(answer);
}

function decode<T>(schema: z.ZodType<T>, { body }: Answer): T {
    let value: unknown;
    try {
        value = JSON.parse(body);
    } catch (cause) {
        throw nonsense("no JSON", cause);
    }
    const result = schema.safeParse(value);
    if (!result.success) throw nonsense(result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).slice(0, 3).join("; "), result.error);
    return result.data;
}

function nonsense(what: string, cause: unknown): AuthenticError {
    return new AuthenticError("AE-AGENT-ANSWER", `the agent's answer is not what its interface says: ${clean(what)}`, "use an agent of this package's version", { cause });
}

// One call of an agent's control interface: HTTP with JSON over the Unix socket of the node's folder (docs/agent-api.md).
// The agent is not trusted: its answers are bounded, and its texts are cleaned before anybody sees them.
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { AuthenticError } from "../errors";
import { isUnreachable } from "../ssh/settings";
import { CUTS } from "../ssh/shell";
import { openWay, unreachable } from "./way";

const MAX_ANSWER_BYTES = 16 << 20;
const TIMEOUT_MS = 60_000;

/** An answer: its status and its body as text. */
export interface Answer {
    readonly status: number;
    readonly body: string;
}

/** An answer as it came. */
export interface RawAnswer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: Uint8Array;
}

const failureSchema = z.object({ error: z.object({ code: z.string().regex(/^AE-[A-Z-]{1,60}$/), message: z.string(), next: z.string() }) });

/**
 * Calls an agent.
 *
 * @param folder - of the node
 * @param body - becomes JSON, but for bytes; undefined for none
 * @param timeoutMs - for the whole call
 * @returns the answer, whatever its status
 * @throws AuthenticError `AE-SSH-…` where the node's machine is not reached, `AE-AGENT-UNREACHABLE` where nobody answers, `AE-AGENT-TIMEOUT` where the answer does not come,
 *   `AE-AGENT-ANSWER` where it is too large
 */
export async function call(folder: string, method: string, target: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<Answer> {
    const answer = await callRaw(folder, method, target, body, timeoutMs);
    return { status: answer.status, body: Buffer.from(answer.body).toString("utf8") };
}

/** {@link call}, for answers that are not text. */
export async function callRaw(folder: string, method: string, target: string, body?: unknown, timeoutMs = TIMEOUT_MS, maxBytes = MAX_ANSWER_BYTES): Promise<RawAnswer> {
    // A question that was cut off is asked again; what changes something is for the caller to look at.
    for (let cuts = method === "GET" ? CUTS : 0; ; cuts--) {
        const stream = await openWay(folder);
        try {
            return await send(stream, folder, method, target, body, timeoutMs, maxBytes);
        } catch (error) {
            if (!isUnreachable(error) || cuts === 0) throw error;
        } finally {
            stream.destroy();
        }
    }
}

function send(stream: Duplex, folder: string, method: string, target: string, body: unknown, timeoutMs: number, maxBytes: number): Promise<RawAnswer> {
    const binary = body instanceof Uint8Array;
    const payload = body === undefined ? undefined : binary ? body : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
        // Kept alive until the answer is there: told to close, an agent may do so before the last write, which then fails.
        const headers = { connection: "keep-alive", ...(payload === undefined ? {} : { "content-type": binary ? "application/octet-stream" : "application/json", "content-length": payload.length }) };
        const signal = AbortSignal.timeout(timeoutMs);
        const sent = request({ createConnection: () => stream, path: target, method, headers, signal }, (response) => {
            read(response, maxBytes).then((content) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: content }), fail);
        });
        const fail = (cause: unknown) => {
            sent.destroy();
            if (cause instanceof AuthenticError) reject(cause);
            else if (signal.aborted) reject(new AuthenticError("AE-AGENT-TIMEOUT", `the agent of ${folder} has not answered within ${timeoutMs / 1000} s`, "look at agent.log in that folder", { cause }));
            else reject(unreachable(folder, cause));
        };
        sent.once("error", fail);
        // What it says of an end that came early concerns nobody any more.
        sent.on("error", () => undefined);
        sent.end(payload);
    });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maxBytes) throw new AuthenticError("AE-AGENT-ANSWER", `the agent's answer has more than ${maxBytes} bytes`, "do not trust this agent; replace its node");
        chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
}

/** The error that an answer describes. */
export function failureOf({ status, body }: Answer): AuthenticError {
    let parsed: unknown;
    try {
        parsed = JSON.parse(body);
    } catch {
        parsed = undefined;
    }
    const { success, data } = failureSchema.safeParse(parsed);
    if (!success) return new AuthenticError("AE-AGENT-ANSWER", `the agent answers with status ${status} and no explanation`, "look at its log");
    return new AuthenticError(data.error.code, clean(data.error.message), clean(data.error.next));
}

/** Text of an agent as it may be shown: one line of printable characters, and not a long one. */
export function clean(text: string): string {
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 500).replace(/[.\s]+$/, "");
}

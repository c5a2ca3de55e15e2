// One HTTP GET of the collateral services: bounded, timed, retried where the service asks for patience.

import { setTimeout as delay } from "node:timers/promises";

/** An answer, or why there is none. */
export type Fetched =
    | { readonly ok: true; readonly body: Uint8Array; readonly headers: Headers }
    | { readonly ok: false; readonly problem: string };

/** How to fetch; tests replace the waiting. */
export interface FetchOptions {
    /** Attempts in all. */
    readonly attempts: number;
    /** First waiting time, doubled each time, milliseconds. */
    readonly firstDelay: number;
    /** Longest time for one attempt, milliseconds. */
    readonly timeout: number;
    readonly wait: (milliseconds: number) => Promise<unknown>;
}

/** Five attempts in about 15 seconds. */
export const defaultFetchOptions: FetchOptions = { attempts: 5, firstDelay: 1000, timeout: 20_000, wait: (milliseconds) => delay(milliseconds) };

const MAX_BODY = 8 << 20;
// A service may ask for hours; then failing now is more useful.
const MAX_DELAY = 30_000;

/**
 * Gets one document. HTTP 429 and 5xx and failures of the network are retried with growing pauses; Retry-After is
 * respected. Redirects are not followed: the configured service answers itself.
 */
export async function fetchDocument(url: string, options: FetchOptions): Promise<Fetched> {
    let problem = "no attempt was made";
    for (let attempt = 0; attempt < options.attempts; attempt++) {
        if (attempt > 0) {
            await options.wait(Math.min(MAX_DELAY, options.firstDelay * 2 ** (attempt - 1)));
        }
        const outcome = await attemptOnce(url, options.timeout);
        if ("body" in outcome) {
            return { ok: true, ...outcome };
        }
        problem = outcome.problem;
        if (!outcome.retry) {
            break;
        }
        if (outcome.retryAfter > 0 && attempt + 1 < options.attempts) {
            await options.wait(Math.min(MAX_DELAY, outcome.retryAfter));
        }
    }
    return { ok: false, problem };
}

type Attempt = { body: Uint8Array; headers: Headers } | { problem: string; retry: boolean; retryAfter: number };

async function attemptOnce(url: string, timeout: number): Promise<Attempt> {
    try {
        const response = await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: "error", headers: { "user-agent": "pulumi-authentic" } });
        if (response.status !== 200) {
            await response.body?.cancel();
            return {
                problem: `HTTP ${response.status}`,
                retry: response.status === 429 || response.status >= 500,
                retryAfter: pauseOf(response.headers),
            };
        }
        return { body: await readBounded(response), headers: response.headers };
    } catch (error) {
        return { problem: explain(error), retry: !(error instanceof TooLarge), retryAfter: 0 };
    }
}

/** Retry-After in milliseconds: seconds, or an HTTP date beside the service's own clock (RFC 9110 section 10.2.3). 0 for neither. */
function pauseOf(headers: Headers): number {
    const value = headers.get("retry-after") ?? "";
    const pause = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.parse(headers.get("date") ?? "");
    return Number.isFinite(pause) ? Math.max(0, pause) : 0;
}

class TooLarge extends Error {}

async function readBounded(response: Response): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        length += piece.length;
        if (length > MAX_BODY) {
            throw new TooLarge(`the answer is larger than ${MAX_BODY} bytes`);
        }
        pieces.push(piece);
    }
    return new Uint8Array(Buffer.concat(pieces));
}

function explain(error: unknown): string {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
}

// What goes on until the caller has enough: a signal that ends with Ctrl-C, and sources that are asked again when they end.

import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { AuthenticError } from "../errors";

const AGAIN_MS = 1_000;

/** A signal that Ctrl-C raises, and `end` that raises it as well. */
export function untilInterrupted(): { readonly signal: AbortSignal; readonly end: () => void } {
    const controller = new AbortController();
    // Every agent and module is listened to under the one signal.
    setMaxListeners(0, controller.signal);
    const end = () => controller.abort();
    process.once("SIGINT", end).once("SIGTERM", end);
    controller.signal.addEventListener("abort", () => process.off("SIGINT", end).off("SIGTERM", end));
    return { signal: controller.signal, end };
}

/**
 * Reads a source to its end, and again, until the signal.
 *
 * @param name - of who is listened to, for people
 * @param open - begins to listen
 * @throws AuthenticError that listening again will not change
 */
export async function listen<T>(name: string, signal: AbortSignal, open: () => AsyncIterable<T>, take: (one: T) => void): Promise<void> {
    let silent = false;
    const ended = () => signal.aborted;
    while (!ended()) {
        try {
            for await (const one of open()) {
                silent = false;
                take(one);
                if (ended()) return;
            }
        } catch (error) {
            if (!(error instanceof AuthenticError)) throw error;
            if (!silent && !ended()) process.stderr.write(`${name}: ${error.message}\n`);
            silent = true;
        }
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
}

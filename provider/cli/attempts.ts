// What is tried against the stack's boards, as it happens: their bridges count it.

import { setTimeout as sleep } from "node:timers/promises";
import type { BoardStatus } from "../agent/client";

/** What of a board's counters grew. */
export interface Attempt {
    readonly at: string;
    readonly board: string;
    readonly violations: string;
    readonly spoiled: string;
    readonly unexpected: string;
    readonly boots: string;
}

const WHAT = { violations: "access rules broken", spoiled: "messages spoiled on the line", unexpected: "answers nobody asked for", boots: "resets" } as const;
const COUNTERS = Object.keys(WHAT) as (keyof typeof WHAT)[];
const AGAIN_MS = 500;

/** What came between two looks; undefined for nothing. A bridge that was started anew counts from 0. */
export function attemptBetween(board: string, before: BoardStatus, now: BoardStatus, at: Date): Attempt | undefined {
    const grown = (counter: keyof typeof WHAT): bigint => BigInt(now[counter]) - (before.pid === now.pid ? BigInt(before[counter]) : 0n);
    if (COUNTERS.every((counter) => grown(counter) <= 0n)) return undefined;
    const [violations, spoiled, unexpected, boots] = COUNTERS.map((counter) => String(grown(counter)));
    return { at: at.toISOString(), board, violations: violations ?? "0", spoiled: spoiled ?? "0", unexpected: unexpected ?? "0", boots: boots ?? "0" };
}

/** A line for people. */
export function describeAttempt(attempt: Attempt): string {
    return `${attempt.at}  ${attempt.board}  board: ${COUNTERS.filter((counter) => attempt[counter] !== "0").map((counter) => `${attempt[counter]} ${WHAT[counter]}`).join(", ")}`;
}

/**
 * Looks at a board until the signal.
 *
 * @param look - its bridge's counters; fails or is undefined while there is none
 */
export async function watchBoard(board: string, signal: AbortSignal, look: () => Promise<BoardStatus | undefined>, take: (attempt: Attempt) => void): Promise<void> {
    let before: BoardStatus | undefined;
    while (!signal.aborted) {
        const now = await look().catch(() => undefined);
        const attempt = before !== undefined && now !== undefined ? attemptBetween(board, before, now, new Date()) : undefined;
        if (attempt !== undefined) take(attempt);
        before = now ?? before;
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
}

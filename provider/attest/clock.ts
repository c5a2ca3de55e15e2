// Time as an argument: verifiers never ask the machine for it, so tests and audits can fix it.

import { AuthenticError } from "../errors";

/** A source of the current time. */
export interface Clock {
    /** Milliseconds since 1970-01-01T00:00:00Z. */
    now(): number;
}

/** The machine's clock, for everything but tests and audits. */
export const systemClock: Clock = { now: () => Date.now() };

const ISO_INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z$/;

/**
 * Reads an instant in the one form used by collateral and by `--time`: `2025-07-01T00:00:00Z`.
 *
 * @returns milliseconds since the epoch, or null for every other text, impossible dates included
 */
export function instant(text: string): number | null {
    const match = ISO_INSTANT.exec(text);
    if (match === null) {
        return null;
    }
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
    return calendarInstant(year, month, day, hour, minute, second);
}

/** The instant of a UTC calendar date, or null when the calendar has no such date. */
export function calendarInstant(year: number, month: number, day: number, hour: number, minute: number, second: number): number | null {
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second, 0);
    const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
        && date.getUTCHours() === hour && date.getUTCMinutes() === minute && date.getUTCSeconds() === second;
    return same ? date.getTime() : null;
}

/** An instant as collateral writes it. */
export function formatInstant(at: number): string {
    return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/**
 * A clock that stands still.
 *
 * @param text - `2025-07-01T00:00:00Z`
 * @throws AuthenticError when the text is not an instant
 */
export function fixedClock(text: string): Clock {
    const at = instant(text);
    if (at === null) {
        throw new AuthenticError("AE-ATTEST-TIME", `"${text}" is not an instant`, "write it as 2025-07-01T00:00:00Z");
    }
    return { now: () => at };
}

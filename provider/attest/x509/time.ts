// X.509 times (RFC 5280 §4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050, seconds present, always Z.

import { calendarInstant, formatInstant } from "../clock";
import { refuse } from "../refusal";
import { DerReader, Tag } from "./der";

/**
 * Reads one Time.
 *
 * @returns milliseconds since the epoch
 */
export function readTime(reader: DerReader, field: string): number {
    const short = reader.peek() === Tag.utcTime;
    const { content } = reader.read(short ? Tag.utcTime : Tag.generalizedTime, field);
    const text = Buffer.from(content).toString("latin1");
    const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
    const digits = match?.slice(1).map(Number) as [number, number, number, number, number, number] | undefined;
    if (digits === undefined || text.length !== (short ? 13 : 15)) {
        throw reader.error(field, "another form of time", "YYMMDDHHMMSSZ, or YYYYMMDDHHMMSSZ from 2050");
    }
    const [yearDigits, ...rest] = digits;
    const year = short ? (yearDigits < 50 ? 2000 + yearDigits : 1900 + yearDigits) : yearDigits;
    const at = calendarInstant(year, ...rest);
    if (at === null || (!short && year < 2050)) {
        throw reader.error(field, text, "a date of the calendar, as UTCTime before 2050");
    }
    return at;
}

/**
 * Refuses a document outside its validity; both ends are inside.
 *
 * @param document - its name in the refusal
 * @param from - first valid instant, milliseconds
 * @param until - last valid instant, milliseconds
 * @param at - verification time, milliseconds
 */
export function checkValidity(document: string, from: number, until: number, at: number): void {
    // Comparisons are written so that a NaN on any side refuses.
    if (!(from <= at && at <= until)) {
        throw refuse("AE-ATTEST-EXPIRED", `${document}: validity`,
            `${formatInstant(from)} to ${formatInstant(until)}`, `a validity that includes ${formatInstant(at)}`);
    }
}

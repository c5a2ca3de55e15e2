// Schemas of arguments that several resources share.

import ms from "ms";
import { z } from "zod";
import { parseTrust, type Trust } from "../attest/policy";
import { AuthenticError } from "../errors";
import { isUnknown } from "./plain";
import { type Problem, problem } from "./problems";

/** Names of nodes, modules and so on: they appear in paths, metrics and addresses. */
export const nameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    "must have 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit; rename the resource");

/** Lower-case hexadecimal of so many bytes. */
export const hexSchema = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${2 * bytes} lower-case hexadecimal digits`);

export const backendSchema = z.enum(["hardware", "emulated"]).optional();

/** `authentic:trust` as it was written; {@link trustProblems} examines it. */
export const rawTrustSchema = z.record(z.string(), z.unknown());

/**
 * A duration: `1s`, `500ms`, or milliseconds.
 *
 * @param minimum - milliseconds
 * @param maximum - milliseconds
 */
export const durationSchema = (minimum: number, maximum: number) => z.union([z.number(), z.string()]).refine((value) => {
    const duration = milliseconds(value);
    return duration !== undefined && duration >= minimum && duration <= maximum;
}, `must be a duration of ${ms(minimum)} to ${ms(maximum)}, such as "1s", "500ms" or a number of milliseconds`);

/** Whole milliseconds of a duration; undefined for a text that is none. */
export function milliseconds(value: number | string): number | undefined {
    const text = typeof value === "number" ? value : /^\d+(\.\d+)?\s*[A-Za-z]*$/.test(value) ? (ms(value as ms.StringValue) as number | undefined) : undefined;
    return text === undefined || !Number.isFinite(text) ? undefined : Math.round(text);
}

/** Problems of the trust configuration itself. */
export function trustProblems(trust: unknown): Problem[] {
    if (isUnknown(trust)) {
        return [];
    }
    try {
        parseTrust(trust);
        return [];
    } catch (error) {
        if (error instanceof AuthenticError) {
            return [problem("trust", error.message)];
        }
        throw error;
    }
}

/** The trust configuration where it is well-formed. */
export function knownTrust(trust: unknown): Trust | undefined {
    return isUnknown(trust) || trustProblems(trust).length > 0 ? undefined : parseTrust(trust);
}

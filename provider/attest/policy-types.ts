// Building blocks of policy schemas: sets have one order, byte strings one spelling.

import { z } from "zod";
import { instant } from "./clock";

/** A set written as a list: sorted and without repetition, so that its order does not change the policy's identity. */
export function setOf<T extends string>(member: z.ZodType<T>): z.ZodType<readonly T[]> {
    return z.array(member).transform((members) => [...new Set(members)].sort());
}

/** Lower-case hexadecimal of a fixed number of bytes. */
export function hexString(bytes: number): z.ZodType<string> {
    return z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${2 * bytes} lower-case hexadecimal digits`);
}

/** One value or several alternatives. */
export function oneOrMore<T extends string>(member: z.ZodType<T>): z.ZodType<readonly T[]> {
    return z.union([member.transform((value) => [value]), setOf(member)]).refine((values) => values.length > 0, "must not be empty");
}

/** `2025-07-01T00:00:00Z`. */
export const instantText = z.string().refine((text) => instant(text) !== null, "must be an instant such as 2025-07-01T00:00:00Z");

/** An unsigned integer of so many bits. */
export function unsignedInteger(bits: number): z.ZodType<number> {
    return z.int().min(0).max(2 ** bits - 1);
}

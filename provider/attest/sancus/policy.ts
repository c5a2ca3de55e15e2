// Section `authentic:trust.sancus`. The module key depends on the module's text and layout, so it is the reference value.

import { z } from "zod";

/** Policy for Sancus MACs. */
export const sancusPolicySchema = z.strictObject({
    /** Least security level of the node, bits: a 64-bit MAC can be forged with luck, 128 bits cannot. */
    minimumSecurity: z.union([z.literal(64), z.literal(128)]).default(128),
}).prefault({});

/** A complete Sancus policy. */
export type SancusPolicy = z.infer<typeof sancusPolicySchema>;

/** There is nothing to compare beyond the key. */
export const sancusReferencesSchema = z.strictObject({});

/** Reference values of one module: none. */
export type SancusReferences = z.infer<typeof sancusReferencesSchema>;

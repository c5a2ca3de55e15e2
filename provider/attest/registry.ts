// The evidence types: one line each.

import { none } from "./none";

/** Every evidence type by its name. */
export const evidenceTypes = {
    none,
} as const;

// Differences between what is deployed and what is wanted.

import { isDeepStrictEqual } from "node:util";
import { isUnknown } from "./plain";

type Properties = Readonly<Record<string, unknown>>;

/**
 * Names of the properties that differ. What is not known yet counts as different; absent and undefined are the same.
 *
 * @param keys - the input properties of the resource; outputs are not compared
 */
export function changedKeys(olds: Properties, news: Properties, keys: readonly string[]): string[] {
    return keys.filter((key) => containsUnknown(news[key]) || !isDeepStrictEqual(normal(olds[key]), normal(news[key])));
}

/** Whether a value is unknown anywhere inside. */
export function containsUnknown(value: unknown): boolean {
    return isUnknown(value) || (typeof value === "object" && value !== null && Object.values(value).some(containsUnknown));
}

/** The inputs among the properties of a resource. */
export function pick(properties: Properties, keys: readonly string[]): Record<string, unknown> {
    return Object.fromEntries([...keys, "__provider"].filter((key) => properties[key] !== undefined).map((key) => [key, properties[key]]));
}

function normal(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(normal);
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined && member !== null).map(([key, member]) => [key, normal(member)]));
    }
    return value ?? undefined;
}

// One environment of a descriptor: what it says is merged over the rest as a JSON merge patch (RFC 7396).

/** A mapping, as documents have them. */
export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns the target with the patch applied: mappings are merged, `null` removes, everything else replaces */
export function mergePatch(target: unknown, patch: unknown): unknown {
    if (!isMapping(patch)) return patch;
    const merged = new Map(Object.entries(isMapping(target) ? target : {}));
    for (const [name, value] of Object.entries(patch)) {
        if (value === null) merged.delete(name);
        else merged.set(name, mergePatch(merged.get(name), value));
    }
    return Object.fromEntries(merged);
}

// Values as Pulumi can keep them: what it cannot store makes a hook fail after its side effects, so nothing else leaves one.

/** The marker of a value that is not known yet, in previews. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value is not known yet. */
export function isUnknown(value: unknown): boolean {
    return value === UNKNOWN;
}

/**
 * A property that a check has made sure of.
 *
 * @param what - its name, for the message of a defect
 * @throws TypeError where it is absent all the same
 */
export function present<T>(value: T | undefined, what: string): T {
    if (value === undefined) {
        throw new TypeError(`${what} is absent, although the inputs passed their check`);
    }
    return value;
}

/**
 * A copy that is plain JSON: bytes become lower-case hexadecimal, big integers decimal, dates ISO 8601; members that
 * are undefined are left out.
 *
 * @throws TypeError for a value that has no plain form, naming its path; never its value
 */
export function plain<T>(value: T, path = "value"): T {
    return toPlain(value, path) as T;
}

function toPlain(value: unknown, path: string): unknown {
    switch (typeof value) {
        case "string":
        case "boolean":
            return value;
        case "number":
            if (Number.isFinite(value)) {
                return value;
            }
            break;
        case "bigint":
            return value.toString();
        case "object":
            return objectToPlain(value, path);
        default:
            break;
    }
    throw new TypeError(`${path} cannot be kept in state`);
}

function objectToPlain(value: object | null, path: string): unknown {
    if (value === null) {
        return null;
    }
    if (value instanceof Uint8Array) {
        return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
    }
    if (value instanceof Date) {
        return value.toISOString();
    }
    if (Array.isArray(value)) {
        return value.map((item, index) => toPlain(item, `${path}[${index}]`));
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
        throw new TypeError(`${path} cannot be kept in state`);
    }
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)
        .map(([key, member]) => [key, toPlain(member, `${path}.${key}`)]));
}

// A record with other values under the same names.

/** @returns what `map` makes of each value, under the value's name */
export function mapped<T, U>(record: Readonly<Record<string, T>>, map: (value: T, name: string) => U): Record<string, U> {
    return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

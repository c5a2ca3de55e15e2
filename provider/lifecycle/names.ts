// Suggestions for names that do not exist.

import { closest, distance } from "fastest-levenshtein";

/** `a, b and c`, or `none`. */
export function list(names: readonly string[], conjunction: "and" | "or" = "and"): string {
    const last = names.at(-1);
    if (last === undefined) {
        return "none";
    }
    return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} ${conjunction} ${last}`;
}

/**
 * The sentence that helps somebody who wrote an unknown name.
 *
 * @param name - as it was written
 * @param known - every name that would be right
 * @param what - plural of what is named: `inputs`
 * @returns `did you mean "moisture"? The inputs are moisture and reset`
 */
export function instead(name: string, known: readonly string[], what: string): string {
    if (known.length === 0) {
        return `there are no ${what}`;
    }
    const nearest = closest(name, known);
    // A suggestion that shares hardly a letter would only mislead.
    const near = distance(name.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, Math.floor(name.length / 3));
    const are = known.length === 1 ? `the only one of the ${what} is` : `the ${what} are`;
    const sentence = `${are} ${list([...known].sort())}`;
    return near ? `did you mean "${nearest}"? ${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}` : sentence;
}

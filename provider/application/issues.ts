// What zod finds, in words: what is wrong, and what would be right.

import { z } from "zod";
import { instead, list } from "../lifecycle/names";
import type { DocumentPath, Finding } from "./document";

const WORDS: Readonly<Record<string, string>> = {
    string: "a text", int: "a whole number", number: "a number", boolean: "true or false", object: "a mapping", record: "a mapping", array: "a list",
};

/** The findings of one validation. */
export function findingsOf(schema: z.ZodType, value: unknown): Finding[] {
    const result = schema.safeParse(value);
    return result.success ? [] : result.error.issues.flatMap((issue) => findings(schema, value, issue));
}

function findings(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue): Finding[] {
    const { path } = issue;
    if (issue.code === "unrecognized_keys") {
        const known = keysAt(schema, path);
        return issue.keys.map((key) => ({ path: [...path, key], name: true, reason: `there is no property "${key}" here; ${instead(key, known, "properties")}` }));
    }
    if (issue.code === "invalid_key") {
        return [{ path, name: true, reason: issue.issues[0]?.message ?? "is no name" }];
    }
    if (valueAt(value, path) === undefined) {
        return [{ path, reason: `is missing; add ${WORDS[expectedOf(issue)] === undefined ? "it" : `it: ${WORDS[expectedOf(issue)] ?? ""}`}` }];
    }
    if (issue.code === "invalid_value") {
        const known = issue.values.map(String);
        const given = valueAt(value, path);
        return [{ path, reason: `must be ${list(known, "or")}${typeof given === "string" ? `; ${instead(given, known, "choices")}` : ""}` }];
    }
    if (issue.code === "invalid_type" && issue.message.startsWith("Invalid input")) {
        return [{ path, reason: `must be ${WORDS[issue.expected] ?? issue.expected}` }];
    }
    if (issue.code === "too_small" || issue.code === "too_big") {
        const bound = issue.code === "too_small" ? `at least ${String(issue.minimum)}` : `at most ${String(issue.maximum)}`;
        return [{ path, reason: issue.message.startsWith("Too") ? `must be ${bound}${issue.origin === "array" ? " entries" : ""}` : issue.message }];
    }
    return [{ path, reason: issue.message }];
}

function expectedOf(issue: z.core.$ZodIssue): string {
    return issue.code === "invalid_type" ? issue.expected : "";
}

function valueAt(value: unknown, path: DocumentPath): unknown {
    return path.reduce<unknown>((at, step) => typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined, value);
}

/** Names of the members that a mapping at that path may have. */
function keysAt(schema: z.ZodType, path: DocumentPath): string[] {
    let at: unknown = schema;
    for (const step of [...path, undefined]) {
        while (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
        if (step === undefined) break;
        at = at instanceof z.ZodObject ? (at.shape as Record<PropertyKey, unknown>)[step] : at instanceof z.ZodRecord ? at.valueType : undefined;
    }
    return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

// Checks of a resource's arguments: all problems at once, each with the path of its property.

import type { dynamic } from "@pulumi/pulumi";
import type { z } from "zod";
import { isUnknown } from "./plain";
import { failures, type Problem, problem } from "./problems";

/** Properties whose value a check failure would print. */
const SECRET_PROPERTIES: readonly string[] = ["deployerKey", "enrolment", "vendorKey", "ssh", "access"];

/** Inputs as the program sent them: arguments, Pulumi's own members, and problems that the program found. */
export type RawInputs = Readonly<Record<string, unknown>>;

/**
 * Checks inputs against a schema and a resource's own rules.
 *
 * @param rules - problems that a schema cannot see; called with inputs that may be unknown or ill-formed in places
 */
export async function checkInputs(
    schema: z.ZodType, news: RawInputs, rules: (inputs: RawInputs) => readonly Problem[] | Promise<readonly Problem[]> = () => [],
): Promise<dynamic.CheckResult<Record<string, unknown>>> {
    const { problems, ...inputs } = news;
    const found = programProblems(problems);
    const others = [...schemaProblems(schema, inputs), ...await rules(inputs)].filter((one) => !found.some((other) => saysThat(other, one)));
    return { inputs, failures: failures([...found, ...others]) };
}

/** Whether one problem is the other with its place in a descriptor. */
function saysThat(placed: Problem, { property, reason }: Problem): boolean {
    return placed.property === property && placed.reason.endsWith(`: ${reason}`);
}

/** What the program found: lists within a list, some of which may not be known yet. */
function programProblems(value: unknown): Problem[] {
    return Array.isArray(value) ? value.flat().filter((one): one is Problem => typeof one === "object" && one !== null) : [];
}

/** Problems of values that are known. */
export function schemaProblems(schema: z.ZodType, inputs: RawInputs): Problem[] {
    const own = Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "__provider"));
    const result = schema.safeParse(own);
    return result.success ? [] : result.error.issues
        .filter(({ path }) => !reachesUnknown(own, path))
        .map(({ path, message }) => SECRET_PROPERTIES.includes(String(path[0])) ? problem("", `${formatPath(path)}: ${message}`) : problem(formatPath(path), message));
}

function reachesUnknown(value: unknown, path: readonly PropertyKey[]): boolean {
    if (isUnknown(value)) {
        return true;
    }
    const [key, ...rest] = path;
    return key !== undefined && typeof value === "object" && value !== null && reachesUnknown((value as Record<PropertyKey, unknown>)[key], rest);
}

function formatPath(path: readonly PropertyKey[]): string {
    return path.map((key, index) => typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`).join("");
}

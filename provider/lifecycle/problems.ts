// Problems of a resource's arguments, found in the program or by `check`, and the form in which Pulumi shows them.

import type { dynamic } from "@pulumi/pulumi";

/** One thing that is wrong with the arguments of a resource. */
export interface Problem {
    /** Path of the argument, `config.openBelow`; empty where Pulumi must not print the value, or where none is meant. */
    readonly property: string;
    /** What is wrong and what would be right; never a secret. */
    readonly reason: string;
}

/** Shorthand for {@link Problem}. */
export function problem(property: string, reason: string): Problem {
    return { property, reason };
}

/** Problems as check failures, each once. */
export function failures(problems: readonly Problem[]): dynamic.CheckFailure[] {
    return [...new Map(problems.map((one) => [`${one.property}\n${one.reason}`, one])).values()];
}

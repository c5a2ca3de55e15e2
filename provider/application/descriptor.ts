// A descriptor from its file, or from a program, to what is deployed in one environment. Everything that is wrong is said at once.

import { readFileSync, statSync } from "node:fs";
import { AuthenticError } from "../errors";
import { instead, list } from "../lifecycle/names";
import { type DocumentPath, type Finding, MAX_BYTES, readDocument, type SourceDocument } from "./document";
import { isMapping, mergePatch } from "./environment";
import { findingsOf } from "./issues";
import { ruleFindings } from "./rules";
import { type ApplicationDescription, applicationSchema, descriptorSchema } from "./schema";

/** What is deployed, and where each part of it was described. */
export interface Selected {
    readonly application: ApplicationDescription;
    /** Place of a value in the environment that is deployed, for people: `application.yaml:12:5`, or its path. */
    readonly origin: (path: DocumentPath) => string;
}

/** Which environment is meant. */
export interface Selection {
    /** Name of an environment; null: what is outside of `environments` alone; undefined: the one with the stack's name. */
    readonly environment?: string | null | undefined;
    readonly stack: string;
}

/**
 * Reads a descriptor.
 *
 * @param descriptor - path of a file, YAML or JSON; or the descriptor itself
 * @throws AuthenticError `AE-APP-FILE`, `AE-APP-SIZE`, `AE-APP-DEPTH`; `AE-APP-DESCRIPTOR` with all that is wrong
 */
export function readDescriptor(descriptor: unknown, selection: Selection): Selected {
    const file = typeof descriptor === "string" ? descriptor : undefined;
    const document = file === undefined ? objectDocument(descriptor) : readDocument(readText(file));
    const place = placeIn(file, document);
    // Half a document would only give findings that follow from the first.
    const findings = document.findings.length > 0 ? document.findings : findingsOf(descriptorSchema, document.value);
    const environments = isMapping(document.value) && isMapping(document.value["environments"]) ? document.value["environments"] : {};
    const names = Object.keys(environments);
    const chosen = selection.environment === undefined ? names.length === 0 ? null : selection.stack : selection.environment;
    const missing = chosen === null || names.includes(chosen) || document.findings.length > 0 ? []
        : [{ path: ["environments"], reason: unknownEnvironment(chosen, names, selection) }];
    refuse(file, [
        ...findings.map((finding) => line(place(finding, null), finding)),
        ...missing.map((finding) => line(place(finding, null), finding)),
        ...findings.length > 0 ? [] : environmentLines(document.value, chosen === null || names.length === 0 ? [null, ...names] : names, place),
    ]);
    return { application: applicationSchema.parse(merged(document.value, chosen)), origin: (path) => place({ path }, chosen) };
}

/** What is wrong, one line each, as an error; nothing where nothing is. */
export function refuse(file: string | undefined, lines: readonly string[]): void {
    const each = [...new Set(lines)];
    if (each.length === 0) return;
    throw new AuthenticError("AE-APP-DESCRIPTOR", `${file ?? "the descriptor"} has ${each.length === 1 ? "a problem" : `${each.length} problems`}`,
        `correct ${each.length === 1 ? "it" : "them"}, then run the command again:\n  ${each.join("\n  ")}`);
}

/** A finding as people read it. @param environments - the only ones that it belongs to; null: where none is chosen */
export function line(place: string, { path, reason }: Finding, environments: readonly (string | null)[] = []): string {
    const name = path.map(String).join(".");
    const only = environments.length === 0 ? "" : ` (${list(environments.map((one) => one === null ? "outside of environments" : `in environment ${one}`))})`;
    return `${place}${name === "" ? "" : ` ${name}`}${only}: ${reason}`;
}

/** All environments are examined: that of production has to be right before the day it is used. */
function environmentLines(value: unknown, names: readonly (string | null)[], place: Place): string[] {
    const found = new Map<string, { finding: Finding; place: string; names: (string | null)[] }>();
    for (const name of names) {
        for (const finding of environmentFindings(value, name)) {
            const at = place(finding, name);
            const key = line(at, finding);
            const entry = found.get(key) ?? { finding, place: at, names: [] };
            found.set(key, { ...entry, names: [...entry.names, name] });
        }
    }
    // What is wrong in each of them needs no name.
    return [...found].map(([key, entry]) => entry.names.length === names.length ? key : line(entry.place, entry.finding, entry.names));
}

function environmentFindings(value: unknown, name: string | null): Finding[] {
    const application = merged(value, name);
    const findings = findingsOf(applicationSchema, application);
    return findings.length > 0 ? findings : ruleFindings(applicationSchema.parse(application));
}

function merged(value: unknown, name: string | null): unknown {
    const { environments, ...base } = value as Record<string, unknown>;
    return name === null ? base : mergePatch(base, (environments as Record<string, unknown>)[name]);
}

function unknownEnvironment(chosen: string, names: readonly string[], { environment }: Selection): string {
    const known = names.length === 0 ? "the descriptor has none" : instead(chosen, names, "environments");
    return environment === undefined
        ? `there is none for the stack "${chosen}"; ${known}. Add \`${chosen}: {}\` for one that differs in nothing, or choose with the argument \`environment\``
        : `there is no environment "${chosen}"; ${known}. Add \`${chosen}: {}\` to \`environments\` of the descriptor, or ${names.length === 0 ? "leave the argument `environment` out" : "correct the argument `environment`"}`;
}

type Place = (finding: Pick<Finding, "path" | "name" | "at">, environment: string | null) => string;

/** Places of values: in an environment where it says something about them, else outside. */
function placeIn(file: string | undefined, document: SourceDocument): Place {
    if (file === undefined) return () => "descriptor";
    return ({ path, name, at }, environment) => {
        if (at !== undefined) return `${file}:${at}`;
        const base = document.locate(path, name);
        const own = environment === null ? undefined : document.locate(["environments", environment, ...path], name);
        return `${file}:${own !== undefined && own.steps - 2 >= Math.max(base.steps, 1) ? own.at : base.at}`;
    };
}

function objectDocument(value: unknown): SourceDocument {
    return { value, findings: [], locate: () => ({ at: "", steps: 0 }) };
}

function readText(file: string): string {
    try {
        if (statSync(file).size > MAX_BYTES) {
            throw new AuthenticError("AE-APP-SIZE", `the descriptor ${file} has more than ${MAX_BYTES} bytes`, "divide it into several applications");
        }
        return readFileSync(file, "utf8");
    } catch (error) {
        if (error instanceof AuthenticError) throw error;
        throw new AuthenticError("AE-APP-FILE", `the descriptor ${file} cannot be read (${error instanceof Error ? error.message : String(error)})`, "check its path, which is relative to the folder of the program");
    }
}

// A verdict as lines for people: what vouches for what, why it was refused, and which line of configuration would change it.

import type { Claims, EvidenceName, Verdict } from "./evidence";
import { describe, type Refusal } from "./refusal";

const NAMES: Readonly<Record<EvidenceName, string>> = {
    none: "native",
    sgx: "SGX",
    tdx: "TDX",
    snp: "SEV-SNP",
    psa: "PSA",
    sancus: "Sancus",
    keystone: "Keystone",
    optee: "OP-TEE",
};

/** What the claims that every type of evidence makes mean for who relies on them. */
const MEANINGS: Readonly<Record<string, string>> = {
    reportData: "what the evidence was made for: it has to be the hash of the challenge and the answer to it",
    platform: "which machine it is: it has to be the enrolled one",
    measurement: "which code runs: it has to be a reference value",
    debug: "enabled: who owns the machine can look into the module and change it",
    status: "how the vendor judges the machine's firmware at present",
    advisories: "known weaknesses that this machine has",
};

const UNCHECKED: Readonly<Record<string, string>> = {
    reportData: "report data: nothing shows that the evidence answers a challenge of yours",
    references: "reference values: nothing shows which code produced the evidence",
};

/**
 * Explains a verdict: one line for each claim, with another that says what it means where that is not plain, and lines for each reason.
 *
 * @param name - the evidence type
 * @param verdict - of any outcome
 * @returns lines without line ends
 * @example
 * explain("snp", verdict).forEach((line) => console.log(line));
 */
export function explain(name: EvidenceName, verdict: Verdict): string[] {
    return [
        `${verdict.accepted ? "accepted" : "refused"}: ${NAMES[name]} evidence`,
        ...section(claimsHeading(verdict.claims), verdict.claims === null ? [] : claimLines(verdict.claims)),
        ...section("refused because", verdict.reasons.flatMap(reasonLines)),
        ...section("not compared", verdict.unchecked.map((what) => UNCHECKED[what] ?? what)),
    ];
}

function section(heading: string, lines: readonly string[]): string[] {
    return lines.length === 0 ? [] : ["", heading, ...lines.map((line) => `  ${line}`)];
}

function claimsHeading(claims: Claims | null): string {
    switch (claims?.assurance) {
        case "hardware":
            return "claims, vouched for by verified signatures";
        case "emulated":
            return "claims, vouched for by an emulator";
        default:
            return "claims, for which nothing vouches";
    }
}

function claimLines(claims: Claims): string[] {
    const entries = flatten("", claims);
    const width = Math.max(...entries.map(([path]) => path.length));
    return entries.flatMap(([path, value]) => [
        `${path.padEnd(width)}  ${value === "" ? "none" : value}`,
        ...(MEANINGS[path] === undefined ? [] : [`${" ".repeat(width)}    ${MEANINGS[path]}`]),
    ]);
}

function flatten(path: string, value: unknown): [string, string][] {
    if (Array.isArray(value)) {
        const items: readonly unknown[] = value;
        return items.every((item) => typeof item !== "object")
            ? [[path, items.length === 0 ? "none" : items.map(show).join(", ")]]
            : items.flatMap((item, index) => flatten(`${path}[${index}]`, item));
    }
    if (typeof value === "object" && value !== null) {
        return Object.entries(value).flatMap(([name, member]) => flatten(path === "" ? name : `${path}.${name}`, member));
    }
    return [[path, show(value)]];
}

function show(value: unknown): string {
    switch (typeof value) {
        case "string":
            return printable(value);
        case "number":
        case "boolean":
            return String(value);
        default:
            return "none";
    }
}

function reasonLines(reason: Refusal): string[] {
    return [
        printable(describe(reason)),
        `  code    ${reason.code}`,
        `  change  ${reason.setting ?? "no setting accepts this"}`,
    ];
}

// Texts of evidence come from outside and end on a terminal.
function printable(text: string): string {
    return text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]/gu, "�");
}

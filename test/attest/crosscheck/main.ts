// `npm run test:crosscheck`: compares our verifiers with the crates `dcap-qvl` and `sev`, prints a table, and fails on
// every disagreement that is not listed, and on every listed one that is none.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { samplesFolder } from "../vectors";
import type { Case, Known } from "./case";
import { changedCases, changedKnown, type ChangedGroup } from "./changed-cases";
import { askCrates, buildCrates, describeAnswer } from "./crates";
import { dcapCases, dcapKnown, genuineDcapCases } from "./dcap-cases";
import { genuineSnpCases, snpCases, snpKnown } from "./snp-cases";

const known: Readonly<Record<string, Known>> = { ...dcapKnown, ...snpKnown };

async function main(): Promise<number> {
    const program = buildCrates();
    const read = (name: string): Uint8Array => readFileSync(join(samplesFolder, name));
    const genuine = existsSync(samplesFolder);
    if (!genuine) {
        console.log(`no genuine samples in ${samplesFolder}; set AUTHENTIC_VECTORS`);
    }
    const cases = [...dcapCases(), ...snpCases(), ...(genuine ? [...genuineDcapCases(read), ...genuineSnpCases(read)] : [])];
    const failures = await compareCases(program, cases);
    for (const group of genuine ? changedCases(read) : []) {
        failures.push(...await compareGroup(program, group));
    }
    console.log(failures.length === 0 ? "\nno disagreement but the listed ones" : `\n${failures.length} failures:\n${failures.join("\n")}`);
    return failures.length === 0 ? 0 : 1;
}

async function compareCases(program: string, cases: readonly Case[]): Promise<string[]> {
    const answers = await askCrates(program, cases.map(({ request }) => request));
    const failures: string[] = [];
    cases.forEach(({ name, ours, detail }, index) => {
        const answer = answers[index]!;
        const theirs = describeAnswer(answer);
        const agree = ours === theirs;
        const listed = known[name] ?? known[name.slice(name.indexOf(": ") + 2)];
        const details = [detail, "problem" in answer ? answer.problem : ""].filter((text) => text !== "").join(" / ");
        console.log(`${agree ? "agree   " : `differ, ${listed?.right ?? "NOT LISTED"}`}  ${name}: ours ${ours}; theirs ${theirs}${details === "" ? "" : ` (${details})`}`);
        if (listed !== undefined && !agree) {
            console.log(`          ${listed.why}`);
        }
        if (agree === (listed !== undefined)) {
            failures.push(`${name}: ${agree ? "is listed, but both agree" : `ours ${ours}, theirs ${theirs} (${details})`}`);
        }
    });
    return failures;
}

async function compareGroup(program: string, group: ChangedGroup): Promise<string[]> {
    const answers = await askCrates(program, group.requests());
    const theirs = answers.filter((answer) => !("problem" in answer)).length;
    const { accepted, why } = changedKnown[group.name] ?? { accepted: 0, why: "" };
    console.log(`${group.name}: ${answers.length} changes of one bit, of which ours accepts ${group.acceptedByOurs}, theirs ${theirs}${why === "" ? "" : ` (right: ours; ${why})`}`);
    return [
        ...(group.acceptedByOurs === 0 ? [] : [`${group.name}: ours accepts ${group.acceptedByOurs}`]),
        ...(theirs === accepted ? [] : [`${group.name}: theirs accepts ${theirs}, ${accepted} are listed`]),
    ];
}

void main().then((code) => { process.exitCode = code; });

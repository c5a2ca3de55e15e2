// The program that asks the crates `dcap-qvl` and `sev`: built once, then one line for each piece of evidence.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** What a crate says. */
export type CrateAnswer = { readonly status: string; readonly advisories: readonly string[] } | { readonly problem: string };

/** Evidence as the program takes it; byte strings in hexadecimal. */
export type CrateRequest =
    | { readonly kind: "dcap"; readonly quote: string; readonly collateral: unknown; readonly root: string; readonly at: number }
    | { readonly kind: "snp"; readonly report: string; readonly leaf: string; readonly authority: string; readonly root: string };

const project = resolve(__dirname, "../../../../test/attest/crosscheck/rust");

/** Builds the program, without the network where the crates are at hand. Cargo prints its progress. */
export function buildCrates(): string {
    const target = process.env["CARGO_TARGET_DIR"] ?? join(project, "target");
    const cargo = (...options: string[]): boolean =>
        spawnSync("cargo", ["build", "--release", "--locked", ...options], { cwd: project, stdio: ["ignore", "inherit", options.length > 0 ? "ignore" : "inherit"] }).status === 0;
    if (!cargo("--offline") && !cargo()) {
        throw new Error(`the crates cannot be built; run "cargo build --release --locked" in ${project}`);
    }
    return join(target, "release", "authentic-crosscheck");
}

/** Asks about each request in turn. */
export async function askCrates(program: string, requests: Iterable<CrateRequest>): Promise<CrateAnswer[]> {
    const child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
    const answers: CrateAnswer[] = [];
    const reading = (async () => {
        for await (const line of createInterface({ input: child.stdout })) {
            answers.push(JSON.parse(line) as CrateAnswer);
        }
    })();
    let asked = 0;
    for (const request of requests) {
        asked++;
        if (!child.stdin.write(`${JSON.stringify(request)}\n`)) {
            await once(child.stdin, "drain");
        }
    }
    child.stdin.end();
    await reading;
    if (answers.length !== asked) {
        throw new Error(`the crates ended after ${answers.length} of ${asked} answers`);
    }
    return answers;
}

/** An answer in the words of the table. */
export function describeAnswer(answer: CrateAnswer): string {
    return "problem" in answer ? "refused" : ["verified", answer.status, ...[...answer.advisories].sort()].filter((word) => word !== "").join(" ");
}

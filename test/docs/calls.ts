// Which programs a text for a shell calls, and with what: told by bash itself, in which no program is found.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { exampleNames } from "../../tools/pulumi/project";

/** A program and its arguments, as the shell would start it. */
export type Call = readonly [program: string, ...args: string[]];

/** Behind each call, and for each new line in it: bash writes a line at a time, and programs of a pipe write at the same time. */
const [END, LINE] = ["\u0001", "\u0002"];

/**
 * Every program is recorded in place of being started, and what would change folders or wait is recorded too. Commands between
 * backquotes and parentheses are recorded like others, and give nothing; `ls` gives the pattern that it is asked for.
 */
const PRELUDE = `
RECORD=$1
readonly PATH=/nowhere
command_not_found_handle() {
    printf '%s\\0' "\${@//$'\\n'/$'\\2'}" $'\\1' >>"$RECORD"
    if [[ $1 = ls ]]; then printf '%s' "$2"; fi
}
for name in cd kill wait exec eval; do eval "$name() { command_not_found_handle $name \\"\\$@\\"; }"; done
function [ { return 0; }
`;

/**
 * The calls of a text, in order.
 *
 * @param note - of its place, for messages
 * @throws Error where bash does not understand the text
 */
export function callsOf(script: string, note: string): Call[] {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-calls-"));
    try {
        const syntax = spawnSync("bash", ["-n", "-c", script], { encoding: "utf8" });
        if (syntax.status !== 0) throw new Error(`${note}: bash does not understand it: ${syntax.stderr}`);
        // Keys that users have, and places that they write to.
        for (const place of [".ssh", ...exampleNames().map((name) => path.join("examples", name, "modules"))]) fs.mkdirSync(path.join(folder, place), { recursive: true });
        fs.writeFileSync(path.join(folder, ".ssh", "id_ed25519"), "");
        const record = path.join(folder, "record");
        fs.writeFileSync(record, "");
        // What runs beside bash, as in <( ), holds its standard error open: waited for.
        spawnSync("bash", ["-c", `${PRELUDE}\n${script}\n`, "bash", record], { cwd: folder, env: { HOME: folder, PWD: folder }, timeout: 10_000, stdio: ["ignore", "ignore", "pipe"] });
        const words = fs.readFileSync(record, "utf8").split("\0").slice(0, -1);
        const calls: string[][] = [];
        const call: string[] = [];
        for (const word of words) {
            if (word !== END) call.push(word.replaceAll(LINE, "\n"));
            else calls.push(call.splice(0));
        }
        return calls as unknown as Call[];
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

// Options of every subcommand that reads a deployed stack.

import { type Command, Option } from "commander";
import type { StackSource } from "./exported-stack";

/** Options of such a subcommand, as commander collects them. */
export interface StackOptions extends StackSource {
    readonly json?: boolean;
}

/**
 * Adds the options that name a stack, and `--json`.
 *
 * @param secrets - whether the subcommand needs the deployer's key
 * @param json - what `--json` prints
 */
export function addStackOptions(command: Command, secrets: boolean, json: string): Command {
    const output = secrets ? "`pulumi stack export --show-secrets`, - for standard input; it holds secrets" : "`pulumi stack export`, - for standard input";
    return command
        .option("--stack <name>", "the Pulumi stack; otherwise the selected one")
        .option("--cwd <folder>", "folder of the Pulumi project; otherwise the present one")
        .addOption(new Option("--state <file>", `output of ${output}`).conflicts(["stack", "cwd"]))
        .option("--json", `print ${json} as JSON`);
}

/** Adds the examples that end a subcommand's help. */
export function addExamples(command: Command, examples: readonly (readonly [what: string, call: string])[], notes: readonly string[] = []): Command {
    const text = ["", ...notes.flatMap((note) => [note, ""]), "Examples:", ...examples.flatMap(([what, call]) => [`  ${what}:`, `    $ ${call}`, ""])];
    return command.addHelpText("after", text.join("\n").trimEnd());
}

/** Prints lines to standard output. */
export function print(lines: readonly string[]): void {
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

#!/usr/bin/env node
// The command line `authentic`: one file for each subcommand.

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { AuthenticError } from "../errors";
import { attestCommand } from "./attest";
import { ExitCode } from "./exit-code";
import { statusCommand } from "./status";
import { verifyCommand } from "./verify";

/** Runs the command line. */
async function main(argv: readonly string[]): Promise<number> {
    let exitCode: number = ExitCode.done;
    const program = new Command("authentic")
        .description("Authentic execution on heterogeneous trusted execution environments")
        .version(packageVersion())
        .addCommand(attestCommand((code) => { exitCode = code; }))
        .addCommand(statusCommand((code) => { exitCode = code; }))
        .addCommand(verifyCommand((code) => { exitCode = code; }));
    for (const command of [program, ...program.commands]) {
        command.exitOverride().showHelpAfterError("(add --help for the options and examples)");
    }
    try {
        await program.parseAsync([...argv], { from: "user" });
        return exitCode;
    } catch (error) {
        if (error instanceof CommanderError) {
            // Help and version end with 0; commander has printed every message already.
            return error.exitCode === 0 ? ExitCode.done : ExitCode.unusable;
        }
        if (error instanceof AuthenticError) {
            process.stderr.write(`${error.message}\n`);
            return ExitCode.unusable;
        }
        throw error;
    }
}

function packageVersion(): string {
    return (JSON.parse(readFileSync(require.resolve("pulumi-authentic/package.json"), "utf8")) as { version: string }).version;
}

// Not process.exit, which would cut off output to a pipe.
void main(process.argv.slice(2)).then((code) => { process.exitCode = code; });

#!/usr/bin/env node
// The command line `authentic`: one file for each subcommand.

import { CommanderError } from "commander";
import { AuthenticError } from "../errors";
import { closeConnections } from "../ssh/hosts";
import { ExitCode } from "./exit-code";
import { authenticProgram } from "./program";
import { print } from "./stack-options";

/** Runs the command line. */
async function main(argv: readonly string[]): Promise<number> {
    let exitCode: number = ExitCode.done;
    const program = authenticProgram((code) => { exitCode = code; });
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
            // A program that reads one value is to find one.
            if (argv.includes("--json")) print([JSON.stringify({ error: { code: error.code, message: error.message } })]);
            return ExitCode.unusable;
        }
        throw error;
    } finally {
        await closeConnections();
    }
}

// Who reads the output may have enough of it.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? ExitCode.done : ExitCode.unusable));
// Not process.exit, which would cut off output to a pipe.
void main(process.argv.slice(2)).then((code) => { process.exitCode = code; });

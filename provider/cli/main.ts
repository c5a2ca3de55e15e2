#!/usr/bin/env node
// The command line `authentic`: one file for each subcommand.

import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { AuthenticError } from "../errors";
import { closeConnections } from "../ssh/hosts";
import { attestCommand } from "./attest";
import { commandCommands } from "./commands";
import { completeCommand, completionCommand } from "./completion";
import { ExitCode } from "./exit-code";
import { importCommand } from "./import";
import { logsCommand } from "./logs";
import { measureCommand } from "./measure";
import { pinsCommand } from "./pins";
import { print } from "./stack-options";
import { statusCommand } from "./status";
import { verifyCommand } from "./verify";
import { watchCommand } from "./watch";

const EXAMPLES = `
Examples:
  What runs, and whether it is what it should be:
    $ authentic status
    $ authentic attest

  What happens:
    $ authentic watch
    $ authentic logs --follow

Run \`authentic COMMAND --help\` for the options and examples of each.`;

/** Runs the command line. */
async function main(argv: readonly string[]): Promise<number> {
    let exitCode: number = ExitCode.done;
    const exit = (code: number) => { exitCode = code; };
    const program = new Command("authentic")
        .description("Authentic execution on heterogeneous trusted execution environments")
        .version(packageVersion())
        .addHelpText("after", EXAMPLES);
    for (const command of [
        statusCommand(exit), attestCommand(exit), watchCommand(), logsCommand(exit), ...commandCommands(exit), pinsCommand(), measureCommand(exit), verifyCommand(exit),
        importCommand(), completionCommand(),
    ]) {
        program.addCommand(command);
    }
    program.addCommand(completeCommand(program), { hidden: true });
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
            // A program that reads one value is to find one.
            if (argv.includes("--json")) print([JSON.stringify({ error: { code: error.code, message: error.message } })]);
            return ExitCode.unusable;
        }
        throw error;
    } finally {
        await closeConnections();
    }
}

function packageVersion(): string {
    return (JSON.parse(readFileSync(require.resolve("pulumi-authentic/package.json"), "utf8")) as { version: string }).version;
}

// Who reads the output may have enough of it.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? ExitCode.done : ExitCode.unusable));
// Not process.exit, which would cut off output to a pipe.
void main(process.argv.slice(2)).then((code) => { process.exitCode = code; });

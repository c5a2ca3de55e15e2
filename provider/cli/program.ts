// The command line as commander has it: what there is to call, and with which options.

import { readFileSync } from "node:fs";
import { Command } from "commander";
import { attestCommand } from "./attest";
import { commandCommands } from "./commands";
import { completeCommand, completionCommand } from "./completion";
import { importCommand } from "./import";
import { logsCommand } from "./logs";
import { measureCommand } from "./measure";
import { pinsCommand } from "./pins";
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

/** All subcommands. @param exit - is told the exit code of a call that was carried out */
export function authenticProgram(exit: (code: number) => void): Command {
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
    return program;
}

function packageVersion(): string {
    return (JSON.parse(readFileSync(require.resolve("pulumi-authentic/package.json"), "utf8")) as { version: string }).version;
}

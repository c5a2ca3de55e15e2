// `authentic import`: makes a project from a deployment descriptor of reactive-tools.

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { Command } from "commander";
import { resourceNames } from "../import/names";
import { readInput } from "./files";
import { addExamples, print } from "./stack-options";

const EXAMPLES = [
    ["A project in the folder button-led beside the descriptor's name", "authentic import descriptor.json --output button-led"],
    ["Once more, after the descriptor has changed; sources of modules are kept", "authentic import descriptor.json --output button-led --force"],
    ["What has no equivalent, for a script", "authentic import descriptor.json --output button-led --json | jq '.leftovers[]'"],
] as const;
const NOTES = [
    "Keys of the descriptor are never copied: the output names the commands that set them as secrets of the stack.",
    "Exit codes: 0 done, 2 the call cannot be carried out.",
];

interface ImportOptions {
    readonly output?: string;
    readonly name?: string;
    readonly force?: boolean;
    readonly json?: boolean;
}

/** The subcommand. */
export function importCommand(): Command {
    const command = new Command("import")
        .description("make a Pulumi project from a deployment descriptor of reactive-tools, and list what has no equivalent")
        .argument("<file>", "the descriptor, JSON or YAML")
        .option("--output <folder>", "where to write the project; otherwise a folder of the project's name")
        .option("--name <name>", "name of the project; otherwise that of the output's or the descriptor's folder")
        .option("--force", "write over what is there, but not over sources of modules")
        .option("--json", "print {folder, files, kept, leftovers: [{at, path, why, instead}], commands} as JSON");
    return addExamples(command, EXAMPLES, NOTES).action(async (file: string, options: ImportOptions) => {
        // With the YAML library, which no other command needs.
        const { importDescriptor } = await import("../import/import.js");
        const text = Buffer.from(readInput(file, "descriptor")).toString("utf8");
        const name = resourceNames().of(options.name ?? path.basename(path.resolve(options.output ?? path.dirname(file))));
        const { folder, files, kept, leftovers, lines, commands, imported } = importDescriptor({
            text, file: path.basename(file), name, folder: path.resolve(options.output ?? name), packages: packages(), force: options.force,
        });
        const count = (section: object | undefined, what: string) => `${Object.keys(section ?? {}).length} ${what}`;
        const { nodes, modules, connections, triggers } = imported.descriptor;
        print(options.json === true ? [JSON.stringify({ folder, files, kept, leftovers, commands }, null, 2)] : [
            `${files.length} files in ${folder}: ${count(nodes, "nodes")}, ${count(modules, "modules")}, ${count(connections, "connections")}, ${count(triggers, "triggers")}`,
            ...(kept.length === 0 ? [] : [`kept as they were: ${kept.join(", ")}`]),
            ...(lines.length === 0 ? [] : ["", "without equivalent (also in IMPORT.md):", ...lines.map((one) => `  ${one}`)]),
            "", `next: port the modules' functions into ${path.join(folder, "modules")} (docs/import.md), then in ${folder}`,
            "  npm install && pulumi stack init dev && pulumi up",
        ]);
    });
}

/** What the project depends on: this package, and the SDK that it was tested with. */
function packages(): Record<string, string> {
    const own = JSON.parse(readFileSync(require.resolve("pulumi-authentic/package.json"), "utf8")) as { version: string; dependencies: Record<string, string> };
    return { "@pulumi/pulumi": own.dependencies["@pulumi/pulumi"] ?? "*", "pulumi-authentic": own.version };
}

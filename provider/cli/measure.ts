// `authentic measure`: rebuilds the modules of a stack from their sources and compares the measurements, for people who
// want to know that what runs is what they read.

import { writeFileSync, readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import { Command } from "commander";
import { AuthenticError } from "../errors";
import { placeOf } from "../lifecycle/board";
import { teeOf } from "../lifecycle/ends";
import { finalImage } from "../lifecycle/identity";
import { hex } from "../protocol/bytes";
import { ExitCode } from "./exit-code";
import { exportedStack } from "./exported-stack";
import { chosen, type ModuleResource, resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";
import { table } from "./table";

const EXAMPLES = [
    ["All modules of the selected stack", "authentic measure"],
    ["As an auditor, with sources checked out elsewhere and a state without secrets", "authentic measure --state state.json --sources irrigation/program"],
    ["Reference values for a verifier", "authentic measure --output reference-values.json"],
] as const;
const NOTES = [
    "Builds are reproducible: the same sources, kit and compiler give the same measurement on any machine. A measurement covers the code, the\nmodule's configuration, the deployment and the deployer's public key, which are taken from the stack.",
    "Exit codes: 0 all measurements are those of the stack, 3 one differs or does not build, 2 the call cannot be carried out.",
];

interface MeasureOptions extends StackOptions {
    readonly sources?: string;
    readonly output?: string;
}

/** What became of one module. */
export interface Measured {
    readonly name: string;
    readonly tee: string;
    readonly outcome: "same" | "different" | "failed";
    /** What was built now; null where it does not build. */
    readonly measurement: string | null;
    readonly codeMeasurement: string | null;
    /** Digest of the kit and compiler. */
    readonly kit: string | null;
    /** What it was built with: compiler → version. */
    readonly toolchain: Readonly<Record<string, string>> | null;
    /** What the stack has. */
    readonly deployed: {
        readonly measurement: string | null; readonly codeMeasurement: string | null; readonly kit: string | null; readonly toolchain: Readonly<Record<string, string>> | null;
    };
    readonly error: string | null;
}

/** The subcommand. @param exit - called with the exit code of a call that could be carried out */
export function measureCommand(exit: (code: number) => void): Command {
    const command = new Command("measure")
        .description("rebuild modules from their sources, and compare their measurements with those of the deployed stack")
        .argument("[module...]", "names of modules; all of the stack where there is none")
        .option("--sources <folder>", "what sources are relative to; otherwise the folder of the Pulumi program")
        .option("--output <file>", "write the measurements that were built as reference values, JSON");
    addExamples(addStackOptions(command, false, "{same, modules: [{name, outcome, measurement, deployed, …}]}"), EXAMPLES, NOTES);
    return command.action(async (names: readonly string[], options: MeasureOptions) => {
        const { modules } = resourcesOf(await exportedStack(options, { secrets: false }));
        const wanted = chosen("module", names, modules);
        const output = options.output === undefined ? undefined : path.resolve(options.output);
        process.chdir(sourceFolder(options));
        const measured: Measured[] = [];
        // One after the other: a build uses all processors itself.
        for (const module of wanted) measured.push(await measure(module));
        const same = measured.every(({ outcome }) => outcome === "same");
        if (output !== undefined) writeReferences(output, wanted, measured);
        print(options.json === true ? [JSON.stringify({ same, modules: measured }, null, 2)] : report(measured));
        exit(same ? ExitCode.done : ExitCode.refused);
    });
}

async function measure(module: ModuleResource): Promise<Measured> {
    const { name, tee: teeName, deploymentId, deployerPublicKey: publicKey, source, includes, defines, config: values, devices, place } = module;
    const base = { name, tee: teeName, deployed: { measurement: module.measurement ?? null, codeMeasurement: module.codeMeasurement ?? null, kit: module.kit ?? null, toolchain: module.toolchain ?? null } };
    try {
        const tee = await teeOf(teeName);
        const build = await tee.build({ name, sources: source, ...(includes === undefined ? {} : { includes }), ...(defines === undefined ? {} : { defines }), ...placeOf(place, devices) });
        const measurement = hex(finalImage(tee, build, { deploymentId, publicKey, name, values, devices }).measurement);
        return {
            ...base, outcome: measurement === module.measurement ? "same" : "different",
            measurement, codeMeasurement: hex(build.codeMeasurement), kit: hex(build.kit), toolchain: build.toolchain, error: null,
        };
    } catch (error) {
        if (!(error instanceof AuthenticError)) throw error;
        return { ...base, outcome: "failed", measurement: null, codeMeasurement: null, kit: null, toolchain: null, error: error.message };
    }
}

function report(measured: readonly Measured[]): string[] {
    return [
        ...table(["MODULE", "TEE", "MEASUREMENT", "OUTCOME"], measured.map(({ name, tee, measurement, outcome }) => [name, tee, measurement ?? "-", outcome])),
        ...measured.flatMap((one) => {
            const { name, outcome, deployed, error } = one;
            if (outcome === "same") return [];
            return ["", ...(error !== null ? [`${name}: ${error}`] : [`${name}: the stack has ${deployed.measurement ?? "none"}`, `  because ${cause(one)}`])];
        }),
        "",
        `${measured.filter(({ outcome }) => outcome === "same").length} of ${measured.length} are those of the stack`,
    ];
}

function cause({ kit, codeMeasurement, toolchain, deployed }: Measured): string {
    if (kit !== deployed.kit) return "the kit or the compiler is another";
    // Stacks of earlier versions do not say.
    const others = Object.entries(deployed.toolchain ?? {}).filter(([name, version]) => toolchain?.[name] !== version);
    if (others.length > 0) return others.map(([name, version]) => `it was built with ${name} ${version}, and here with ${toolchain?.[name] ?? "none"}`).join("; ");
    return codeMeasurement === deployed.codeMeasurement ? "the configuration in the stack is not what it was deployed with" : "the sources are other ones";
}

/** The folder of the program: of `main` in Pulumi.yaml, which is looked for from --cwd upwards. */
function sourceFolder({ sources, cwd }: MeasureOptions): string {
    const folder = path.resolve(sources ?? cwd ?? process.cwd());
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
        throw new AuthenticError("AE-CLI-CWD", `there is no folder ${folder}`, "name the folder of the program with --sources");
    }
    if (sources !== undefined) return folder;
    for (let at = folder; ; at = path.dirname(at)) {
        for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
            const file = path.join(at, name);
            if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
            // The one scalar that matters; the rest of the file is Pulumi's.
            const main = /^main:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#"'][^#\n]*))/m.exec(readFileSync(file, "utf8"))?.slice(1).join("").trim();
            const program = path.resolve(at, main ?? ".");
            return statSync(program, { throwIfNoEntry: false })?.isDirectory() === true ? program : path.dirname(program);
        }
        if (at === path.dirname(at)) return folder;
    }
}

function writeReferences(file: string, modules: readonly ModuleResource[], measured: readonly Measured[]): void {
    const [first] = modules;
    const document = {
        format: "pulumi-authentic/reference-values/1",
        deployment: first?.deploymentId ?? null,
        deployerPublicKey: first?.deployerPublicKey ?? null,
        modules: Object.fromEntries(measured.map(({ name, tee, measurement, codeMeasurement, kit }) => [name, { tee, measurement, codeMeasurement, kit }])),
    };
    try {
        writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
    } catch (error) {
        throw new AuthenticError("AE-CLI-FILE", `${file} cannot be written (${error instanceof Error ? error.message : String(error)})`, "name a file in a folder that you can write to");
    }
}

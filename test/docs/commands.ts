// Whether what a text calls is there: scripts of the package, its command line and programs with their options, Pulumi's commands and
// flags, files, crates. Nothing of it is run.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { CommanderError, type Command } from "commander";
import { authenticProgram } from "../../provider/cli/program";
import { exampleNames } from "../../tools/pulumi/project";
import { builtProgram, packageRoot, toolchain } from "../../tools/setup/toolchain";
import type { Call } from "./calls";

/** Programs of the system that texts call. */
const SYSTEM = new Set("apt-get cat chmod cp curl gdb-multiarch git head jq kill loginctl ls mkdir openssl od pip printf ps python3 rm rustc rustup sed sleep ssh ssh-add ssh-copy-id ssh-keygen ssh-keyscan sudo systemctl tee tr wait".split(" "));
const BENCHMARKS = /^const BENCHMARKS: .* = \{ (.*) \};$/m;

const within = (...names: string[]): string => path.join(packageRoot(), ...names);
const scripts = (JSON.parse(fs.readFileSync(within("package.json"), "utf8")) as { scripts: Record<string, string> }).scripts;

/** What is wrong with a call; undefined where nothing is. */
type Check = (args: readonly string[], made: ReadonlySet<string>) => string | undefined;

/** `authentic`: commander reads the arguments, and starts nothing. */
const authentic: Check = (args) => {
    const program = authenticProgram(() => undefined);
    const said: string[] = [];
    const inert = (command: Command): void => {
        command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: (text) => said.push(text.trim()) });
        command.action(() => undefined);
        command.commands.forEach(inert);
    };
    program.commands.forEach(inert);
    program.configureOutput({ writeOut: () => undefined, writeErr: (text) => said.push(text.trim()) });
    try {
        program.parse([...args], { from: "user" });
        return undefined;
    } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        return error.exitCode === 0 ? undefined : said.join(" ");
    }
};

const helps = new Map<string, string>();
/** What a program says of one of its commands. */
function help(program: string, command: readonly string[]): string {
    const key = JSON.stringify([program, command]);
    let text = helps.get(key);
    if (text === undefined) {
        const { stdout, stderr } = spawnSync(program, [...command, "--help"], { encoding: "utf8" });
        text = `${stdout}${stderr}`;
        helps.set(key, text);
    }
    return text;
}

const flagsOf = (args: readonly string[]): string[] => args.filter((word) => /^--?[A-Za-z]/.test(word)).map((word) => word.split("=")[0] ?? "");
const lacks = (text: string, flag: string): boolean => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, "m").test(text);

/** Pulumi's own help names its commands and flags. */
const pulumi: Check = (args) => {
    const words = args.slice(0, args.findIndex((word) => word.startsWith("-")) >>> 0);
    let command: string[] = [];
    for (const word of words) {
        const longer = [...command, word];
        if (!new RegExp(`^ +pulumi ${longer.join(" ")}( |$)`, "m").test(help(toolchain().pulumi, longer))) break;
        command = longer;
    }
    if (command.length === 0) return `pulumi has no command ${words.join(" ")}`;
    const text = help(toolchain().pulumi, command);
    const unknown = flagsOf(args).find((flag) => lacks(text, flag));
    return unknown === undefined ? undefined : `pulumi ${command.join(" ")} has no flag ${unknown}`;
};

/** A program of this package, as it was built. */
const own = (program: string): Check => (args) => {
    const binary = builtProgram(program);
    const command = args[0] !== undefined && !args[0].startsWith("-") ? [args[0]] : [];
    const text = help(binary, command);
    const unknown = flagsOf(args).find((flag) => lacks(text, flag));
    return unknown === undefined ? undefined : `${[program, ...command].join(" ")} has no flag ${unknown}`;
};

/** Arguments behind `npm run SCRIPT --`. */
const SCRIPTS: Readonly<Record<string, Check>> = {
    pulumi, authentic,
    example: (args) => (args.length === 1 && exampleNames().includes(args[0] ?? "") ? undefined : `there is no example ${args.join(" ")}`),
    bench: (args) => {
        const known = (BENCHMARKS.exec(fs.readFileSync(within("bench", "main.ts"), "utf8"))?.[1] ?? "").split(", ");
        const rest = args.join(" ").replace(/--modules \d+|--quick/g, "").trim().split(/\s+/).filter((word) => word !== "");
        const unknown = rest.find((word) => !known.includes(word));
        return unknown === undefined ? undefined : `there is no benchmark ${unknown}`;
    },
    fuzz: (args) => (args.length <= 1 && args.every((word) => /^[1-9]\d*$/.test(word)) ? undefined : "npm run fuzz takes a number"),
    demo: (args) => (args.every((word) => word === "--quick") ? undefined : `npm run demo does not take ${args.join(" ")}`),
};

const npm: Check = (words, made) => {
    const [command, ...rest] = words;
    if (command === "test") return scripts["test"] === undefined || rest.length > 0 ? "npm test is no script" : undefined;
    if (command === "install" || command === "ci") return rest.every((name) => name === "pulumi-authentic") ? undefined : `npm ${words.join(" ")} installs another package`;
    if (command !== "run") return `npm ${String(command)} is not expected in a text`;
    const [script = "", separator, ...args] = rest.filter((word) => word !== "--silent");
    if (scripts[script] === undefined) return `there is no script ${script}`;
    if (separator !== undefined && separator !== "--") return `npm takes ${separator} for itself: write -- before it`;
    const check = SCRIPTS[script];
    return check === undefined ? args.length === 0 ? undefined : `npm run ${script} takes no arguments` : check(args, made);
};

/** Its options are cargo's own business; crates are ours. */
const cargo: Check = (args) => {
    const crate = args[args.indexOf("-p") + 1];
    if (!args.includes("-p") || crate === undefined) return undefined;
    const names = fs.readdirSync(within("runtime"), { withFileTypes: true }).filter((entry) => fs.existsSync(within("runtime", entry.name, "Cargo.toml")))
        .map(({ name }) => /^name = "(.*)"/m.exec(fs.readFileSync(within("runtime", name, "Cargo.toml"), "utf8"))?.[1]);
    return names.includes(crate) ? undefined : `there is no crate ${crate}`;
};

const exists = (name: string, made: ReadonlySet<string>): string | undefined =>
    made.has(name) || fs.existsSync(within(name)) ? undefined : `there is no file ${name}`;

const PROGRAMS: Readonly<Record<string, Check>> = {
    npm, authentic, pulumi, cargo,
    npx: ([name, ...args], made) => (name === "authentic" ? authentic(args, made) : `npx ${String(name)} is another package`),
    node: ([script = "", ...args], made) => (script.startsWith("-") ? args.length === 1 ? undefined : "node -e takes one text" : exists(script, made)),
    cd: ([folder = ""], made) => exists(folder, made),
};

/**
 * What is wrong with a call; undefined where nothing is.
 *
 * @param made - files and folders that the text has made before
 */
export function problemOf([program, ...args]: Call, made: ReadonlySet<string>): string | undefined {
    const name = path.basename(program);
    const check = PROGRAMS[name] ?? (name.startsWith("authentic-") ? own(name) : undefined);
    if (check !== undefined) return check(args, made);
    return SYSTEM.has(name) ? undefined : `${program} is no program that is known here`;
}

/** What a call makes: the folder of an `--output`, files behind `>` are not among its words. */
export function madeBy([program, ...args]: Call): string[] {
    const at = args.indexOf("--output");
    return ["npx", "authentic"].includes(program) && at >= 0 ? [args[at + 1] ?? ""] : [];
}

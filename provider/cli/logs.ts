// `authentic logs`: the logs of agents and module hosts. They never contain events, keys or messages.

import { Command, InvalidArgumentError } from "commander";
import { clean } from "../agent/http";
import { AuthenticError } from "../errors";
import type { AgentClient } from "../agent/client";
import type { DeployedStack } from "../stack/stack";
import { ExitCode } from "./exit-code";
import { exportedStack } from "./exported-stack";
import { listen, untilInterrupted } from "./listening";
import { chosen, resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";

const EXAMPLES = [
    ["The last lines of every log", "authentic logs"],
    ["The log of one module, as it grows", "authentic logs controller --follow"],
    ["The agent of a node", "authentic logs server --lines 20"],
] as const;
const NOTES = [
    "A name is that of a module (its host's log) or of a node (its agent's log). What a module publishes itself has the target `module`.",
    "Exit codes: 0 done, or ended by Ctrl-C; 3 a log cannot be read, the others are shown; 2 the call cannot be carried out.",
];
const MAX_LINES = 10_000;

interface LogsOptions extends StackOptions {
    readonly lines: number;
    readonly follow?: boolean;
}

/** A log: that of a module host, or of an agent where there is no instance. */
interface Log {
    readonly name: string;
    readonly agent: AgentClient;
    readonly instance: string | undefined;
}

/** The subcommand. */
export function logsCommand(exit: (code: number) => void): Command {
    const command = new Command("logs")
        .description("show the logs of module hosts and agents")
        .argument("[name...]", "names of modules or nodes; all of the stack where there is none")
        .option("--lines <count>", "lines of each log to begin with, at most 10000", count, 100)
        .option("-f, --follow", "go on with what is added, until Ctrl-C");
    addExamples(addStackOptions(command, false, "{logs: [{name, lines, error}]}, or with --follow {name, line}, one a line,"), EXAMPLES, NOTES);
    return command.action(async (names: readonly string[], options: LogsOptions) => {
        const logs = chosenLogs(await exportedStack(options, { secrets: false }), names);
        if (options.follow === true) await follow(logs, options);
        else if (!await show(logs, options)) exit(ExitCode.refused);
    });
}

function count(text: string): number {
    if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_LINES) throw new InvalidArgumentError(`give a number of lines, at most ${MAX_LINES}.`);
    return Number(text);
}

function chosenLogs(stack: DeployedStack, names: readonly string[]): Log[] {
    const { nodes, modules } = resourcesOf(stack);
    const all = [
        ...nodes.map(({ name }) => ({ name, agent: stack.agent(name), instance: undefined })),
        ...modules.map(({ name, nodeName, instance }) => ({ name, agent: stack.agent(nodeName), instance })),
    ];
    return [...chosen("module or node", names, all)];
}

/** @returns whether all could be read; those that can are shown in any case */
async function show(logs: readonly Log[], { lines, json }: LogsOptions): Promise<boolean> {
    const texts = await Promise.all(logs.map(async ({ name, agent, instance }) => {
        try {
            const text = await agent.logs(instance, lines);
            return { name, lines: text.split("\n").filter((line) => line !== "").map(clean), error: null };
        } catch (error) {
            if (!(error instanceof AuthenticError)) throw error;
            process.stderr.write(`${name}: ${error.message}\n`);
            return { name, lines: [], error: { code: error.code, message: error.message } };
        }
    }));
    print(json === true ? [JSON.stringify({ logs: texts }, null, 2)] : texts.flatMap((log) => log.lines.map((line) => labelled(log.name, line, logs))));
    return texts.every(({ error }) => error === null);
}

async function follow(logs: readonly Log[], { lines, json }: LogsOptions): Promise<void> {
    const { signal } = untilInterrupted();
    await Promise.all(logs.map(({ name, agent, instance }) => {
        let first = lines;
        return listen(name, signal, () => {
            const opened = agent.follow(instance, first, signal);
            first = 0;
            return opened;
        }, (line) => print([json === true ? JSON.stringify({ name, line }) : labelled(name, line, logs)]));
    }));
}

function labelled(name: string, line: string, logs: readonly Log[]): string {
    return logs.length === 1 ? line : `${name}: ${line}`;
}

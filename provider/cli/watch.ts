// `authentic watch`: what becomes of events as it happens. Only metadata: nobody but the modules can read the events.

import { Command, InvalidArgumentError } from "commander";
import type { TracedEvent } from "../agent/client";
import { milliseconds } from "../lifecycle/schemas";
import { type Attempt, describeAttempt, watchBoard } from "./attempts";
import { exportedStack } from "./exported-stack";
import { listen, untilInterrupted } from "./listening";
import { chosen, type ConnectionResource, describeEnds, type ModuleResource, resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";

const EXAMPLES = [
    ["All connections, until Ctrl-C", "authentic watch"],
    ["One connection, also what is sent", "authentic watch moisture --sent"],
    ["Ten events as JSON, one a line", "authentic watch --json --count 10"],
] as const;
const NOTES = [
    "Shows when, connection, ends, counter, bytes, and what became of the event: delivered to the module, or refused by it and why.\nThe agents say so, which are not trusted. Commands of the deployer travel in sessions and are not shown. Agents keep the last 8,192 events of a module; who reads too slowly is told how many were missed.\nOf the Sancus boards concerned it shows broken access rules, spoiled and unasked messages on the line, and resets, as their bridges count them.",
    "Exit codes: 0 ended by Ctrl-C, --count or --for, 2 the call cannot be carried out.",
];

interface WatchOptions extends StackOptions {
    readonly sent?: boolean;
    readonly count?: number;
    readonly for?: number;
}

/** The subcommand. */
export function watchCommand(): Command {
    const command = new Command("watch")
        .description("show what becomes of events as it happens: connection, counter, size, delivered or refused; never their content")
        .argument("[connection...]", "names of connections; all of the stack where there is none")
        .option("--sent", "show also what modules send")
        .option("--count <events>", "end after so many events", positive)
        .option("--for <duration>", "end after so long: 10s, 5m", duration);
    addExamples(addStackOptions(command, false, "{at, connection, name, module, event, counter, bytes, reason}, one a line,"), EXAMPLES, NOTES);
    return command.action(watch);
}

function positive(text: string): number {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("give a whole number from 1 on.");
    return Number(text);
}

function duration(text: string): number {
    const value = milliseconds(text);
    if (value === undefined || value < 1 || value > 2 ** 31 - 1) throw new InvalidArgumentError("give a duration, such as 10s or 5m.");
    return value;
}

async function watch(names: readonly string[], options: WatchOptions): Promise<void> {
    const stack = await exportedStack(options, { secrets: false });
    const resources = resourcesOf(stack);
    const connections = chosen("connection", names, resources.connections);
    const modules = resources.modules.filter(({ name }) => connections.some(({ from, to }) => to.module === name || from?.module === name));
    const { signal, end } = untilInterrupted();
    const timer = options.for === undefined ? undefined : setTimeout(end, options.for);
    let left = options.count ?? Infinity;
    const take = (module: ModuleResource, event: TracedEvent) => {
        if (left === 0) return;
        const text = describe(module, event, connections, options, names.length > 0);
        if (text === undefined) return;
        print([text]);
        if (!("missed" in event) && --left === 0) end();
    };
    const boards = resources.nodes.filter(({ name, tee }) => tee === "sancus" && modules.some(({ nodeName }) => nodeName === name));
    const tell = (attempt: Attempt) => {
        if (left === 0) return;
        print([options.json === true ? JSON.stringify(attempt) : describeAttempt(attempt)]);
        if (--left === 0) end();
    };
    await Promise.all([...boards.map(({ name }) => watchBoard(name, signal, () => stack.agent(name).board(), tell)), ...modules.map((module) => listen(module.name, signal, () => stack.agent(module.nodeName).events(module.instance, signal), (event) => take(module, event)))]);
    clearTimeout(timer);
}

/** A line; undefined where the event is not asked for. */
function describe(module: ModuleResource, event: TracedEvent, connections: readonly ConnectionResource[], options: WatchOptions, named: boolean): string | undefined {
    if ("missed" in event) {
        return options.json === true ? JSON.stringify({ module: module.name, missed: event.missed }) : `${module.name}: ${event.missed} events were missed`;
    }
    const known = connections.find(({ connection }) => connection === event.connection);
    if ((known === undefined && named) || (event.event === "sent" && options.sent !== true)) return undefined;
    const { at, connection, counter, bytes, reason } = event;
    const when = new Date(at).toISOString();
    if (options.json === true) {
        return JSON.stringify({ at: when, connection, name: known?.name ?? null, module: module.name, event: event.event, counter: String(counter), bytes: bytes ?? null, reason: reason ?? null });
    }
    const ends = known === undefined ? `? → ${module.name}` : describeEnds(known);
    const fate = reason === undefined ? event.event : `${event.event} (${reason})`;
    return `${when}  ${known?.name ?? `#${connection}`}  ${ends}  ${counter}  ${bytes === undefined ? "-" : `${bytes} bytes`}  ${fate}`;
}

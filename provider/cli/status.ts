// `authentic status`: what the agents of a stack say about its nodes, modules and connections.

import { hostPort } from "../addresses";
import { Command } from "commander";
import { ExitCode } from "./exit-code";
import { exportedStack } from "./exported-stack";
import { type BoardCounters, type ConnectionState, type EndCounters, type ModuleStatus, type NodeStatus, type StackStatus, stackStatus } from "./observation";
import { resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";
import { table } from "./table";

const EXAMPLES = [
    ["The selected stack", "authentic status"],
    ["Another one, from anywhere", "authentic status --stack prod --cwd infrastructure"],
    ["How many events of a connection wait, for a script", "authentic status --json | jq '.connections[] | select(.name == \"moisture\").sender.queued'"],
] as const;
const NOTES = [
    "This is what the agents say, which are not trusted: `authentic attest` has the modules prove themselves.\nCounts begin with the module host that counts; assurance and measurement are those of the last `pulumi up` or `refresh`.",
    "Exit codes: 0 everything runs, 3 something does not, 2 the call cannot be carried out.",
];

/** The subcommand. @param exit - called with the exit code of a call that could be carried out */
export function statusCommand(exit: (code: number) => void): Command {
    const command = new Command("status").description("show nodes, modules and connections of a deployed stack, as their agents report them");
    addExamples(addStackOptions(command, false, "{inOrder, nodes, modules, connections}"), EXAMPLES, NOTES);
    return command.action(async (options: StackOptions) => {
        const stack = await exportedStack(options, { secrets: false });
        const status = await stackStatus(stack, resourcesOf(stack));
        print(options.json === true ? [JSON.stringify(status, null, 2)] : report(status));
        exit(status.inOrder ? ExitCode.done : ExitCode.refused);
    });
}

function report({ inOrder, nodes, modules, connections }: StackStatus): string[] {
    const triggers = modules.flatMap(({ name, triggers: own }) => own.map((trigger) => ({ module: name, ...trigger })));
    const boards = nodes.flatMap(({ name, board }) => board === null ? [] : [{ name, board }]);
    return [
        ...table(["NODE", "TEE", "STATE", "EVENTS AT", "PID", "AGENT"], nodes.map(nodeCells)),
        ...section(table(["BOARD OF", "KIND", "BOOTS", "REPEATED", "SPOILED", "UNEXPECTED", "VIOLATIONS"], boards.map(boardCells)), boards.length),
        "",
        ...table(["MODULE", "NODE", "STATE", "ASSURANCE", "MEASUREMENT", "INCARNATION", "PID", "ENTRIES", "SOCKETS"], modules.map(moduleCells)),
        ...section(table(["CONNECTION", "ID", "ENDS", "DELIVERY", "STATE", "EPOCH", "SENT", "DELIVERED", "QUEUED", "GAPS", "REFUSED"], connections.map(connectionCells)), connections.length),
        ...section(table(["TRIGGER", "MODULE", "EVERY", "FIRED", "SKIPPED"], triggers.map(({ name, module, everyMs, fired, skipped }) => [name, module, `${everyMs} ms`, fired, skipped])), triggers.length),
        ...section([...nodes.map(({ name, error }) => [name, error] as const), ...modules.map(({ name, reason }) => [name, reason] as const)]
            .flatMap(([name, problem]) => problem === null ? [] : [`${name}: ${problem}`]), 1),
        "",
        inOrder ? "everything runs, as the agents say" : "something does not run: `pulumi refresh`, then `pulumi up` repairs it",
    ];
}

function section(lines: readonly string[], entries: number): string[] {
    return entries === 0 || lines.length === 0 ? [] : ["", ...lines];
}

function nodeCells({ name, tee, backend, state, eventAddress: { host, port }, pid, agentVersion }: NodeStatus): string[] {
    return [name, backend === null ? tee : `${tee} (${backend})`, state, hostPort(host, port), pid?.toString() ?? "-", agentVersion ?? "-"];
}

function boardCells({ name, board: { kind, boots, repeated, spoiled, unexpected, violations } }: { readonly name: string; readonly board: BoardCounters }): string[] {
    return [name, kind, boots, repeated, spoiled, unexpected, violations];
}

function moduleCells({ name, node, state, assurance, measurement, incarnation, pid, entries, sockets }: ModuleStatus): string[] {
    return [name, node, state, assurance ?? "-", short(measurement), short(incarnation), pid?.toString() ?? "-", entries ?? "-", sockets?.toString() ?? "-"];
}

function connectionCells({ name, connection, ends, delivery, state, epoch, sender, receiver }: ConnectionState): string[] {
    return [
        name, connection.toString(), ends, delivery, state, epoch ?? "-",
        sender?.sent ?? "-", receiver?.delivered ?? "-", sender?.queued ?? "-", receiver?.gaps ?? "-", refusals(receiver),
    ];
}

function refusals(end: EndCounters | null): string {
    const reasons = Object.entries(end?.refused ?? {});
    return reasons.length === 0 ? end === null ? "-" : "0" : reasons.map(([reason, count]) => `${count} ${reason}`).join(", ");
}

function short(hex: string | null): string {
    return hex === null ? "-" : `${hex.slice(0, 12)}…`;
}

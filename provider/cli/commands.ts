// `authentic send`, `request` and `call`: commands of the deployer, each processed at most once.

import { Command, Option } from "commander";
import { AuthenticError } from "../errors";
import type { CommandResult } from "../session/session";
import { type DeployedStack, named, type Through } from "../stack/stack";
import { Carried } from "./carried";
import { addDataOptions, type DataOptions, dataOf, printable } from "./data";
import { ExitCode } from "./exit-code";
import { exportedStack } from "./exported-stack";
import { resourcesOf } from "./resources";
import { addExamples, addStackOptions, print, type StackOptions } from "./stack-options";

interface CommandOptions extends StackOptions, DataOptions {
    readonly output?: "auto" | "text" | "hex" | "raw";
}

/** What a subcommand does with its target. */
interface Kind {
    readonly name: string;
    readonly description: string;
    readonly target: readonly [name: string, description: string];
    readonly replies: boolean;
    readonly examples: readonly (readonly [what: string, call: string])[];
    /** Bytes that the module takes; undefined where the stack does not say. Throws for an unknown target. */
    readonly maximum: (stack: DeployedStack, target: string) => number | undefined;
    readonly execute: (stack: DeployedStack, target: string, data: Uint8Array, through: Through) => Promise<CommandResult>;
}

const NOTES = [
    "The module processes a command at most once: each carries a counter that only that command can use up. Where a reply is lost,\nthe module's attested status says whether it was processed, and it is sent again only if it was not.",
    "Exit codes: 0 done, 3 refused (nothing happened), 4 sent and the result is unknown, 130 interrupted before it was sent,\n2 the call cannot be carried out.",
];

const KINDS: readonly Kind[] = [
    {
        name: "send", description: "send an event from the deployer to an input", replies: false,
        target: ["connection", "name of a Connection from the Deployment to an input"],
        examples: [
            ["A text", "authentic send greeting hello"],
            ["One byte", "authentic send reading --hex 2d"],
            ["A file", "authentic send firmware --file image.bin"],
        ],
        maximum: connectionMaximum,
        execute: (stack, target, data, through) => stack.send(target, data, through),
    },
    {
        name: "request", description: "ask a handler from the deployer, and print its reply", replies: true,
        target: ["connection", "name of a Connection from the Deployment to a handler"],
        examples: [
            ["Without data; a reply that is no text is printed in hexadecimal", "authentic request query"],
            ["The bytes of the reply, for a program", "authentic request query --output raw | xxd"],
        ],
        maximum: connectionMaximum,
        execute: (stack, target, data, through) => stack.ask(target, data, through),
    },
    {
        name: "call", description: "call an entry of a module, with authentication", replies: false,
        target: ["module.entry", "a module and its entry, joined by a dot"],
        examples: [
            ["An entry without data", "authentic call controller.poll"],
            ["Data from standard input", "head -c 8 /dev/zero | authentic call controller.configure --file -"],
        ],
        maximum: (stack, target) => {
            const [module, entry] = splitEntry(target);
            return named("module", module, resourcesOf(stack).modules).interface?.find(({ kind, name }) => kind === "entry" && name === entry)?.maximum ?? 0;
        },
        execute: (stack, target, data, through) => stack.call(...splitEntry(target), data, through),
    },
];

/** The three subcommands. @param exit - called with the exit code of a call that could be carried out */
export function commandCommands(exit: (code: number) => void): Command[] {
    return KINDS.map((kind) => {
        const command = new Command(kind.name).description(kind.description).argument(`<${kind.target[0]}>`, kind.target[1]);
        addDataOptions(command);
        if (kind.replies) command.addOption(new Option("--output <form>", "how to print the reply; auto prints text where it is one, else hexadecimal").choices(["auto", "text", "hex", "raw"]).default("auto"));
        addExamples(addStackOptions(command, true, kind.replies ? "{status, counter, reply: {hex, text}}" : "{status, counter}"), kind.examples, NOTES);
        return command.action((target: string, text: string | undefined, options: CommandOptions) => run(kind, target, text, options, exit));
    });
}

async function run(kind: Kind, target: string, text: string | undefined, options: CommandOptions, exit: (code: number) => void): Promise<void> {
    if (options.file === "-" && options.state === "-") {
        throw new AuthenticError("AE-CLI-DATA", "both the state and the data are to come from standard input", "give one of them as a file");
    }
    const carried = new Carried();
    const stop = onInterrupt(carried, kind.name, target);
    try {
        const stack = await exportedStack(options);
        const data = dataOf(text, options, kind.maximum(stack, target), target);
        const result = await kind.execute(stack, target, data, (channel) => carried.channel(channel));
        show(kind, target, result, options);
        exit(ExitCode.done);
    } catch (error) {
        if (!(error instanceof AuthenticError)) throw error;
        const code = exitCodeOf(error, carried);
        if (options.json === true) print([JSON.stringify({ status: code === ExitCode.unknown ? "unknown" : "failed", error: { code: error.code, message: error.message } }, null, 2)]);
        process.stderr.write(`${error.message}${code === ExitCode.unknown && carried.state === "sent" ? `\n${unknownOutcome(kind.name, target)}` : ""}\n`);
        exit(code);
    } finally {
        stop();
    }
}

function exitCodeOf({ code }: AuthenticError, carried: Carried): number {
    if (code === "AE-STACK-REFUSED" || code === "AE-STACK-FULL") return ExitCode.refused;
    return carried.state === "sent" || code === "AE-COMMAND-UNKNOWN" || code === "AE-COMMAND-REPLY-LOST" ? ExitCode.unknown : ExitCode.unusable;
}

function show({ replies }: Kind, target: string, { status, counter, data }: CommandResult, { json, output }: CommandOptions): void {
    const text = printable(data);
    if (json === true) {
        print([JSON.stringify({ status, counter, ...(replies ? { reply: { hex: Buffer.from(data).toString("hex"), text: text ?? null } } : {}) }, null, 2)]);
    } else if (!replies) {
        print([`done: ${target} processed it as number ${counter}`]);
    } else if (output === "raw") {
        process.stdout.write(data);
    } else {
        print([output === "hex" || (output !== "text" && text === undefined) ? Buffer.from(data).toString("hex") : text ?? Buffer.from(data).toString("utf8").replace(/[^\P{C}\n\t]/gu, "�")]);
    }
}

function unknownOutcome(kind: string, target: string): string {
    return `The ${kind} to ${target} was sent and not confirmed: whether it was processed is unknown. Look at its effect, or at the counters of \`authentic attest\`, before you repeat it.`;
}

/** Ctrl-C before anything was sent ends at once; after that, the first waits for the confirmation and the second gives up. */
function onInterrupt(carried: Carried, kind: string, target: string): () => void {
    let asked = false;
    const interrupt = () => {
        if (carried.state === "nothing") {
            process.stderr.write(`interrupted: the ${kind} to ${target} was not sent\n`);
            process.exit(ExitCode.interrupted);
        }
        if (asked) {
            process.stderr.write(`interrupted. ${unknownOutcome(kind, target)}\n`);
            process.exit(ExitCode.unknown);
        }
        asked = true;
        process.stderr.write(`the ${kind} to ${target} was sent: waiting for its confirmation (Ctrl-C again gives up)\n`);
    };
    process.on("SIGINT", interrupt);
    return () => process.off("SIGINT", interrupt);
}

function connectionMaximum(stack: DeployedStack, name: string): number | undefined {
    const { connections, modules } = resourcesOf(stack);
    const { to } = named("connection", name, connections);
    const declarations = modules.find((module) => module.name === to.module)?.interface;
    return declarations === undefined || to.endpoint === undefined ? undefined : declarations[to.endpoint]?.maximum ?? 0;
}

function splitEntry(target: string): [module: string, entry: string] {
    const dot = target.lastIndexOf(".");
    if (dot < 1 || dot === target.length - 1) {
        throw new AuthenticError("AE-CLI-ENTRY", `"${target}" is no entry of a module`, "write MODULE.ENTRY, such as controller.poll");
    }
    return [target.slice(0, dot), target.slice(dot + 1)];
}

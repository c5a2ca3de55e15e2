// A stack's exported state for the command line: from a file, from standard input, or from Pulumi itself. It holds secrets
// in clear, so it stays in memory, and no error repeats any of it.

import { spawn } from "node:child_process";
import { createReadStream, statSync } from "node:fs";
import { AuthenticError } from "../errors";
import { parseLocation } from "../ssh/settings";
import { DeployedStack } from "../stack/stack";

/** Where the state comes from. */
export interface StackSource {
    /** A file, `-` for standard input; undefined asks Pulumi. */
    readonly state?: string | undefined;
    /** Name of the stack, for Pulumi; undefined for the selected one. */
    readonly stack?: string | undefined;
    /** Folder of the Pulumi project; undefined for the present one. */
    readonly cwd?: string | undefined;
}

const SHOW = "--show-secrets";
const EXPORT = "pulumi stack export";
// Far above any stack: a module has about 2 KiB of state.
const MAX_STATE = 256 << 20;
/** How much of Pulumi's complaint an error shows, characters. */
const MAX_COMPLAINT = 4096;

/**
 * Reads a stack.
 *
 * @param secrets - whether the deployer's key is needed; without, one that is hidden stays so, unless nodes are on other machines
 * @throws AuthenticError AE-CLI-FILE, AE-CLI-CWD, AE-CLI-PULUMI and AE-CLI-STATE; AE-STACK-FORMAT and AE-STACK-SECRETS of `readStackState`
 */
export async function exportedStack({ state, stack, cwd }: StackSource, { secrets }: { readonly secrets: boolean } = { secrets: true }): Promise<DeployedStack> {
    if (state !== undefined) return parse(await fromFile(state), secrets);
    const ask = async (show: boolean) => parse(await fromPulumi(stack, cwd ?? process.cwd(), show), secrets);
    const found = await ask(secrets);
    // The keys with which other machines are reached are secrets.
    return !secrets && found.state.nodes.some(({ folder, ssh }) => ssh === undefined && parseLocation(folder) !== undefined) ? ask(true) : found;
}

function parse(text: string, secrets: boolean): DeployedStack {
    try {
        return DeployedStack.fromExport(JSON.parse(text), { secrets });
    } catch (error) {
        if (error instanceof SyntaxError) {
            // Without its message and cause: they quote the text, which may be a key.
            throw new AuthenticError("AE-CLI-STATE", "the exported stack is not JSON", `give the whole output of \`${EXPORT}${secrets ? ` ${SHOW}` : ""}\``);
        }
        throw error;
    }
}

async function fromFile(path: string): Promise<string> {
    const what = path === "-" ? "the state on standard input" : `the state ${path}`;
    try {
        return await bounded(path === "-" ? process.stdin : createReadStream(path), what);
    } catch (error) {
        if (error instanceof AuthenticError) {
            throw error;
        }
        throw new AuthenticError("AE-CLI-FILE", `${what} cannot be read (${messageOf(error)})`, "check the path and its permissions");
    }
}

async function fromPulumi(stack: string | undefined, cwd: string, secrets: boolean): Promise<string> {
    // A missing folder would otherwise look like a missing program.
    if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
        throw new AuthenticError("AE-CLI-CWD", `there is no folder ${cwd}`, "give the folder of the Pulumi project with --cwd");
    }
    const child = spawn("pulumi", ["stack", "export", ...(secrets ? [SHOW] : []), "--non-interactive", ...(stack === undefined ? [] : ["--stack", stack])],
        { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => { complaint = (complaint + text).slice(-MAX_COMPLAINT); });
    const ended = new Promise<string | null>((resolve) => {
        child.once("error", (error) => resolve(`cannot be started (${messageOf(error)})`));
        child.once("close", (code, signal) => resolve(code === 0 ? null : `ended with ${signal ?? `exit code ${String(code)}`}`));
    });
    try {
        const [text, problem] = await Promise.all([bounded(child.stdout, `the output of \`${EXPORT}\``), ended]);
        if (problem === null) {
            return text;
        }
        throw child.pid === undefined
            ? new AuthenticError("AE-CLI-PULUMI", `\`pulumi\` ${problem}`, "install Pulumi and put it on PATH, or give an exported stack with --state")
            : new AuthenticError("AE-CLI-PULUMI", `\`${EXPORT}\` ${problem}: ${printable(complaint.trim())}`,
                "correct what Pulumi says (--cwd names the project, --stack the stack), or give an exported stack with --state");
    } finally {
        child.kill();
    }
}

async function bounded(stream: AsyncIterable<unknown>, what: string): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream) {
        const bytes = chunk as Buffer;
        size += bytes.length;
        if (size > MAX_STATE) {
            throw new AuthenticError("AE-CLI-STATE", `${what} has more than ${MAX_STATE} bytes`, `give the output of \`${EXPORT}\``);
        }
        chunks.push(bytes);
    }
    return Buffer.concat(chunks).toString("utf8");
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

// Keeps line ends: Pulumi's messages have several lines.
function printable(text: string): string {
    return text.replace(/[^\n\x20-\x7e\u00a0-\u{10ffff}]/gu, "�");
}

// The programs of a node, as this package has them for each kind of machine.
import { createHash } from "node:crypto";
import { access, constants, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packageFolder } from "../build/folders";
import { ofFiles } from "../build/traces";
import { AuthenticError } from "../errors";
import { howToBuild, machineArchitecture, PROCESSORS, targetsOf } from "./processors";

/** What nodes need beside the agent and the module host, by TEE. */
const FURTHER: Readonly<Record<string, readonly string[]>> = {
    sgx: ["authentic-sgx-platform"],
    sancus: ["authentic-board"],
    trustzone: ["authentic-trustzone"],
};

/**
 * The agent's program for a machine: `AUTHENTIC_AGENT`, else the package's own build. What it starts lies beside it.
 *
 * @param architecture - as `uname -m` says it
 * @throws AuthenticError `AE-AGENT-BINARY` if there is none
 */
export async function agentProgram(architecture: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
    const chosen = architecture === machineArchitecture() ? env["AUTHENTIC_AGENT"] : undefined;
    const runtime = path.join(packageFolder(), "runtime");
    const candidates = chosen ? [path.resolve(chosen)] : targetsOf(architecture).map((target) => path.join(runtime, "target", target, "release", "authentic-agent"));
    for (const candidate of candidates) {
        try {
            await access(candidate, constants.X_OK);
            return candidate;
        } catch {
            // The next one.
        }
    }
    const here = architecture === machineArchitecture();
    const looked = candidates.length === 0 ? "" : ` (looked for ${candidates.join(", ")})`;
    throw new AuthenticError("AE-AGENT-BINARY", `there is no agent for ${here ? "this machine" : `machines with ${architecture} processors`}${looked}`,
        `${howToBuild(architecture, runtime)}${here ? ", or set AUTHENTIC_AGENT to the path of authentic-agent" : ""}`);
}

/** A program to install. */
export interface Program {
    readonly name: string;
    readonly content: Uint8Array;
    /** SHA-256, hexadecimal. */
    readonly digest: string;
    /** The content as gzip makes it, once. */
    readonly packed: () => Promise<Uint8Array>;
}

/** Names of the programs of a node: the agent first. */
export function programNames(tee = "native"): string[] {
    return ["authentic-agent", "authentic-host", ...FURTHER[tee] ?? []];
}

/** All programs of a node: the agent first. @throws AuthenticError as {@link agentProgram} */
export async function programsFor(architecture: string, tee?: string): Promise<Program[]> {
    const agent = await agentProgram(architecture);
    return Promise.all(programNames(tee).map(async (name) => {
        const file = path.join(path.dirname(agent), name);
        try {
            return await ofFiles("program", file, () => read(name, file));
        } catch (cause) {
            throw missing(architecture, file, cause);
        }
    }));
}

async function read(name: string, file: string): Promise<Program> {
    const content = await readFile(file);
    let packed: Promise<Uint8Array> | undefined;
    return { name, content, digest: createHash("sha256").update(content).digest("hex"), packed: () => packed ??= promisify(gzip)(content) };
}

function missing(architecture: string, file: string, cause: unknown): AuthenticError {
    return new AuthenticError("AE-AGENT-BINARY", `there is no ${path.basename(file)} beside the agent (looked for ${file})`, `${howToBuild(architecture, path.join(packageFolder(), "runtime"))}, which builds all programs`, { cause });
}

/** Names a set of programs: another one where any of them is. */
export function versionOf(programs: readonly Pick<Program, "name" | "digest">[]): string {
    return createHash("sha256").update(programs.map(({ name, digest }) => `${name} ${digest}\n`).join("")).digest("hex").slice(0, 16);
}

/**
 * The version of the programs around an agent's.
 *
 * @param agent - its file, or that of a process that runs it
 * @param folder - where the others are
 * @param lacking - called for one that is not there; counts as its digest where it returns
 */
export async function versionAround(agent: string, folder: string, tee: string | undefined, lacking: (file: string, cause: unknown) => string = () => "missing"): Promise<string> {
    return versionOf(await Promise.all(programNames(tee).map(async (name) => {
        const file = name === "authentic-agent" ? agent : path.join(folder, name);
        return { name, digest: await digestOfFile(file).catch((cause: unknown) => lacking(file, cause)) };
    })));
}

/** The version of the programs that this package has for a machine. @throws AuthenticError as {@link agentProgram} */
export async function packagedVersion(architecture: string, tee?: string): Promise<string> {
    const agent = await agentProgram(architecture);
    return versionAround(agent, path.dirname(agent), tee, (file, cause) => {
        throw missing(architecture, file, cause);
    });
}

/**
 * The programs that a node is to run, as its state has them: `x86_64 0123456789abcdef`. Of another machine the processor is known
 * only there, so all that there are builds for are named.
 *
 * @param elsewhere - the node is on another machine
 * @returns undefined where there are none, which whoever starts them reports
 */
export async function wantedPrograms(tee: string, elsewhere: boolean): Promise<string | undefined> {
    const architectures = elsewhere ? PROCESSORS : [machineArchitecture()];
    const found = await Promise.all(architectures.map((one) => packagedVersion(one, tee).then((version) => nameOf(one, version), (error: unknown) => {
        if (error instanceof AuthenticError) return undefined;
        throw error;
    })));
    return found.filter((one) => one !== undefined).join(", ") || undefined;
}

/** Programs for a kind of machine, as state has them. */
export function nameOf(architecture: string, version: string): string {
    return `${architecture} ${version}`;
}

/** SHA-256 of a file, which is read once a process as long as it stays the same. @throws where there is none */
async function digestOfFile(file: string): Promise<string> {
    return ofFiles("digest", file, async () => createHash("sha256").update(await readFile(file)).digest("hex"));
}

// The programs of a node, as this package has them for each kind of machine.
import { createHash } from "node:crypto";
import { access, constants, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packageFolder } from "../build/folders";
import { ofFiles } from "../build/traces";
import { AuthenticError } from "../errors";
import { howToBuild, machineArchitecture, targetsOf } from "./processors";

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

/** All programs of a node: the agent first. @throws AuthenticError as {@link agentProgram} */
export async function programsFor(architecture: string, tee = "native"): Promise<Program[]> {
    const agent = await agentProgram(architecture);
    return Promise.all(["authentic-agent", "authentic-host", ...FURTHER[tee] ?? []].map(async (name) => {
        const file = path.join(path.dirname(agent), name);
        try {
            return await ofFiles("program", file, () => read(name, file));
        } catch (cause) {
            throw new AuthenticError("AE-AGENT-BINARY", `there is no ${name} beside the agent (looked for ${file})`, `${howToBuild(architecture, path.join(packageFolder(), "runtime"))}, which builds all programs`, { cause });
        }
    }));
}

async function read(name: string, file: string): Promise<Program> {
    const content = await readFile(file);
    let packed: Promise<Uint8Array> | undefined;
    return { name, content, digest: createHash("sha256").update(content).digest("hex"), packed: () => packed ??= promisify(gzip)(content) };
}

/** Names a set of programs: another one where any of them is. */
export function versionOf(programs: readonly Program[]): string {
    return createHash("sha256").update(programs.map(({ name, digest }) => `${name} ${digest}\n`).join("")).digest("hex").slice(0, 16);
}

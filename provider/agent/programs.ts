// The programs of a node, as this package has them for each kind of machine.
import { createHash } from "node:crypto";
import { access, constants, readFile } from "node:fs/promises";
import path from "node:path";
import { packageFolder } from "../build/folders";
import { AuthenticError } from "../errors";

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
    const chosen = env["AUTHENTIC_AGENT"];
    const triples = ["gnu", "musl"].map((libc) => `${architecture}-unknown-linux-${libc}`);
    const candidates = chosen && architecture === machineArchitecture() ? [path.resolve(chosen)] : triples.map((triple) => path.join(packageFolder(), "runtime", "target", triple, "release", "authentic-agent"));
    for (const candidate of candidates) {
        try {
            await access(candidate, constants.X_OK);
            return candidate;
        } catch {
            // The next one.
        }
    }
    const [whom, target] = architecture === machineArchitecture() ? ["this machine", ", or set AUTHENTIC_AGENT to the path of authentic-agent"] : [`machines with ${architecture} processors`, ` with \`--target ${triples[0] ?? ""}\``];
    throw new AuthenticError("AE-AGENT-BINARY", `there is no agent for ${whom} (looked for ${candidates.join(", ")})`, `run \`cargo build --release --locked\` in ${path.join(packageFolder(), "runtime")}${target}`);
}

/** This machine's, as `uname -m` says it. */
export function machineArchitecture(): string {
    return { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;
}

/** A program to install. */
export interface Program {
    readonly name: string;
    readonly content: Uint8Array;
    /** SHA-256, hexadecimal. */
    readonly digest: string;
}

/** All programs of a node: the agent first. @throws AuthenticError as {@link agentProgram} */
export async function programsFor(architecture: string, tee = "native"): Promise<Program[]> {
    const agent = await agentProgram(architecture);
    return Promise.all(["authentic-agent", "authentic-host", ...FURTHER[tee] ?? []].map(async (name) => {
        const file = path.join(path.dirname(agent), name);
        const content = await readFile(file).catch((cause: unknown) => {
            throw new AuthenticError("AE-AGENT-BINARY", `there is no ${name} beside the agent (looked for ${file})`, `run \`cargo build --release --locked\` in ${path.join(packageFolder(), "runtime")}, which builds all programs`, { cause });
        });
        return { name, content, digest: createHash("sha256").update(content).digest("hex") };
    }));
}

/** Names a set of programs: another one where any of them is. */
export function versionOf(programs: readonly Program[]): string {
    return createHash("sha256").update(programs.map(({ name, digest }) => `${name} ${digest}\n`).join("")).digest("hex").slice(0, 16);
}

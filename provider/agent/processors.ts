// Processors of the machines of nodes, as `uname -m` names them.

/** Those that nodes run on. For each, runtime/.cargo/config.toml has an alias of its name that builds its programs elsewhere. */
export const PROCESSORS: readonly string[] = ["x86_64", "aarch64"];

/** Rust's targets for a processor, best first; empty for one that nodes do not run on. */
export const targetsOf = (architecture: string): readonly string[] => (PROCESSORS.includes(architecture) ? ["gnu", "musl"].map((libc) => `${architecture}-unknown-linux-${libc}`) : []);

/** This machine's. */
export function machineArchitecture(): string {
    return { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;
}

/** How to get the programs of nodes for a processor. `runtime`: the folder of their sources. */
export function howToBuild(architecture: string, runtime: string): string {
    if (architecture === machineArchitecture()) return `run \`cargo build --release --locked\` in ${runtime}`;
    if (targetsOf(architecture).length === 0) return `choose a machine with one of these processors for the node: ${PROCESSORS.join(", ")}`;
    return `run \`rustup target add ${architecture}-unknown-linux-musl\` and \`cargo ${architecture}\` in ${runtime}`;
}

/** Why a machine cannot run nodes of a TEE whose modules are code for other processors, and what can; undefined where it can. */
export function otherProcessor(tee: string, processors: readonly string[] | undefined, architecture: string): { readonly why: string; readonly next: string } | undefined {
    if (processors === undefined || processors.includes(architecture)) return undefined;
    return {
        why: `modules of ${tee} nodes are code for ${processors.join(" and ")}, and its processor is ${architecture}`,
        next: "choose a machine with such a processor; this one can be the gateway of boards (tee \"sancus\" or \"trustzone\")",
    };
}

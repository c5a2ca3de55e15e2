// Runs cargo so that what it builds depends on the sources, the lock file and the toolchain alone.
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Outcome, execute } from "../process";
import type { RustTarget } from "../target";
import { PROFILE, flagsFor } from "./flags";
import { type Toolchain, rustEnvironment } from "./toolchain";

/**
 * Runs rustc with another crate hash: cargo's has the absolute path of every crate outside of the workspace in it, and the
 * order of functions in an image follows from it.
 */
const WRAPPER = `#!/bin/sh
for argument do
    shift
    case $argument in metadata=*) argument="metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;; esac
    set -- "$@" "$argument"
done
exec "$@"
`;

/** A folder as it is written into images: the same on every machine. */
export interface Renamed {
    readonly from: string;
    readonly to: string;
}

/** What to build, and where. */
export interface CargoBuild {
    /** `build` or `rustc`, and what to build; no profile or target. */
    readonly command: readonly string[];
    /** Folder of the workspace or package. */
    readonly folder: string;
    /** For what cargo makes. */
    readonly targetFolder: string;
    /** For files of this call. */
    readonly scratch: string;
    readonly renamed: readonly Renamed[];
}

/**
 * Builds with cargo.
 *
 * @returns its messages in JSON as output, and what it says to people as error output
 */
export async function runCargo({ command, folder, targetFolder, scratch, renamed }: CargoBuild, { cargo, rustc }: Toolchain, target: RustTarget): Promise<Outcome> {
    const wrapper = path.join(scratch, "rustc.sh");
    await writeFile(wrapper, WRAPPER);
    await chmod(wrapper, 0o755);
    const flags = [...flagsFor(target), ...[...renamed, { from: targetFolder, to: "/target" }].map(({ from, to }) => `--remap-path-prefix=${from}=${to}`)];
    return execute([cargo, ...command, "--release", "--locked", "--target", target.triple, "--message-format=json", ...PROFILE], folder, {
        ...rustEnvironment(),
        CARGO_TARGET_DIR: targetFolder,
        CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"),
        CARGO_INCREMENTAL: "0",
        CARGO_TERM_COLOR: "never",
        RUSTC: rustc,
        RUSTC_WRAPPER: wrapper,
        RUSTC_WORKSPACE_WRAPPER: "",
    });
}

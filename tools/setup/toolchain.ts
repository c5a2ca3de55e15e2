// Where set-up found or put the tools: Zig, the Pulumi CLI and its plugins.
import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { machineArchitecture } from "../../provider/agent/processors";
import { AuthenticError } from "../../provider/errors";

const schema = z.object({
    /** Per-user cache folder. */
    cache: z.string(),
    /** Command that runs Zig: a program and its first arguments. */
    zig: z.tuple([z.string()], z.string()),
    /** Path of the Pulumi CLI. */
    pulumi: z.string(),
    /** Folder to put first on PATH: it has `pulumi`, and its plugins where they are not on PATH already. */
    path: z.string(),
    /** Rust for other processors, where the machine or set-up has it (rust-targets.mjs). */
    foreign: z.object({
        /** A sysroot with `bin/rustc`, and libraries for aarch64 servers and TrustZone boards. */
        rust: z.string(),
        /** Path of qemu-aarch64. */
        emulator: z.string(),
    }).optional(),
});

/** The tools that set-up made ready. */
export type Toolchain = Readonly<z.infer<typeof schema>>;

/**
 * The folder of this package: of the sources, not of dist/.
 *
 * @throws Error where this file is outside the package
 */
export function packageRoot(from: string = __dirname): string {
    for (let folder = from; folder !== path.dirname(folder); folder = path.dirname(folder)) {
        if (fs.existsSync(path.join(folder, "package.json"))) return folder;
    }
    throw new Error(`${from} is in no package`);
}

/**
 * A program of the runtime as set-up builds it for this machine.
 *
 * @throws AuthenticError AE-SETUP-PROGRAM where it has not
 */
export function builtProgram(name: string): string {
    const target = path.join(packageRoot(), "runtime", "target");
    const built = ["gnu", "musl"].map((libc) => path.join(target, `${machineArchitecture()}-unknown-linux-${libc}`, "release", name)).find((file) => fs.existsSync(file));
    if (built === undefined) throw new AuthenticError("AE-SETUP-PROGRAM", `${name} is not built`, "run `npm run setup`");
    return built;
}

/**
 * Reads what set-up recorded.
 *
 * @param root - the package's folder
 * @throws AuthenticError AE-SETUP-TOOLCHAIN where set-up has not run here, or a tool has gone since
 */
export function toolchain(root: string = packageRoot()): Toolchain {
    const nextStep = "run `npm run setup`";
    const file = path.join(root, ".authentic", "toolchain.json");
    let tools: Toolchain;
    try {
        tools = schema.parse(JSON.parse(fs.readFileSync(file, "utf8")));
    } catch (cause) {
        throw new AuthenticError("AE-SETUP-TOOLCHAIN", `${file} is absent or not readable`, nextStep, { cause });
    }
    for (const program of [tools.zig[0], tools.pulumi]) {
        if (!fs.existsSync(program)) throw new AuthenticError("AE-SETUP-TOOLCHAIN", `${program} is gone`, nextStep);
    }
    return tools;
}

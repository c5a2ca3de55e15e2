// Finds Zig at the version that the kit names: it compiles and links the modules, and is part of every measurement.
import { constants, existsSync } from "node:fs";
import { access } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../errors";
import { cacheFolder } from "./folders";
import { execute } from "./process";

/** How to call Zig: program and first arguments. */
export type Zig = readonly string[];

const versionOf = async (zig: Zig): Promise<string | undefined> => {
    try {
        const { code, stdout } = await execute([...zig, "version"], path.parse(process.cwd()).root);
        return code === 0 ? stdout.trim() : undefined;
    } catch (error) {
        // A cache that cannot be written is no reason to say that there is no compiler.
        if (error instanceof AuthenticError) throw error;
        return undefined;
    }
};

const executable = async (file: string): Promise<boolean> => access(file, constants.X_OK).then(() => true, () => false);

const onPath = async (env: NodeJS.ProcessEnv): Promise<Zig | undefined> => {
    for (const folder of (env["PATH"] ?? "").split(path.delimiter)) {
        const file = path.join(folder, "zig");
        if (path.isAbsolute(folder) && await executable(file)) return [file];
    }
    return undefined;
};

/** The set-up's private virtual environment: the binary itself where it was linked, else through Python. */
const installed = (version: string, env: NodeJS.ProcessEnv): Zig | undefined => {
    const bin = path.join(cacheFolder(env), `zig-${version}`, "bin");
    if (existsSync(path.join(bin, "zig"))) return [path.join(bin, "zig")];
    return existsSync(path.join(bin, "python")) ? [path.join(bin, "python"), "-m", "ziglang"] : undefined;
};

/**
 * Finds Zig: `AUTHENTIC_ZIG`, else `zig` on PATH at exactly this version, else what the set-up installed.
 *
 * @param version - as the kit names it
 * @throws AuthenticError `AE-BUILD-ZIG` where there is none at this version
 */
export async function findZig(version: string, env: NodeJS.ProcessEnv = process.env): Promise<Zig> {
    const chosen = env["AUTHENTIC_ZIG"];
    if (chosen) {
        const zig = [path.resolve(chosen)];
        const found = await versionOf(zig);
        if (found === version) return zig;
        throw new AuthenticError("AE-BUILD-ZIG",
            `AUTHENTIC_ZIG names ${chosen}, ${found === undefined ? "which is not Zig" : `which is Zig ${found}`}, but modules are built with Zig ${version}`,
            `unset AUTHENTIC_ZIG, or set it to Zig ${version}`);
    }
    for (const zig of [await onPath(env), installed(version, env)]) {
        if (zig !== undefined && await versionOf(zig) === version) return zig;
    }
    throw new AuthenticError("AE-BUILD-ZIG", `Zig ${version}, which builds the modules, is not installed`,
        `run \`npm run setup\` in the package's folder, or \`python3 -m venv ${path.join(cacheFolder(env), `zig-${version}`)}\` and there \`bin/pip install ziglang==${version}\``);
}

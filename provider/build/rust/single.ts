// A module of one Rust file, and of those that it includes with `mod`: rustc alone, with the crate `authentic`.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execute } from "../process";
import { type Included, digestOf } from "../module";
import type { RustTarget } from "../target";
import { placeCrates } from "./crates";
import { parseLines, rustError } from "./diagnostics";
import { flagsFor } from "./flags";
import { type Toolchain, rustEnvironment } from "./toolchain";

/** An archive with the module in it, and what was read. */
export interface Compiled {
    readonly archive: string;
    readonly included: Included;
    /** Folders whose names must not be in the image: they differ from machine to machine. */
    readonly places: readonly string[];
}

/** The prerequisites of a make rule of rustc, which escapes spaces. */
const filesOf = (rules: string): string[] =>
    [...new Set((rules.split("\n").find((line) => line.includes(": ")) ?? "").replace(/^.*?: /, "").match(/(?:\\.|[^\s\\])+/g) ?? [])].map((file) => file.replace(/\\(.)/g, "$1"));

/**
 * @param file - absolute
 * @param scratch - for what is made
 * @throws AuthenticError `AE-BUILD-COMPILE`, `AE-BUILD-CRATES`
 */
export async function compileFile(module: string, file: string, toolchain: Toolchain, target: RustTarget, scratch: string): Promise<Compiled> {
    const [folder, archive, rules] = [path.dirname(file), path.join(scratch, "libmodule.a"), path.join(scratch, "module.d")];
    const library = await placeCrates(toolchain, target, scratch);
    const { code, stderr } = await execute([toolchain.rustc, "--edition", "2024", "--crate-name", "module", "--crate-type", "staticlib", "--target", target.triple,
        "-Clto=fat", `-Copt-level=${target.optimize}`, ...flagsFor(target), "--error-format=json", "--extern", `authentic=${library}`, "-L", `dependency=${scratch}`,
        // Without a folder of its own the compiler puts its objects where it runs, under the crate's name: modules that lie side by
        // side would get each other's.
        "--out-dir", scratch, `--emit=link=${archive},dep-info=${rules}`, path.basename(file)], folder, rustEnvironment());
    if (code !== 0) throw rustError(module, folder, parseLines(stderr), stderr);
    const read = filesOf(await readFile(rules, "utf8")).map((one) => path.resolve(folder, one)).filter((one) => one !== file);
    return { archive, included: { files: await Promise.all(read.map(async (one) => [one, await digestOf(one)] as const)), absent: [] }, places: [folder, scratch] };
}

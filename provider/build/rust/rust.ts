// Builds modules in Rust: one file, or a package of cargo, linked with the kit like any other module.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../../errors";
import type { BuildRequest } from "../../tee/tee";
import { cacheKey } from "../cache";
import { type Kit, inTemporaryFolder } from "../kit";
import { type Kept, includedIn, keep, linkModule } from "../module";
import type { Target } from "../target";
import { cratesDigest, cratesLock } from "./crates";
import { ANCHOR, PROFILE, flagsFor } from "./flags";
import { compilePackage } from "./package";
import { compileFile } from "./single";
import { findRust, requireTarget } from "./toolchain";

const sourceError = (module: string, problem: string, nextStep: string, cause?: unknown): AuthenticError =>
    new AuthenticError("AE-BUILD-SOURCE", `module "${module}": ${problem}`, nextStep, { cause });

/** A folder's name in an image would make it another one elsewhere. */
const refusePlaces = (module: string, image: Buffer, places: readonly string[]): void => {
    const found = places.find((place) => place.length > 1 && image.includes(place));
    if (found !== undefined) {
        throw new AuthenticError("AE-BUILD-PATH", `the image of module "${module}" contains the path ${found}, so that it would be another module in another folder`,
            "remove what puts it there, such as env!(\"CARGO_MANIFEST_DIR\") in a text");
    }
};

/**
 * Builds a module in Rust for a target.
 *
 * @returns the linked image, its configuration block all zero, and what it was built with
 * @throws AuthenticError `AE-BUILD-SOURCE`, `-RUST`, `-RUST-TARGET`, `-COMPILE`, `-LOCK`, `-CRATE`, `-CRATES`, `-PATH`, `-LINK`, `-KIT` or `-ZIG`
 */
export async function buildRust({ name, sources }: BuildRequest, kit: Kit, target: Target): Promise<{ image: Buffer; toolchain: Readonly<Record<string, string>> }> {
    const source = path.resolve(sources[0] ?? "");
    const found = await stat(source).catch((cause: unknown) => {
        throw sourceError(name, `cannot read its source ${sources[0] ?? ""} (looked for ${source})`, "correct the path in `source`; it is relative to the folder of the Pulumi program", cause);
    });
    const isPackage = found.isDirectory();
    if (isPackage && !await stat(path.join(source, "Cargo.toml")).then((file) => file.isFile(), () => false)) {
        throw sourceError(name, `the folder ${source} has no Cargo.toml`, "name a folder that `cargo new --lib` made, a `.rs` file, or C files one by one");
    }
    const toolchain = await findRust(name, isPackage ? source : path.dirname(source));
    requireTarget(name, toolchain, target.rust);
    const lock = await cratesLock();
    const base = cacheKey("rust-module/2", kit.digest, target.name, ...target.linkFlags, target.rust.triple, target.rust.optimize, ...flagsFor(target.rust), ...PROFILE,
        toolchain.version, await cratesDigest(), lock, source, isPackage ? "" : await readFile(source));
    const image = await keep(base, (): Promise<Kept> => inTemporaryFolder(async (scratch) => {
        const compile = isPackage ? compilePackage : compileFile;
        const compiled = await compile(name, source, toolchain, target.rust, scratch);
        const linked = await linkModule(name, [...ANCHOR, compiled.archive], kit, target, scratch);
        refusePlaces(name, linked, compiled.places);
        return { image: linked, included: compiled.included };
    }));
    return { image, toolchain: { rustc: toolchain.version, lock: (await includedIn(base))?.lock ?? lock } };
}

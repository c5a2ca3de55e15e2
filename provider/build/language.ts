// Which language a module is written in: what its sources look like, so that nobody has to say it twice.
import { stat } from "node:fs/promises";
import path from "node:path";
import { AuthenticError } from "../errors";
import type { BuildRequest, Language } from "../tee/tee";

const NAMES: Readonly<Record<Language, string>> = { c: "C", rust: "Rust" };

const isFolder = (file: string): Promise<boolean> => stat(path.resolve(file)).then((found) => found.isDirectory(), () => false);

/**
 * The language of a module: Rust for one `.rs` file or one folder, which has to have a Cargo.toml; else C.
 *
 * @throws AuthenticError `AE-BUILD-LANGUAGE` where the sources are of several languages, or not of the one that was asked for
 */
export async function languageOf({ name, sources, language, includes, defines }: BuildRequest): Promise<Language> {
    const refuse = (problem: string, nextStep: string): AuthenticError => new AuthenticError("AE-BUILD-LANGUAGE", `module "${name}" ${problem}`, nextStep);
    const rust = await Promise.all(sources.map(async (source) => source.endsWith(".rs") || await isFolder(source)));
    const found: Language = rust.includes(true) ? "rust" : "c";
    if (found === "rust" && sources.length > 1) {
        throw refuse(`has ${sources.length} sources, one of which is in Rust (${sources[rust.indexOf(true)] ?? ""})`, "name one `.rs` file, which may have others with `mod`, or one folder with a Cargo.toml");
    }
    if (language !== undefined && language !== found && sources.length > 0) {
        throw refuse(`is declared to be in ${NAMES[language]}, but its source ${sources.join(", ")} is ${found === "rust" ? "a Rust file or a folder" : "neither a Rust file nor a folder"}`,
            "correct `language`, or leave it out");
    }
    if (found === "rust" && (Object.keys(defines ?? {}).length > 0 || (includes ?? []).length > 0)) {
        throw refuse("is written in Rust, which has neither `includes` nor `defines`", "leave them out; `config` holds values that differ between modules of the same source");
    }
    return found;
}

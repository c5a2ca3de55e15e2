// Turns the messages of rustc and cargo into one error that shows them as cargo does.
import path from "node:path";
import { AuthenticError } from "../../errors";

/** A diagnostic of rustc (the rustc book, "JSON Output"), what is used of it. */
interface Diagnostic {
    readonly level: string;
    readonly message: string;
    readonly code: { readonly code: string } | null;
    readonly rendered: string | null;
    readonly spans: readonly { readonly file_name: string; readonly line_start: number; readonly column_start: number; readonly is_primary: boolean }[];
}

/** What cargo and rustc say, one JSON object a line. */
export interface Message {
    readonly reason?: string;
    readonly message?: Diagnostic;
    readonly target?: { readonly kind: readonly string[]; readonly name: string };
    readonly filenames?: readonly string[];
}

/** Errors shown in full: whoever has more mends these first. */
const SHOWN = 5;

/** The lines that are JSON objects. */
export const parseLines = <T>(output: string): T[] => output.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as T);

const NEXT: Readonly<Record<string, string>> = {
    E0152: "put `#![no_std]` at the top of the source: a module has no operating system below it",
    E0463: "use only crates that work without the standard library",
};

/**
 * The error of a compile that failed.
 *
 * @param module - its name
 * @param folder - what the paths in the diagnostics are relative to
 * @param diagnostics - what the compiler said
 * @param output - what else was printed, where it said nothing
 */
export function rustError(module: string, folder: string, diagnostics: readonly Diagnostic[], output: string): AuthenticError {
    // The last one only counts the others.
    const errors = diagnostics.filter(({ level, spans, message }) => level.startsWith("error") && (spans.length > 0 || !message.startsWith("aborting due to")));
    const first = errors[0];
    if (first === undefined) {
        if (output.includes('--locked') && output.includes('lock file')) {
            return new AuthenticError("AE-BUILD-LOCK", `module "${module}" has no Cargo.lock, or one that does not fit its Cargo.toml`,
                `run \`cargo generate-lockfile\` (or \`cargo update\` for new versions) in ${folder} and keep the file with the sources: it says which versions are measured`);
        }
        return new AuthenticError("AE-BUILD-COMPILE", `module "${module}" does not compile: ${output.trim()}`, "correct the source or its Cargo.toml");
    }
    const span = first.spans.find(({ is_primary }) => is_primary) ?? first.spans[0];
    const place = span === undefined ? "" : `${path.relative(process.cwd(), path.resolve(folder, span.file_name))}:${span.line_start}:${span.column_start}: `;
    const more = errors.length === 1 ? "" : ` (and ${errors.length - 1} more ${errors.length === 2 ? "error" : "errors"})`;
    const rendered = errors.slice(0, SHOWN).map((error) => error.rendered?.trim() ?? error.message).join("\n\n");
    const next = errors.map(({ code }) => NEXT[code?.code ?? ""]).find((step) => step !== undefined) ?? "correct the source; docs/modules-rust.md describes the crate `authentic`";
    return new AuthenticError("AE-BUILD-COMPILE", `module "${module}" does not compile: ${place}${first.message}${more}:\n\n${rendered}\n\n${errors.length === 1 ? "One error" : `${errors.length} errors`} in all`, next);
}

// Turns what the compiler and linker print into one error that names the place.
import path from "node:path";
import { AuthenticError } from "../errors";

const LINE = /^(?<file>[^\n:]+):(?<line>\d+):(?<column>\d+): (?:fatal )?error: (?<message>.*)$/gm;
const UNDEFINED = /undefined symbol: (?<symbol>\S+)/;
const DUPLICATE = /duplicate symbol: (?<symbol>\S+)/;

const more = (count: number): string => (count === 0 ? "" : ` (and ${count} more ${count === 1 ? "error" : "errors"})`);

/** The first line of output that says something. */
const firstLine = (output: string): string => output.split("\n").map((line) => line.trim()).find((line) => line !== "") ?? "it printed nothing";

/**
 * The error of a compile that failed.
 *
 * @param module - its name
 * @param source - the file that was compiled, absolute
 * @param output - what the compiler printed
 */
export function compileError(module: string, source: string, output: string): AuthenticError {
    const errors = [...output.matchAll(LINE)].map(({ groups = {} }) => groups);
    const first = errors[0];
    if (first === undefined) {
        return new AuthenticError("AE-BUILD-COMPILE", `module "${module}" does not compile: ${source}: ${firstLine(output)}`, "correct the source");
    }
    const file = path.relative(process.cwd(), path.resolve(path.dirname(source), first["file"] ?? source));
    return new AuthenticError("AE-BUILD-COMPILE",
        `module "${module}" does not compile: ${file}:${first["line"] ?? ""}:${first["column"] ?? ""}: ${first["message"] ?? ""}${more(errors.length - 1)}`,
        "correct the source; docs/modules.md describes authentic.h");
}

/** The error of a link that failed. */
export function linkError(module: string, output: string): AuthenticError {
    const missing = UNDEFINED.exec(output)?.groups?.["symbol"];
    if (missing !== undefined) {
        return new AuthenticError("AE-BUILD-LINK", `module "${module}" uses ${missing}, which is nowhere defined`,
            "add the source that defines it to `source`; there is no C library in a module");
    }
    const duplicate = DUPLICATE.exec(output)?.groups?.["symbol"];
    if (duplicate !== undefined) {
        return new AuthenticError("AE-BUILD-LINK", `module "${module}" defines ${duplicate} twice`, "make one of them static, or rename it");
    }
    return new AuthenticError("AE-BUILD-LINK", `module "${module}" does not link: ${firstLine(output)}`, "correct the source");
}

// How the benchmarks print what they found.
import { table } from "../provider/cli/table";

/** Prints a table under its title. */
export function print(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): void {
    console.log([`\n${title}`, ...table(headings, rows, 2)].join("\n"));
}

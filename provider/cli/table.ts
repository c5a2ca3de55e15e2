// Tables on a terminal: columns without borders, so that they can be cut and searched.

import Table from "cli-table3";

const NO_BORDERS = {
    top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "",
    left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  ",
};

/**
 * The lines of a table.
 *
 * @param headings - of the columns
 * @param rows - cells of one line each, as many as there are headings
 * @param indent - spaces before each line
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], indent = 0): string[] {
    const made = new Table({ chars: NO_BORDERS, style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true } });
    made.push(...[headings, ...rows].map((row) => [...row]));
    return made.toString().split("\n").map((line) => `${" ".repeat(indent)}${line}`.trimEnd());
}

// The tables of docs/drift.md: what was changed, what a refresh has to say, and what an up has to do about it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";
import type { Stack } from "./stack";

/** A row of a table. */
export interface Row {
    /** What was changed. */
    readonly changed: string;
    /** What a refresh says, each somewhere. */
    readonly says: readonly RegExp[];
    /** Code of the error with which an up refuses; undefined where it repairs. */
    readonly refuses: string | undefined;
    /** Whether modules go on as they are; undefined where the row does not say. */
    readonly goesOn: boolean | undefined;
}

/** How a test makes a row true. */
export interface Change {
    /** Changes something behind the deployer's back. */
    readonly act: () => Promise<unknown>;
    /** After an up has refused: does what its message says. */
    readonly mend?: () => Promise<unknown>;
    /** What holds beside the table, once all is repaired. */
    readonly then?: () => Promise<unknown>;
}

/** The rows below a heading. */
export function rowsOf(heading: string): Row[] {
    const text = fs.readFileSync(path.join(packageRoot(), "docs", "drift.md"), "utf8");
    const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
    assert.ok(section !== undefined, `docs/drift.md has no "${heading}"`);
    return section.split("\n").filter((line) => line.startsWith("| ")).slice(1).map((line) => {
        const [changed = "", says = "", up = ""] = line.slice(1, -1).split(" | ").map((cell) => cell.trim());
        const refuses = /^refuses, `(AE-[A-Z-]+)`/.exec(up)?.[1];
        assert.ok(refuses !== undefined || up.startsWith("repairs"), up);
        return { changed, says: [...says.matchAll(/`([^`]+)`/g)].map(([, span]) => pattern(span!)), refuses, goesOn: up.includes("modules go on") ? true : /begins? anew/.test(up) ? false : undefined };
    });
}

/** `node …: stopped` as a refresh prints it. */
function pattern(span: string): RegExp {
    const [, kind = "", state = ""] = /^(\w+) …: (.+)$/.exec(span) ?? [];
    assert.ok(kind !== "", `not what a refresh says: ${span}`);
    return new RegExp(`^${kind} "[^"]+" has drifted: ${state.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}`, "m");
}

/** What is said on standard error while something is done. */
export async function listened(action: () => Promise<unknown>): Promise<string> {
    const said: string[] = [];
    const warn = console.warn;
    console.warn = (text: string) => said.push(text);
    try {
        await action();
    } finally {
        console.warn = warn;
    }
    return said.join("\n");
}

const incarnations = (stack: Stack): unknown[] => [...stack.state.values()].filter(({ kind }) => kind === "Module").map(({ outs }) => outs["incarnation"]);

/**
 * Makes one row true: changes, refreshes, previews, and lets an up repair or refuse; afterwards nothing is left to be done.
 *
 * @param program - what is deployed
 */
export async function drift(stack: Stack, program: () => void, row: Row, { act, mend, then }: Change): Promise<void> {
    const before = incarnations(stack);
    await act();
    const said = await listened(() => stack.refresh());
    for (const expected of row.says) assert.match(said, expected);
    const nothing = (await stack.preview(program)).every((step) => step.startsWith("same "));
    assert.ok(!nothing, "the preview shows nothing to repair");
    if (row.refuses !== undefined) {
        const code = row.refuses;
        let message = "";
        await listened(() => assert.rejects(stack.up(program), (error: Error) => (message = error.message).includes(code)));
        // Code, what is wrong, and what to do.
        assert.match(message, /: .+\. .+/);
        assert.ok(mend !== undefined, "the test knows no way out");
        await mend();
        await listened(() => stack.refresh());
    }
    await listened(() => stack.up(program));
    const after = incarnations(stack);
    if (row.goesOn === true) assert.deepEqual(after, before, "a module began anew");
    if (row.goesOn === false) assert.notDeepEqual(after, before, "no module began anew");
    assert.equal(await listened(() => stack.refresh()), "", "something is still otherwise");
    assert.deepEqual((await stack.preview(program)).filter((step) => !step.startsWith("same ")), []);
    await then?.();
}

/**
 * Declares one test for each row below a heading, and fails where a row has no change or a change no row.
 *
 * @param changes - by what was changed
 */
export function eachRow(heading: string, changes: () => Readonly<Record<string, Change>>, run: (row: Row, change: Change) => Promise<void>): void {
    const rows = rowsOf(heading);
    it("are tested as the documentation lists them", () => {
        assert.deepEqual(Object.keys(changes()), rows.map(({ changed }) => changed));
    });
    for (const row of rows) it(row.changed, () => run(row, changes()[row.changed]!));
}

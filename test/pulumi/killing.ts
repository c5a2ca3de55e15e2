// kill -9 of a node's processes, found by their command lines and not by what an agent says of them, and what people do then.
import assert from "node:assert/strict";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, processes } from "../processes";
import type { TestProject } from "./project";

/** A process: its program, and a folder that its command line names, as a word or as the beginning of a path in one. */
export interface Victim {
    readonly program: string;
    readonly folder: string;
}

function only({ program, folder }: Victim): number {
    const found = processes().filter(({ line }) => {
        const words = line.split("\0");
        return path.basename(words[0]!) === program && words.some((word) => word === folder || word.includes(`${folder}/`));
    });
    assert.equal(found.length, 1, `one ${program} with ${folder}: ${JSON.stringify(found)}`);
    return found[0]!.pid;
}

/** Kills processes at once, and waits until they are gone. */
export async function kill(victims: readonly Victim[]): Promise<void> {
    const pids = victims.map(only);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    while (pids.some(isAlive)) await sleep(10);
}

/** What a preview with `--diff` says: each resource that it would change, with the lines that say why. */
export function changes(preview: string): string[] {
    const found: string[] = [];
    for (const line of preview.split("\n")) {
        const resource = /\[urn=.*dynamic\/authentic:(\w+)::(.+)\]/.exec(line);
        if (resource !== null) found.push(`${resource[1]!} ${resource[2]!}`);
        const why = /^\s*[~+] (state|lastChange)\s*: (.*)$/.exec(line);
        const last = found.pop();
        if (last !== undefined) found.push(why === null ? last : `${last}; ${why[1]!} ${why[2]!.trim()}`);
    }
    return found;
}

/**
 * Refresh, preview, up, as people do after a crash. Prints what the preview shows.
 *
 * @returns what the preview shows
 */
export async function repair(project: TestProject): Promise<string[]> {
    await project.pulumi("refresh", "--yes", "--skip-preview");
    const shown = changes(await project.pulumi("preview", "--diff"));
    console.log(shown.length === 0 ? "        nothing to repair" : shown.map((line) => `        ${line}`).join("\n"));
    await project.pulumi("up", "--yes", "--skip-preview");
    return shown;
}

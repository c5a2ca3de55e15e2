// Scripts that run on a host, in the POSIX shell that every machine has.

import { AuthenticError } from "../errors";
import type { Output } from "./connection";
import { connectionTo } from "./hosts";

/** How often what can be done twice may be cut off before that counts as a failure. */
export const CUTS = 3;

/** A word that the shell takes as it is. */
export function quoted(word: string): string {
    return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Runs a script on a host. A script that was cut off is run again: what it does can be done twice.
 *
 * @param script - for sh; `$1` and so on are the arguments; a failure's last line of error output is shown to people
 * @param words - arguments; no secrets, for everybody on the host can see them
 * @returns what it printed
 * @throws AuthenticError `AE-SSH-UNREACHABLE` where the host cannot be reached, `AE-SSH-COMMAND` where the script fails
 */
export async function runScript(authority: string, what: string, script: string, words: readonly string[], { input, patient = true }: { readonly input?: Uint8Array; readonly patient?: boolean } = {}): Promise<string> {
    const command = ["sh", "-c", quoted(`set -eu\n${script}`), "sh", ...words.map(quoted)].join(" ");
    const { code, stdout, stderr } = await run(authority, command, input, patient);
    if (code !== 0) {
        const reason = stderr.trim().split("\n").at(-1)?.replace(/[^\x20-\x7e]+/g, " ").slice(0, 300) ?? "";
        throw new AuthenticError("AE-SSH-COMMAND", `cannot ${what} at ${authority} (exit code ${code}${reason === "" ? "" : `: ${reason}`})`, "look at that on the host, and run `pulumi up` again");
    }
    return stdout;
}

async function run(authority: string, command: string, input: Uint8Array | undefined, patient: boolean): Promise<Output> {
    for (let left = patient ? CUTS : 0; ; left--) {
        const connection = await connectionTo(authority, patient);
        try {
            return await connection.run(command, input);
        } catch (error) {
            if (!connection.closed || left === 0) throw error;
        }
    }
}

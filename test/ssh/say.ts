// A word that is said on a host, which shows who is let in.
import assert from "node:assert/strict";
import { AuthenticError } from "../../provider/errors";
import { introduceHosts } from "../../provider/ssh/hosts";
import { authorityOf, sshSchema } from "../../provider/ssh/settings";
import { runScript } from "../../provider/ssh/shell";

/** Says on the host what it is told to. */
export function say(settings: unknown, word: string): Promise<string> {
    const ssh = sshSchema.parse(settings);
    introduceHosts({ ssh }, true);
    return runScript(authorityOf(ssh), "say something", "printf %s \"$1\"", [word]);
}

/** Why nothing can be said there. */
export async function refusal(settings: unknown): Promise<AuthenticError> {
    try {
        await say(settings, "in");
    } catch (error) {
        assert.ok(error instanceof AuthenticError, String(error));
        return error;
    }
    return assert.fail("it was let in");
}

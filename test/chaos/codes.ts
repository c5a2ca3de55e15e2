// What a command says that fails.
import { AuthenticError } from "../../provider/errors";

/** The code of an error, wherever a hook has put it. @throws the error, where it has none: people could do nothing with it */
export function codeOf(error: unknown): string {
    for (let one = error; one instanceof Error; one = one.cause) if (one instanceof AuthenticError) return one.code;
    throw error;
}

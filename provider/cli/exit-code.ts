// Exit codes of `authentic`; docs/cli.md lists them for its users.

/** What a caller can tell from the exit code alone. */
export const ExitCode = {
    /** Done: evidence was accepted, what was asked about is in order, a command was carried out. */
    done: 0,
    /** The call cannot be carried out: options, files, names, the policy, or an agent that does not answer. Nothing happened. */
    unusable: 2,
    /** The answer is no: evidence was refused, something is not in order, or a command was refused. */
    refused: 3,
    /** A command was sent and its result is not known. */
    unknown: 4,
    /** Ended by Ctrl-C before anything was sent. */
    interrupted: 130,
} as const;

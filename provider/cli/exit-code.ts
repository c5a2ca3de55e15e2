// Exit codes of `authentic`.

/** What a caller can tell from the exit code alone. */
export const ExitCode = {
    /** Done; evidence was accepted. */
    accepted: 0,
    /** The call cannot be carried out: options, files or the policy. */
    unusable: 2,
    /** Evidence was refused, or a module that was to be attested does not answer or has failed. */
    refused: 3,
} as const;

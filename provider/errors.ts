// The one class of errors that people see, each with a stable code and the next step.

/**
 * An error a user can act on. It is shown without a stack trace.
 *
 * @example
 * throw new AuthenticError("AE-NODE-PORT", "port 7000 is in use on 127.0.0.1", "choose another `port` for the node, or omit it to let the agent pick one");
 */
export class AuthenticError extends Error {
    /** Stable identifier, `AE-<AREA>-<NAME>`, safe to match on. */
    readonly code: string;
    /** The exact thing to do next, as a phrase. */
    readonly nextStep: string;

    /**
     * @param code - `AE-<AREA>-<NAME>`
     * @param problem - what is wrong, naming the thing; never a secret
     * @param nextStep - what to do about it
     */
    constructor(code: string, problem: string, nextStep: string, options?: ErrorOptions) {
        super(`${code}: ${problem}. ${nextStep.charAt(0).toUpperCase()}${nextStep.slice(1)}.`, options);
        this.name = "AuthenticError";
        this.code = code;
        this.nextStep = nextStep;
    }
}

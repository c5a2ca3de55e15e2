// The error that set-up shows to people: what is wrong and the exact next step, without a stack trace.

/** A failure of set-up that the user can act on. */
export class SetupFailure extends Error {
    /**
     * @param {string} problem what is wrong
     * @param {string} nextStep what to do about it: a command where there is one
     * @param {string} [output] the last lines a failed program printed
     */
    constructor(problem, nextStep, output) {
        super(problem);
        this.name = "SetupFailure";
        this.nextStep = nextStep;
        this.output = output;
    }

    /** The text shown to the user. */
    get text() {
        const output = this.output === undefined || this.output === "" ? "" : `\n${this.output.replace(/^/gm, "  | ")}`;
        return `${this.message}${output}\n  next: ${this.nextStep}`;
    }
}

// A long check in pieces: any piece can be run alone, on any machine, and again.

/** What one piece found. */
export interface Outcome {
    /** Inputs tried. */
    readonly tried: number;
    /** Changed inputs that a verifier accepted: there must be none. */
    readonly accepted: number;
    /** Every acceptance and every error that is no refusal, with the input. */
    readonly findings: readonly string[];
}

/** A check of many inputs. */
export interface Task {
    /** Such as `sgx-quote-v3.bin, every value of every byte`. */
    readonly name: string;
    /** Inputs of all pieces together. */
    readonly inputs: number;
    readonly pieces: number;
    run(piece: number): Outcome;
}

/** Adds up what pieces found. */
export function total(outcomes: readonly Outcome[]): Outcome {
    return {
        tried: outcomes.reduce((sum, { tried }) => sum + tried, 0),
        accepted: outcomes.reduce((sum, { accepted }) => sum + accepted, 0),
        findings: outcomes.flatMap(({ findings }) => findings),
    };
}

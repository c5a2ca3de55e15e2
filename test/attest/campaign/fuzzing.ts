// Fuzzing as a task: readers refuse or read, verifiers accept nothing but the original.
import { hex } from "../../../provider/attest/bytes";
import { generator, type Random } from "./random";
import type { Outcome, Task } from "./task";

/** Something that takes bytes from outside. */
export interface Target {
    readonly name: string;
    /** The next input. */
    readonly input: (random: Random) => readonly Uint8Array[];
    /**
     * Takes one input.
     *
     * @returns a complaint, or null when it did what it has to
     */
    readonly take: (input: readonly Uint8Array[]) => string | null;
}

const INPUTS_A_PIECE = 10_000;

/** Tries inputs that belong to a seed. */
export function fuzz({ input, take }: Target, inputs: number, seed: number): Outcome {
    const random = generator(seed);
    const findings: string[] = [];
    for (let count = 0; count < inputs; count++) {
        const bytes = input(random);
        const complaint = take(bytes);
        if (complaint !== null) {
            findings.push(`seed ${seed}, input ${count}: ${complaint}: ${bytes.map(hex).join(" ")}`);
        }
    }
    return { tried: inputs, accepted: findings.filter((finding) => finding.includes(ACCEPTED)).length, findings };
}

/** The complaint about a verifier that accepted what was changed. */
export const ACCEPTED = "accepted although changed";

/** A task of so many inputs; the piece is the seed. */
export function fuzzingTask(make: () => Target, name: string, inputs: number): Task {
    let target: Target | null = null;
    return {
        name,
        inputs,
        pieces: Math.ceil(inputs / INPUTS_A_PIECE),
        run(piece) {
            target ??= make();
            return fuzz(target, Math.min(INPUTS_A_PIECE, inputs - piece * INPUTS_A_PIECE), piece + 1);
        },
    };
}

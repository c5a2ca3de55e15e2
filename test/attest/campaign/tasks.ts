// All tasks of the campaign, in a fixed order, so that every process numbers their pieces alike.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decoderTargets } from "../../protocol/decoders";
import { samplesFolder } from "../vectors";
import { dcapTargets } from "./dcap-targets";
import { fuzzingTask, type Target } from "./fuzzing";
import { genuineTasks } from "./genuine";
import { nativeReader, subjects } from "./targets";
import type { Task } from "./task";

const READER_INPUTS = 1_000_000;
const VERIFIER_INPUTS = 20_000;

/** Every task; what a task needs is made when its first piece runs. */
export function allTasks(): Task[] {
    const once = <T>(make: () => T): (() => T) => {
        let made: { readonly value: T } | null = null;
        return () => (made ??= { value: make() }).value;
    };
    const dcap = dcapTargets();
    const reading = (name: string, make: () => Target): Task => fuzzingTask(make, `fuzzing the reader of ${name}`, READER_INPUTS);
    const verifying = (name: string, make: () => Target): Task => fuzzingTask(make, `fuzzing the verifier of ${name}`, VERIFIER_INPUTS);
    return [
        // Those who have no samples fuzz all the same; the leading process says so.
        ...!existsSync(samplesFolder) ? [] : genuineTasks((name) => readFileSync(join(samplesFolder, name))),
        ...Object.keys(dcap.readers).map((name) => reading(name, () => dcap.readers[name]!)),
        ...Object.keys(dcap.verifiers).map((name) => verifying(`${name} evidence and collateral`, () => dcap.verifiers[name]!)),
        reading("native evidence", () => nativeReader),
        ...Object.entries(subjects).flatMap(([name, make]) => {
            const made = once(make);
            return [reading(`${name} evidence`, () => made().parse), verifying(`${name} evidence`, () => made().verify)];
        }),
        ...Object.entries(decoderTargets()).map(([name, target]) => fuzzingTask(() => target, `fuzzing the decoder of ${name}`, READER_INPUTS)),
    ];
}

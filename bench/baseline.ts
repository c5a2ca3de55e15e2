// The program that events are compared with, compiled for this run.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../tools/setup/toolchain";

const run = promisify(execFile);
const MAX_OUTPUT = 64 << 20;

/** `bare`: as many bytes as a frame has; `framed`: the same frames and acknowledgements without keys. */
export type Kind = "bare" | "framed";

/** Where the two processes run, so that the scheduler does not decide what is measured. */
export type Processors = readonly [number, number];

/** Two processes on loopback. */
export class Baseline {
    private constructor(private readonly folder: string, private readonly program: string, /** Cycles of the time-stamp counter in a second. */ readonly hertz: number) {}

    static async compile(): Promise<Baseline> {
        const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-baseline-"));
        const program = path.join(folder, "baseline");
        await run("cc", ["-O2", "-o", program, path.join(packageRoot(), "bench", "baseline.c")]);
        return new Baseline(folder, program, Number((await run(program, ["tsc"])).stdout));
    }

    /** Times of round trips, in cycles of the time-stamp counter. */
    async roundTrips(kind: Kind, size: number, count: number, processors: Processors): Promise<number[]> {
        const { stdout } = await run(this.program, ["latency", kind, ...[size, count, ...processors].map(String)], { maxBuffer: MAX_OUTPUT });
        const times = stdout.trim().split("\n").map(Number);
        if (times.length !== count) throw new Error(`the baseline measured ${times.length} round trips instead of ${count}`);
        return times;
    }

    /** Events of 64 bytes a second. */
    async flow(kind: Kind, milliseconds: number, processors: Processors): Promise<number> {
        return Number((await run(this.program, ["throughput", kind, ...[milliseconds, ...processors].map(String)])).stdout);
    }

    remove(): Promise<void> {
        return rm(this.folder, { recursive: true, force: true });
    }
}

// `npm run bench [-- NAME... --quick --modules N]`: runs the benchmarks of those names, or all.
import { parseArgs } from "node:util";
import { attest } from "./attest";
import { build } from "./build";
import { events } from "./events";
import { memory } from "./memory";
import { sancus } from "./sancus";
import { trustzone } from "./trustzone";
import { up } from "./up";
import { update } from "./update";

/** What all benchmarks are told. */
export interface Options {
    /** Fewer rounds: enough to see whether something is far off. */
    readonly quick: boolean;
    /** Modules of the stacks that `up` deploys, instead of several numbers of them. */
    readonly modules?: number;
}

const BENCHMARKS: Readonly<Record<string, (options: Options) => Promise<void>>> = { events, up, update, build, memory, attest, sancus, trustzone };

async function main(): Promise<void> {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean", default: false }, modules: { type: "string" } } });
    const unknown = positionals.find((name) => !Object.hasOwn(BENCHMARKS, name));
    if (unknown !== undefined) {
        console.error(`there is no benchmark "${unknown}"\n  next: name some of ${Object.keys(BENCHMARKS).join(", ")}, or none for all`);
        process.exitCode = 2;
        return;
    }
    for (const [name, run] of Object.entries(BENCHMARKS)) {
        if (positionals.length === 0 || positionals.includes(name)) await run({ quick: values.quick, ...(values.modules === undefined ? {} : { modules: Number(values.modules) }) });
    }
}

void main();

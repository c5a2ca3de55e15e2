// `npm run bench [-- NAME... --quick --modules N]`: runs the benchmarks of those names, or all.
import { parseArgs } from "node:util";
import { attest } from "./attest";
import { build } from "./build";
import { events } from "./events";
import { memory } from "./memory";
import { sancus } from "./sancus";
import { ssh } from "./ssh";
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

const BENCHMARKS: Readonly<Record<string, (options: Options) => Promise<void>>> = { events, up, ssh, update, build, memory, attest, sancus, trustzone };

/** Most modules of a stack that anyone has waited for. */
const MOST_MODULES = 1000;

/** What is asked for; an error says what cannot be. */
function parse(): { readonly names: readonly string[]; readonly options: Options } {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: "boolean", default: false }, modules: { type: "string" } } });
    const unknown = positionals.find((name) => !Object.hasOwn(BENCHMARKS, name));
    if (unknown !== undefined) throw new RangeError(`there is no benchmark "${unknown}"\n  next: name some of ${Object.keys(BENCHMARKS).join(", ")}, or none for all`);
    const { quick, modules } = values;
    if (modules === undefined) return { names: positionals, options: { quick } };
    const number = Number(modules);
    if (!/^\d+$/.test(modules) || number < 1 || number > MOST_MODULES) {
        throw new RangeError(`--modules ${modules} is no number of modules\n  next: give one from 1 to ${MOST_MODULES}, as in npm run bench -- up --modules 30`);
    }
    return { names: positionals, options: { quick, modules: number } };
}

async function main(): Promise<void> {
    let asked: ReturnType<typeof parse>;
    try {
        asked = parse();
    } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        console.error(code?.startsWith("ERR_PARSE_ARGS") === true ? `${message}\n  next: npm run bench -- [NAME...] [--quick] [--modules N]` : message);
        process.exitCode = 2;
        return;
    }
    for (const [name, run] of Object.entries(BENCHMARKS)) {
        if (asked.names.length === 0 || asked.names.includes(name)) await run(asked.options);
    }
}

void main();

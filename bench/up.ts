// `pulumi up` of N modules and 2N connections beside as many empty dynamic resources, in the real CLI, in turn.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../tools/setup/toolchain";
import { TestProject } from "../test/pulumi/project";
import type { Options } from "./main";
import type { Interval, Phase } from "./phases";
import { duration, median, ratio } from "./statistics";
import { print } from "./table";
import { EMPTY, MODULES } from "./up-program";

const SETTINGS = "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nstackConfigDir: stacks\n";
const OPERATIONS = { up: ["up", "--yes", "--skip-preview"], "no-op up": ["up", "--yes", "--skip-preview", "--expect-no-changes"], preview: ["preview", "--expect-no-changes"] } as const;
type Operation = keyof typeof OPERATIONS;
const PHASES: Readonly<Record<Phase, string>> = { node: "start agents", build: "build", load: "load", attest: "attest", key: "key", route: "route" };

/** Prints times, and where they go. */
export async function up({ quick, modules }: Options): Promise<void> {
    const rows: string[][] = [];
    const shares: string[][] = [];
    for (const count of modules !== undefined ? [modules] : quick ? [10, 30] : [10, 30, 100]) {
        const found = await compare(count, quick ? 1 : 3);
        for (const operation of Object.keys(OPERATIONS) as Operation[]) {
            const [empty, ours] = [found.empty[operation], found.ours[operation]];
            const more = ours.map((value, index) => value - (empty[index] ?? NaN));
            rows.push([String(count), operation, duration(median(empty)), duration(median(ours)), ratio(median(ours) / median(empty)), duration(median(more))]);
        }
        shares.push(...await whereTimeGoes(count));
    }
    print("N modules and 2N connections beside as many empty dynamic resources, median", ["N", "operation", "empty", "modules", "ratio", "more"], rows);
    print("Where an up's time goes: while at least one is under way (they overlap)", ["N", "phase", "calls", "a call", "any under way", "of the up"], shares);
}

type Times = Record<Operation, number[]>;

async function compare(count: number, rounds: number): Promise<{ empty: Times; ours: Times }> {
    const times = (): Times => ({ up: [], "no-op up": [], preview: [] });
    const found = { empty: times(), ours: times() };
    for (let round = 0; round < rounds; round++) {
        const projects = { empty: await project(EMPTY, count), ours: await project(MODULES, count) };
        try {
            for (const operation of Object.keys(OPERATIONS) as Operation[]) {
                for (const side of ["empty", "ours"] as const) found[side][operation].push(await timed(projects[side], OPERATIONS[operation]));
            }
        } finally {
            for (const one of Object.values(projects)) await end(one);
        }
    }
    return found;
}

/** One more up, with a note of what the provider does. */
async function whereTimeGoes(count: number): Promise<string[][]> {
    const noted = await project(MODULES, count);
    try {
        const folder = path.join(noted.folder, "..", "phases");
        mkdirSync(folder);
        noted.env["AUTHENTIC_BENCH_PHASES"] = folder;
        noted.env["NODE_OPTIONS"] = `--require ${path.join(__dirname, "phases.js")}`;
        const whole = await timed(noted, OPERATIONS.up);
        delete noted.env["NODE_OPTIONS"];
        const intervals = readdirSync(folder).flatMap((file) => readFileSync(path.join(folder, file), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Interval));
        const row = (name: string, of: readonly Interval[]) => {
            const total = of.reduce((sum, [, begin, stop]) => sum + stop - begin, 0);
            return [String(count), name, String(of.length), duration(total / of.length), duration(union(of)), `${(union(of) / whole * 100).toFixed(0)} %`];
        };
        const rest = whole - union(intervals);
        return [
            ...(Object.keys(PHASES) as Phase[]).map((phase) => row(PHASES[phase], intervals.filter(([of]) => of === phase))),
            [String(count), "none of these: Pulumi itself", "", "", duration(rest), `${(rest / whole * 100).toFixed(0)} %`],
        ];
    } finally {
        await end(noted);
    }
}

/** Milliseconds that lie in at least one interval. */
function union(intervals: readonly Interval[]): number {
    let [total, reached] = [0, -Infinity];
    for (const [, begin, stop] of intervals.toSorted((a, b) => a[1] - b[1])) {
        total += Math.max(0, stop - Math.max(begin, reached));
        reached = Math.max(reached, stop);
    }
    return total;
}

async function project(program: string, count: number): Promise<TestProject> {
    const made = new TestProject({
        "Pulumi.yaml": SETTINGS,
        "package.json": '{ "name": "bench", "private": true, "main": "index.js" }\n',
        "index.js": program,
        "relay.c": readFileSync(path.join(packageRoot(), "bench", "modules", "relay.c"), "utf8"),
        "stacks/Pulumi.dev.yaml": `config:\n  bench:count: ${count}\n  authentic:trust:\n    native: true\n`,
    });
    made.env["AUTHENTIC_STATE"] = path.join(made.folder, "..", "nodes");
    await made.pulumi("stack", "init", "dev");
    return made;
}

async function timed(of: TestProject, command: readonly string[]): Promise<number> {
    const begin = performance.now();
    await of.pulumi(...command);
    return performance.now() - begin;
}

async function end(of: TestProject): Promise<void> {
    await of.attempt("destroy", "--yes", "--skip-preview", "--stack", "dev");
    of.remove();
}

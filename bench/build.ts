// How long the build of a module takes: with nothing cached, with the cryptographic library, with the whole kit, and from
// the cache, beside reading and hashing what an image is made of.
import { createHash } from "node:crypto";
import { appendFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashFolder } from "../provider/build/folder-digest";
import { native } from "../provider/tee/native/native";
import { packageRoot, toolchain } from "../tools/setup/toolchain";
import type { Options } from "./main";
import { duration, median, quantile } from "./statistics";
import { print } from "./table";

/** Modules of one program. */
const PROGRAM = 20;
/** How long a kit has to be as it is before a process goes by the times of its files. */
const SETTLES_MS = 3000;

/** Prints the table. */
export async function build({ quick }: Options): Promise<void> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-bench-"));
    const before = { ...process.env };
    try {
        const kit = path.join(folder, "kit");
        await cp(path.join(packageRoot(), "runtime", "kit"), kit, { recursive: true });
        const [relay, meter] = await Promise.all([["bench", "modules", "relay.c"], ["examples", "state-transfer", "modules", "meter-3.rs"]].map(async (names) => {
            const source = path.join(folder, names.at(-1) ?? "");
            await cp(path.join(packageRoot(), ...names), source);
            return source;
        })) as [string, string];
        const { zig } = toolchain();
        Object.assign(process.env, { AUTHENTIC_CACHE: path.join(folder, "cache"), AUTHENTIC_KIT: kit, ...(zig.length === 1 ? { AUTHENTIC_ZIG: zig[0] } : {}) });
        const rounds = quick ? 2 : 5;
        const nothing = (): Promise<void> => Promise.resolve();
        const change = (source: string) => (round: number) => appendFile(source, `\n// ${round}\n`);
        const of = (source: string, count = 1) => async (): Promise<void> => {
            await Promise.all(Array.from({ length: count }, (_, index) => native.build({ name: `module${index}`, sources: [source] })));
        };
        const rows = [
            await timed("nothing cached", 1, nothing, of(relay)),
            await timed("another kit, the crypto library cached", rounds, (round) => writeFile(path.join(kit, "core", "config.c"), `\n/* ${round} */\n`, { flag: "a" }), of(relay)),
            await timed("another module, the kit cached", rounds, change(relay), of(relay)),
            await timed("the first module in Rust, the kit cached", 1, nothing, of(meter)),
            await timed("another module in Rust, the kit cached", rounds, change(meter), of(meter)),
        ];
        await sleep(SETTLES_MS);
        const cached: readonly (readonly [string, () => Promise<unknown>])[] = [
            ["the same module, from the cache", of(relay)], ["the same module in Rust, from the cache", of(meter)],
            [`${PROGRAM} modules of one program, from the cache`, of(relay, PROGRAM)], [`${PROGRAM} modules in Rust, from the cache`, of(meter, PROGRAM)],
            ["baseline: the kit's files read and hashed", () => hashFolder(createHash("sha256"), kit)],
        ];
        // In turn, so that all have the machine as busy.
        const times = cached.map((): number[] => []);
        for (let round = 0; round < 4 * rounds; round++) {
            for (const [index, [, work]] of cached.entries()) times[index]?.push(await once(work));
        }
        print("Build of a module", ["with", "builds", "median", "slowest"], [...rows, ...cached.map(([name], index) => row(name, times[index] ?? []))]);
    } finally {
        process.env = before;
        await rm(folder, { recursive: true, force: true });
    }
}

async function once(work: () => Promise<unknown>): Promise<number> {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
}

const row = (name: string, times: number[]): string[] => [name, String(times.length), duration(median(times)), duration(quantile(times, 1))];

async function timed(name: string, rounds: number, change: (round: number) => Promise<void>, work: () => Promise<unknown>): Promise<string[]> {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
        await change(round);
        times.push(await once(work));
    }
    return row(name, times);
}

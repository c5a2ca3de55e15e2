// How long the build of a module takes: with nothing cached, with the cryptographic library, with the whole kit, and from
// the cache.
import { appendFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { native } from "../provider/tee/native/native";
import { packageRoot, toolchain } from "../tools/setup/toolchain";
import type { Options } from "./main";
import { duration, median, quantile } from "./statistics";
import { print } from "./table";

/** Prints the table. */
export async function build({ quick }: Options): Promise<void> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-bench-"));
    const before = { ...process.env };
    try {
        const kit = path.join(folder, "kit");
        await cp(path.join(packageRoot(), "runtime", "kit"), kit, { recursive: true });
        const source = path.join(folder, "relay.c");
        await cp(path.join(packageRoot(), "bench", "modules", "relay.c"), source);
        const { zig } = toolchain();
        Object.assign(process.env, { AUTHENTIC_CACHE: path.join(folder, "cache"), AUTHENTIC_KIT: kit, ...(zig.length === 1 ? { AUTHENTIC_ZIG: zig[0] } : {}) });
        const rounds = quick ? 2 : 5;
        const nothing = (): Promise<void> => Promise.resolve();
        const rows = [
            await timed("nothing cached", 1, source, nothing),
            await timed("another kit, the crypto library cached", rounds, source, (round) => writeFile(path.join(kit, "core", "config.c"), `\n/* ${round} */\n`, { flag: "a" })),
            await timed("another module, the kit cached", rounds, source, (round) => appendFile(source, `\n/* ${round} */\n`)),
            await timed("the same module, from the cache", 4 * rounds, source, nothing),
        ];
        print("Build of a module", ["with", "builds", "median", "slowest"], rows);
    } finally {
        process.env = before;
        await rm(folder, { recursive: true, force: true });
    }
}

async function timed(name: string, rounds: number, source: string, change: (round: number) => Promise<void>): Promise<string[]> {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
        await change(round);
        const begin = performance.now();
        await native.build({ name: "relay", sources: [source] });
        times.push(performance.now() - begin);
    }
    return [name, String(rounds), duration(median(times)), duration(quantile(times, 1))];
}

// The command line of the campaign.
import { availableParallelism, homedir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";

/** Which part of the pieces is this process's: every n-th one from the i-th on. */
export interface Shard { readonly index: number; readonly count: number }

/** What was asked for. */
export interface CampaignOptions {
    readonly shard: Shard;
    readonly workers: number;
    /** Only tasks whose name contains this. */
    readonly only: string;
    readonly folder: string;
}

/** Reads the arguments; prints help and ends the process where commander does. */
export function readOptions(argv: readonly string[]): CampaignOptions {
    const program = new Command("npm run test:mutations --")
        .description("Try all values of every byte of every genuine sample, and fuzz every reader and verifier. What was done is not done again while code and samples stay the same.")
        .option("--shard <i/n>", "only every n-th piece, from the i-th on", readShard, { index: 1, count: 1 })
        .option("--workers <number>", "threads", readCount, availableParallelism())
        .option("--only <text>", "only tasks whose name contains the text", "")
        .option("--folder <folder>", "where the journals are kept", join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pulumi-authentic", "mutations"));
    return program.parse([...argv], { from: "user" }).opts();
}

function readShard(text: string): Shard {
    const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
    const [index, count] = [Number(match?.[1]), Number(match?.[2])];
    if (!(index >= 1 && index <= count)) {
        throw new InvalidArgumentError("write it as 1/4.");
    }
    return { index, count };
}

function readCount(text: string): number {
    if (!/^[1-9]\d{0,2}$/.test(text)) {
        throw new InvalidArgumentError("must be a number from 1 to 999.");
    }
    return Number(text);
}

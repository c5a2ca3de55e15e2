// `npm run test:mutations`: runs the pieces of all tasks on several threads, goes on where it was interrupted, and prints
// the figures. Exit code 1 when anything was accepted, or failed otherwise than by a refusal.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { samplesFolder } from "../vectors";
import { Journal, stateOf } from "./journal";
import { readOptions } from "./options";
import { describeFigures, figuresOf } from "./report";
import { allTasks } from "./tasks";
import type { Outcome } from "./task";

/** A piece of a task, by their numbers. */
interface Order { readonly task: number; readonly piece: number }

async function lead(argv: readonly string[]): Promise<number> {
    const { shard, workers, only, folder } = readOptions(argv);
    const tasks = allTasks();
    const compiled = resolve(__dirname, "../../..");
    const state = stateOf([resolve(compiled, "provider"), resolve(compiled, "test/attest"), samplesFolder]);
    const journal = new Journal(folder, state, `${shard.index}-of-${shard.count}`);
    const done = new Set(journal.read().map(({ task, piece }) => `${piece} ${task}`));
    const orders = tasks.flatMap(({ pieces }, task) => Array.from({ length: pieces }, (_, piece): Order => ({ task, piece })))
        .filter((_, index) => index % shard.count === shard.index - 1)
        .filter(({ task, piece }) => tasks[task]!.name.includes(only) && !done.has(`${piece} ${tasks[task]!.name}`));
    if (!existsSync(samplesFolder)) console.log(`no genuine samples in ${samplesFolder}, so none is changed; set AUTHENTIC_VECTORS`);
    console.log(`${orders.length} pieces to do, journal in ${folder}, code and samples ${state}`);
    await Promise.all(Array.from({ length: Math.min(workers, orders.length) }, () => employ(orders, ({ task, piece }, outcome) => {
        journal.append({ task: tasks[task]!.name, piece, outcome });
        outcome.findings.forEach((finding) => { console.log(`${tasks[task]!.name}: ${finding}`); });
    })));
    const figures = figuresOf(tasks, journal.read()).filter(({ task }) => task.name.includes(only));
    console.log(describeFigures(figures).join("\n"));
    return figures.some(({ outcome }) => outcome.findings.length > 0) ? 1 : 0;
}

/** Gives orders to one thread until none is left. */
async function employ(orders: Order[], record: (order: Order, outcome: Outcome) => void): Promise<void> {
    const worker = new Worker(__filename);
    try {
        for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
            const given = order;
            const outcome = await new Promise<Outcome>((answer, fail) => {
                worker.once("message", answer).once("error", fail);
                worker.postMessage(given);
            });
            worker.removeAllListeners("error");
            record(given, outcome);
        }
    } finally {
        await worker.terminate();
    }
}

function serve(): void {
    const tasks = allTasks();
    parentPort?.on("message", ({ task, piece }: Order) => { parentPort?.postMessage(tasks[task]!.run(piece)); });
}

if (isMainThread) {
    void lead(process.argv.slice(2)).then((code) => { process.exitCode = code; });
} else {
    serve();
}

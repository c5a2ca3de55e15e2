// The figures of a campaign, one line a task.
import type { Entry } from "./journal";
import { total, type Outcome, type Task } from "./task";

/** The figures of one task, over the pieces that are done. */
export interface Figures {
    readonly task: Task;
    readonly done: number;
    readonly outcome: Outcome;
}

/** Adds up entries by task; a piece that several writers did counts once. */
export function figuresOf(tasks: readonly Task[], entries: readonly Entry[]): Figures[] {
    return tasks.map((task) => {
        const pieces = new Map(entries.filter((entry) => entry.task === task.name).map(({ piece, outcome }) => [piece, outcome]));
        return { task, done: pieces.size, outcome: total([...pieces.values()]) };
    });
}

/** Lines for people. */
export function describeFigures(figures: readonly Figures[]): string[] {
    return figures.flatMap(({ task, done, outcome: { tried, accepted, findings } }) => [
        `${String(tried).padStart(9)} of ${String(task.inputs).padStart(8)} tried, ${accepted} accepted, ${findings.length - accepted} errors  ${task.name}${done < task.pieces ? "  (unfinished)" : ""}`,
        ...findings.slice(0, 10).map((finding) => `    ${finding.slice(0, 2000)}`),
    ]);
}

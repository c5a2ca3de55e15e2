// The processes the language host has started, so that none outlives it.
import type { ChildProcess } from "node:child_process";

/** How a child ended: an exit code, or the signal that ended it. */
export interface Ended {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
}

/** Tracks running children. */
export class Children {
    private readonly running = new Set<ChildProcess>();

    /**
     * Waits for a child, keeping it on the list while it runs.
     *
     * @throws the spawn error where the program could not be started
     */
    ended(child: ChildProcess): Promise<Ended> {
        this.running.add(child);
        return new Promise<Ended>((resolve, reject) => {
            // "close" and not "exit": what the child printed has been passed on by then.
            child.once("close", (code, signal) => {
                resolve({ code, signal });
            });
            child.once("error", reject);
        }).finally(() => this.running.delete(child));
    }

    /** Asks every running child to stop. */
    kill(): void {
        for (const child of this.running) child.kill("SIGTERM");
    }
}

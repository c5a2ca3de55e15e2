// Processes of this machine, as /proc shows them.
import * as fs from "node:fs";

const commandLine = (pid: string): string => {
    try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
        return "";
    }
};

/** Everything that runs: ids and command lines, whose words are ended by NUL. */
export const processes = (): { readonly pid: number; readonly line: string }[] =>
    fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => ({ pid: Number(name), line: commandLine(name) })).filter(({ line }) => line !== "");

/** Command lines of everything that runs, their words ended by NUL. */
export const commandLines = (): string[] => processes().map(({ line }) => line);

/** Whether a process runs; one that has ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
    try {
        // One that is ending has no command line any more, but still its sockets.
        return !/^State:\s*[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
        return false;
    }
}

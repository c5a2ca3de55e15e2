// Processes of this machine, as /proc shows them.
import * as fs from "node:fs";

const commandLine = (pid: string): string => {
    try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
        return "";
    }
};

/** Command lines of everything that runs, their words ended by NUL. */
export const commandLines = (): string[] => fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(commandLine).filter((line) => line !== "");

/** Whether a process runs; one that has ended and was not waited for does not. */
export const isAlive = (pid: number): boolean => commandLine(String(pid)) !== "";

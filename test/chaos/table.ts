// What a campaign has seen, by fault and phase.
import type { Verdict } from "./oracle";

/** What was counted of one kind of run. */
interface Row {
    runs: number;
    fired: number;
    sent: number;
    delivered: number;
    lost: number;
    duplicated: number;
    reordered: number;
    foreign: number;
    /** Gone with the state of a killed module. */
    promised: number;
    /** Modules whose loss was reported. */
    losses: number;
    /** Runs in which events flowed again before any deployer did anything. */
    alone: number;
    readonly codes: Map<string, number>;
}

const NUMBERS = ["runs", "fired", "sent", "delivered", "lost", "duplicated", "reordered", "foreign", "promised", "losses", "alone"] as const;
const HEADS = ["runs", "fired", "sent", "delivered", "lost", "dup.", "reord.", "foreign", "with state", "reported", "alone"] as const;

export class Table {
    private readonly rows = new Map<string, Row>();

    row(fault: string, phase: string): Row {
        const key = `${fault.padEnd(13)} | ${phase.padEnd(7)}`;
        const row = this.rows.get(key) ?? { runs: 0, fired: 0, sent: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, foreign: 0, promised: 0, losses: 0, alone: 0, codes: new Map<string, number>() };
        this.rows.set(key, row);
        return row;
    }

    add(row: Row, { sent, delivered, lost, duplicated, reordered, foreign, promised }: Verdict): void {
        for (const [name, value] of Object.entries({ sent, delivered, lost, duplicated, reordered, foreign, promised })) row[name as "sent"] += value;
    }

    sum(name: (typeof NUMBERS)[number]): number {
        return [...this.rows.values()].reduce((total, row) => total + row[name], 0);
    }

    /** Faults of which one has fired in a phase. */
    get covered(): number {
        return [...this.rows.values()].filter(({ fired }) => fired > 0).length;
    }

    toString(): string {
        const line = (head: string, numbers: readonly (string | number)[], rest: string) => `      ${head} | ${numbers.map((number, index) => String(number).padStart(HEADS[index]!.length)).join(" | ")} | ${rest}`;
        const told = (codes: Map<string, number>) => [...codes].map(([code, count]) => `${count} ${code}`).join(", ") || "-";
        return [
            line("fault         | phase  ", HEADS, "commands refused with"),
            ...[...this.rows].sort(([a], [b]) => a.localeCompare(b)).map(([key, row]) => line(key, NUMBERS.map((name) => row[name]), told(row.codes))),
            line("altogether    |        ", NUMBERS.map((name) => this.sum(name)), ""),
        ].join("\n");
    }
}

// Watches what the system shows of every process, its arguments and its environment, for secrets.
import * as fs from "node:fs";
import { formsIn } from "../secrets/search";

const EVERY_MS = 50;
/**
 * How Pulumi hands a program its configuration, secrets in clear: in the environment of the process that runs the program, which
 * the account and root can read. No other variable and no other process may show one.
 */
const PULUMIS_OWN = "PULUMI_CONFIG=";

export class Watch {
    /** Where secrets were seen, without them. */
    readonly hits = new Set<string>();
    /** Different texts that were looked at. */
    looked = 0;
    private readonly seen = new Map<string, Buffer>();
    private readonly timer: NodeJS.Timeout;

    constructor(private readonly secrets: readonly Uint8Array[]) {
        this.timer = setInterval(() => this.look(), EVERY_MS);
    }

    end(): void {
        clearInterval(this.timer);
    }

    private look(): void {
        for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) for (const what of ["cmdline", "environ"]) {
            const file = `/proc/${pid}/${what}`;
            const bytes = content(file);
            // Most are what they were a moment ago.
            if (bytes === undefined || this.seen.get(file)?.equals(bytes) === true) continue;
            this.seen.set(file, bytes);
            this.looked++;
            const runsProgram = what === "environ" && content(`/proc/${pid}/cmdline`)?.includes("@pulumi/pulumi/cmd/run") === true;
            const entries = bytes.toString("latin1").split("\0").filter((entry) => !(runsProgram && entry.startsWith(PULUMIS_OWN)));
            for (const secret of this.secrets) for (const form of formsIn(Buffer.from(entries.join("\0"), "latin1"), secret)) this.hits.add(`${what}: ${form}`);
        }
    }
}

/** Of a process that is there, and may be looked at. */
function content(file: string): Buffer | undefined {
    try {
        return fs.readFileSync(file);
    } catch {
        return undefined;
    }
}

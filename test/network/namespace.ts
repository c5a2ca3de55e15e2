// Tests in a process whose network namespace is its own: mocha runs their file once more in it, and each test here is told
// what became of it there.
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as readline from "node:readline";
import { packageRoot } from "../../tools/setup/toolchain";

/** Set in the process that has the namespace, to that of the process that started it. */
const OUTSIDE = "AUTHENTIC_OUTSIDE";
const HOOKS = ["before", "after", "beforeEach", "afterEach"] as const;

const namespace = (): string => fs.readlinkSync("/proc/self/ns/net");

/** @throws Error where this process shares its network with the machine */
export function assertOwnNamespace(): void {
    const outside = process.env[OUTSIDE];
    if (outside === undefined || outside === namespace()) throw new Error("this process has the machine's network: declare the tests with describeInNamespace");
}

/**
 * As `describe`. Hooks and tests run in a process that has a network namespace of its own, with nothing but loopback in it.
 * Needs root, without which the tests are skipped.
 *
 * @param file - the test's `__filename`
 */
export function describeInNamespace(file: string, title: string, tests: (this: Mocha.Suite) => void): void {
    if (process.env[OUTSIDE] !== undefined) {
        // Nobody waits for the tests any more.
        process.stdin.once("end", () => process.exit(1)).resume();
        describe(title, tests);
        return;
    }
    if (process.getuid?.() !== 0) {
        declare(title, tests, undefined);
        return;
    }
    declare(title, tests, new Inside(file));
}

/** Declares what the tests are called, and leaves out what they and their hooks do. */
function declare(title: string, tests: (this: Mocha.Suite) => void, inside: Inside | undefined): void {
    const originals = { before, after, beforeEach, afterEach, it, describe };
    describe(title, function () {
        before(() => inside?.start());
        after(() => inside?.end());
        const titles = [title];
        Object.assign(globalThis, Object.fromEntries(HOOKS.map((name) => [name, () => undefined])), {
            it: (name: string) => {
                const fullTitle = [...titles, name].join(" ");
                originals.it(name, inside === undefined ? undefined : () => inside.outcome(fullTitle));
            },
            describe: (name: string, more: (this: Mocha.Suite) => void) => originals.describe(name, function () {
                titles.push(name);
                more.call(this);
                titles.pop();
            }),
        });
        try {
            tests.call(this);
        } finally {
            Object.assign(globalThis, originals);
        }
        // There it counts, and is told.
        this.timeout(0);
    });
}

/** The process that has the namespace. */
class Inside {
    private readonly outcomes = new Map<string, { readonly error?: Error }>();
    private readonly waiting = new Map<string, () => void>();
    private child: ChildProcess | undefined;
    private over: string | undefined;

    constructor(private readonly file: string) {}

    start(): void {
        const mocha = path.join(packageRoot(), "node_modules", "mocha", "bin", "mocha.js");
        const child = spawn("unshare", ["--net", "--", process.execPath, mocha, "--reporter", "json-stream", "--exit", this.file],
            { stdio: ["pipe", "pipe", "inherit"], cwd: packageRoot(), env: { ...process.env, [OUTSIDE]: namespace() } });
        this.child = child;
        const failures: string[] = [];
        readline.createInterface(child.stdout).on("line", (line) => {
            const [what, about] = event(line);
            if (what === "pass") this.tell(about.fullTitle);
            else if (what === "fail") {
                const error = Object.assign(new Error(about.err), { stack: about.stack ?? about.err });
                failures.push(`${about.fullTitle}: ${about.stack ?? about.err}`);
                this.tell(about.fullTitle, error);
            } else if (what === undefined) console.log(line);
        });
        child.once("close", (code) => {
            this.over = `it was not run; the tests' process ended with exit code ${String(code)}\n${failures.join("\n")}`;
            for (const told of this.waiting.values()) told();
        });
    }

    /** Waits for a test. @throws what it threw */
    async outcome(title: string): Promise<void> {
        if (!this.outcomes.has(title) && this.over === undefined) await new Promise<void>((resolve) => this.waiting.set(title, resolve));
        const outcome = this.outcomes.get(title);
        if (outcome === undefined) throw new Error(this.over);
        if (outcome.error !== undefined) throw outcome.error;
    }

    /** Waits for the tests' hooks. @throws what one of them threw */
    async end(): Promise<void> {
        const { child } = this;
        if (child === undefined) return;
        if (this.over === undefined) await new Promise<void>((resolve) => this.waiting.set("", resolve));
        for (const [title, { error }] of this.outcomes) if (/"after (all|each)" hook/.test(title) && error !== undefined) throw error;
    }

    private tell(title: string, error?: Error): void {
        this.outcomes.set(title, error === undefined ? {} : { error });
        this.waiting.get(title)?.();
    }
}

/** A line of mocha's reporter, or of something else. */
function event(line: string): readonly [string | undefined, { readonly fullTitle: string; readonly err?: string; readonly stack?: string }] {
    const other = [undefined, { fullTitle: "" }] as const;
    try {
        const read = JSON.parse(line) as unknown;
        return Array.isArray(read) && typeof read[0] === "string" && typeof read[1] === "object" ? read as unknown as ReturnType<typeof event> : other;
    } catch {
        return other;
    }
}

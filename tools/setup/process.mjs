// Starts programs: finds them on PATH, passes their lines on, and keeps the last ones for the error.
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { constants as systemConstants } from "node:os";
import path from "node:path";
import { SetupFailure } from "./failure.mjs";

const KEPT_LINES = 40;

/**
 * The path of a program, like the shell's `command -v`.
 *
 * @param {string} name
 * @param {string} [searchPath] PATH by default
 * @returns {string | undefined}
 */
export function findProgram(name, searchPath = process.env["PATH"] ?? "") {
    for (const folder of searchPath.split(path.delimiter)) {
        if (folder === "") continue;
        const file = path.join(folder, name);
        try {
            accessSync(file, constants.X_OK);
            if (statSync(file).isFile()) return path.resolve(file);
        } catch {
            // Not in this folder.
        }
    }
    return undefined;
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] added to ours
 * @property {(line: string) => void} [onLine] called with each line of output and of errors
 * @property {number} [timeout] milliseconds
 * @property {string} [nextStep] what to do if it fails
 */

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; 127 where the program could not be started, 128 where a signal ended it
 * @property {string} output standard output
 * @property {string} tail the last lines of output and errors together
 */

/**
 * Runs a program to its end. Standard input is empty.
 *
 * @param {readonly string[]} command
 * @param {RunOptions} [options]
 * @returns {Promise<Outcome>}
 */
export function run([program = "", ...args], options = {}) {
    return new Promise((resolve) => {
        const child = spawn(program, args, {
            cwd: options.cwd,
            env: { ...process.env, ...options.env },
            stdio: ["ignore", "pipe", "pipe"],
            timeout: options.timeout,
        });
        // A child must not go on building after we were stopped.
        const stop = () => child.kill();
        process.on("exit", stop);
        let output = "";
        /** @type {string[]} */
        const tail = [];
        /** @param {string} line */
        const line = (line) => {
            tail.push(line);
            if (tail.length > KEPT_LINES) tail.shift();
            options.onLine?.(line);
        };
        /** @param {import("node:stream").Readable} stream */
        const follow = (stream) => {
            let rest = "";
            stream.setEncoding("utf8");
            stream.on("data", (/** @type {string} */ text) => {
                if (stream === child.stdout) output += text;
                const lines = (rest + text).split(/\r?\n/);
                rest = lines.pop() ?? "";
                lines.forEach(line);
            });
            stream.on("end", () => {
                if (rest !== "") line(rest);
            });
        };
        follow(child.stdout);
        follow(child.stderr);
        child.once("error", (error) => {
            process.off("exit", stop);
            resolve({ code: 127, output, tail: error.message });
        });
        child.once("close", (code) => {
            process.off("exit", stop);
            resolve({ code: code ?? 128, output, tail: tail.join("\n") });
        });
    });
}

/**
 * Runs a program that must succeed.
 *
 * @param {readonly string[]} command
 * @param {RunOptions} [options]
 * @returns {Promise<string>} its standard output
 * @throws {SetupFailure} with the end of what it printed
 */
export async function runOrFail(command, options = {}) {
    const { code, output, tail } = await run(command, options);
    if (code === 0) return output;
    const shown = [path.basename(command[0] ?? ""), ...command.slice(1)].join(" ");
    throw new SetupFailure(`\`${shown}\` failed with exit code ${code}`, options.nextStep ?? "mend what it reports, then run the command again", tail);
}

/** @type {NodeJS.Signals[]} */
const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs an action during which a signal ends this process and the programs it has started.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function stoppable(action) {
    const exit = (/** @type {NodeJS.Signals} */ signal) => process.exit(128 + systemConstants.signals[signal]);
    for (const signal of STOPPING) process.on(signal, exit);
    try {
        return await action();
    } finally {
        for (const signal of STOPPING) process.off(signal, exit);
    }
}

/**
 * Runs a program on our own terminal, passing signals on and waiting for it to clean up.
 *
 * @param {readonly string[]} command
 * @param {string} cwd
 * @returns {Promise<number>} its exit code; 128 + the signal where one ended it
 */
export function passThrough([program = "", ...args], cwd) {
    return new Promise((resolve, reject) => {
        const child = spawn(program, args, { cwd, stdio: "inherit" });
        // A terminal sends Ctrl-C to the child too; a supervisor's signal reaches only us.
        const forward = (/** @type {NodeJS.Signals} */ signal) => {
            if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
        };
        for (const signal of STOPPING) process.on(signal, forward);
        child.once("error", reject);
        child.once("close", (code, signal) => {
            for (const name of STOPPING) process.off(name, forward);
            resolve(code ?? 128 + (signal === null ? 0 : systemConstants.signals[signal]));
        });
    });
}

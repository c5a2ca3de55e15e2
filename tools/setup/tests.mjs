// `npm test` after set-up: lint, the Rust tests, the TypeScript tests, and one closing line for all.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { needTool } from "./prerequisites.mjs";
import { findProgram, run } from "./process.mjs";
import { CargoResults, closingLine, mochaResults, none, sum, unexpectedSkips } from "./results.mjs";

/** @typedef {import("./results.mjs").Results} Results */

/** Test files at once: each is in a process of its own, and waits for boards and networks half of the time. */
const JOBS = 2;

/** @param {string} text */
const heading = (text) => console.log(`\n── ${text} ${"─".repeat(Math.max(3, 72 - text.length))}`);

/** @param {string} line */
const print = (line) => console.log(line);

/**
 * Runs checks that give no counts. One that fails counts as one failure, so that the closing line shows it.
 *
 * @param {string} name
 * @param {string[]} command
 * @param {string} cwd
 * @returns {Promise<Results>}
 */
async function check(name, command, cwd) {
    heading(name);
    const { code } = await run(command, { cwd, onLine: print });
    print(code === 0 ? "no findings" : `${name} failed`);
    return { ...none(), failed: code === 0 ? 0 : 1 };
}

/**
 * @param {string} root
 * @returns {Promise<Results>}
 */
async function cargoTests(root) {
    heading("Rust tests");
    const results = new CargoResults();
    const { code } = await run(["cargo", "test", "--release", "--locked", "--workspace", "--no-fail-fast"], {
        cwd: path.join(root, "runtime"),
        onLine(line) {
            results.add(line);
            // Binaries without tests would fill the screen.
            if (!/^\s*$|^running 0 tests|^test result: ok\. 0 passed; 0 failed; 0 ignored/.test(line)) print(line);
        },
    });
    return settle(results.results, code, "cargo test");
}

/**
 * @param {string} root
 * @returns {Promise<Results>}
 */
async function mochaTests(root) {
    heading("TypeScript tests");
    const folder = mkdtempSync(path.join(os.tmpdir(), "authentic-mocha-"));
    const file = path.join(folder, "results.json");
    try {
        const reporter = [path.join("tools", "setup", "mocha-reporter.cjs"), "--reporter-option", `file=${file}`];
        const mocha = [process.execPath, path.join("node_modules", "mocha", "bin", "mocha.js"), "--parallel", "--jobs", String(JOBS), "--reporter", ...reporter, "dist/test/**/*.test.js"];
        const { code } = await run(process.stdout.isTTY ? [...mocha, "--color"] : mocha, { cwd: root, onLine: print });
        return settle(existsSync(file) ? mochaResults(readFileSync(file, "utf8"), root) : none(), code, "mocha");
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/**
 * A run that failed without saying of which test, or that had no tests at all, counts as one failure.
 *
 * @param {Results} results
 * @param {number} code
 * @param {string} name
 * @returns {Results}
 */
export function settle(results, code, name) {
    if (code !== 0 && results.failed === 0) {
        print(`${name} ended with exit code ${code}`);
        return { ...results, failed: 1 };
    }
    if (code === 0 && results.passed + results.failed + results.skipped.length === 0) {
        print(`${name} found no tests`);
        return { ...results, failed: 1 };
    }
    return results;
}

/**
 * Whether something tests may do without is here: "vectors" (the folder of evidence samples), "program:NAME"
 * (on PATH), "root" (its rights, which networks of namespaces need), "rust-targets" (Rust for other processors,
 * as set-up has recorded it) or "binfmt-namespaces" (binfmt_misc for user namespaces, which Linux has from 6.7 on).
 *
 * @param {string} root
 * @param {string} resource
 * @param {NodeJS.ProcessEnv} [env]
 */
export function isPresent(root, resource, env = process.env) {
    if (resource === "vectors") return existsSync(env["AUTHENTIC_VECTORS"] || path.join(root, "..", "shared", "vectors"));
    if (resource === "root") return process.getuid?.() === 0;
    if (resource.startsWith("program:")) return findProgram(resource.slice("program:".length), env["PATH"]) !== undefined;
    if (resource === "binfmt-namespaces") return spawnSync("unshare", ["-Urm", "mount", "-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"]).status === 0;
    if (resource === "rust-targets") return recordedForeign(root);
    throw new Error(`test/allowed-skips.json names the unknown resource \`${resource}\``);
}

/** @param {string} root */
function recordedForeign(root) {
    try {
        return "foreign" in JSON.parse(readFileSync(path.join(root, ".authentic", "toolchain.json"), "utf8"));
    } catch {
        return false;
    }
}

/**
 * @param {string} root the package's folder
 * @returns {Promise<number>} exit code
 */
export async function runTests(root) {
    const rust = existsSync(path.join(root, "runtime", "Cargo.toml"));
    const node = process.execPath;
    const eslint = path.join("node_modules", "eslint", "bin", "eslint.js");
    const names = rust ? ["ESLint", "Clippy", "Rust tests", "TypeScript tests"] : ["ESLint", "TypeScript tests"];
    const parts = [await check("ESLint", [node, eslint, "--max-warnings", "0", "."], root)];
    if (rust) {
        await needTool("clippy-driver", "the Rust programs are checked with it", print);
        const clippy = ["cargo", "clippy", "--release", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        parts.push(await check("Clippy", clippy, path.join(root, "runtime")), await cargoTests(root));
    }
    parts.push(await mochaTests(root));

    const results = sum(parts);
    const broken = parts.flatMap(({ failed }, i) => (failed > 0 ? [names[i]] : []));
    const allowed = JSON.parse(readFileSync(path.join(root, "test", "allowed-skips.json"), "utf8"));
    const unexpected = unexpectedSkips(results.skipped, allowed, (resource) => isPresent(root, resource));
    if (unexpected.length > 0) {
        heading("skipped without leave (see test/allowed-skips.json)");
        for (const { file, title } of unexpected) print(`${file}: ${title}`);
    }
    if (broken.length > 0) print(`\nfailures in: ${broken.join(", ")}`);
    print(`\n${closingLine(results)}`);
    return results.failed === 0 && unexpected.length === 0 ? 0 : 1;
}

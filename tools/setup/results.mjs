// What test runs report, added up; and which skips are in order.
import path from "node:path";

/**
 * @typedef {object} Skip
 * @property {string} file source file of the test, relative to the package, or the name of a Rust binary
 * @property {string} title
 */

/**
 * @typedef {object} Results
 * @property {number} passed
 * @property {number} failed
 * @property {Skip[]} skipped
 */

/** @returns {Results} */
export const none = () => ({ passed: 0, failed: 0, skipped: [] });

/**
 * @param {Results[]} results
 * @returns {Results}
 */
export function sum(results) {
    return {
        passed: results.reduce((total, { passed }) => total + passed, 0),
        failed: results.reduce((total, { failed }) => total + failed, 0),
        skipped: results.flatMap(({ skipped }) => skipped),
    };
}

/** Reads the output of `cargo test`, line by line. */
export class CargoResults {
    constructor() {
        this.results = none();
        /** @type {string} binary whose tests the lines are about */
        this.binary = "";
    }

    /** @param {string} line */
    add(line) {
        const running = /^\s*(?:Running|Doc-tests) (?:unittests )?(\S+)/.exec(line);
        if (running !== null) this.binary = running[1] ?? "";
        const ignored = /^test (.+?)(?: - should panic)? \.\.\. ignored/.exec(line);
        if (ignored !== null) this.results.skipped.push({ file: this.binary, title: ignored[1] ?? "" });
        const closing = /^test result: \w+\. (\d+) passed; (\d+) failed;/.exec(line);
        if (closing !== null) {
            this.results.passed += Number(closing[1]);
            this.results.failed += Number(closing[2]);
        }
    }
}

/**
 * Results of mocha as mocha-reporter.cjs writes them.
 *
 * @param {string} json
 * @param {string} root the package's folder
 * @returns {Results}
 */
export function mochaResults(json, root) {
    /** @type {Results} */
    const { passed, failed, skipped } = JSON.parse(json);
    const source = (/** @type {string} */ file) => path.relative(path.join(root, "dist"), file).replace(/\.js$/, ".ts");
    return { passed, failed, skipped: skipped.map(({ file, title }) => ({ file: source(file), title })) };
}

/**
 * @typedef {object} AllowedSkip an entry of test/allowed-skips.json
 * @property {string} files start of the path of the test files it is about
 * @property {string} [title] start of the full title; absent: every test of the files
 * @property {string} without the resource that must be absent for the skip to be in order
 */

/**
 * Skips that nothing excuses.
 *
 * @param {Skip[]} skips
 * @param {AllowedSkip[]} allowed
 * @param {(resource: string) => boolean} isPresent
 * @returns {Skip[]}
 */
export function unexpectedSkips(skips, allowed, isPresent) {
    return skips.filter(
        ({ file, title }) =>
            !allowed.some((entry) => file.startsWith(entry.files) && title.startsWith(entry.title ?? "") && !isPresent(entry.without)),
    );
}

/**
 * The closing line.
 *
 * @param {Results} results
 */
export function closingLine({ passed, failed, skipped }) {
    return `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
}

// Mocha's spec output with the files that take longest, and beside it a file with the counts and the skipped tests for the closing line.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const Mocha = require("mocha");

const SLOWEST = 15;

module.exports = class RecordingReporter extends Mocha.reporters.Spec {
    /**
     * @param {import("mocha").Runner} runner
     * @param {import("mocha").MochaOptions} options
     */
    constructor(runner, options) {
        super(runner, options);
        /** @type {{ file: string; title: string }[]} */
        const skipped = [];
        runner.on("pending", (test) => {
            skipped.push({ file: test.file ?? "", title: test.fullTitle() });
        });
        /** Milliseconds of tests and hooks by file. @type {Map<string, number>} */
        const times = new Map();
        /** @param {Mocha.Runnable} ended */
        const took = ({ file = "", duration = 0 }) => times.set(file, (times.get(file) ?? 0) + duration);
        runner.on("test end", took).on("hook end", took);
        runner.once("end", () => {
            const slowest = [...times].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
            console.log(["Files that take longest, in seconds:", ...slowest.map(([name, ms]) => `${(ms / 1000).toFixed(1).padStart(7)}  ${path.relative(process.cwd(), name)}`)].join("\n"));
            const { passes, failures } = runner.stats ?? { passes: 0, failures: 0 };
            const file = /** @type {{ file?: string } | undefined} */ (options.reporterOptions)?.file;
            if (file !== undefined) fs.writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped }));
        });
    }
};

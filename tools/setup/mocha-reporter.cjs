// Mocha's spec output, and beside it a file with the counts and the skipped tests for the closing line.
"use strict";
const fs = require("node:fs");
const Mocha = require("mocha");

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
        runner.once("end", () => {
            const { passes, failures } = runner.stats ?? { passes: 0, failures: 0 };
            const file = /** @type {{ file?: string } | undefined} */ (options.reporterOptions)?.file;
            if (file !== undefined) fs.writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped }));
        });
    }
};

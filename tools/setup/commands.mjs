// What each command makes ready and then runs.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache.mjs";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { ensureNodeModules } from "./node-modules.mjs";
import { needPackages } from "./prerequisites.mjs";
import { passThrough, stoppable } from "./process.mjs";
import { duration, Progress } from "./progress.mjs";
import { ensurePulumi, pinnedPulumi } from "./pulumi.mjs";
import { closingLine } from "./results.mjs";
import { ensureForeignPrograms, ensureRust } from "./rust.mjs";
import { ensureRustTargets, presentRustTargets } from "./rust-targets.mjs";
import { runTests } from "./tests.mjs";
import { recordToolchain } from "./toolchain.mjs";
import { ensureTypeScript } from "./typescript.mjs";
import { ensureZig, pinnedZig } from "./zig.mjs";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/**
 * Makes ready what a command needs.
 *
 * @param {"demo" | "test"} command
 * @param {Progress} progress
 */
function setUp(command, progress) {
    return stoppable(() => prepare(command, progress));
}

/**
 * @param {"demo" | "test"} command
 * @param {Progress} progress
 */
async function prepare(command, progress) {
    const start = performance.now();
    const cache = cacheFolder();
    const root = ROOT;
    await progress.step("system packages", (say) => needPackages(command, say));
    // One set-up at a time in a work tree; those of other work trees meet at the cache's own locks.
    await withLock(
        path.join(root, ".authentic", "setup-lock"),
        async () => {
            await progress.step("npm packages", (say) => ensureNodeModules({ root, say }));
            const zig = await progress.step(`Zig ${pinnedZig(root)}`, (say) => ensureZig({ root, cache, say }));
            const pulumi = await progress.step(`Pulumi ${pinnedPulumi(root)}`, (say) => ensurePulumi({ root, cache, say }));
            recordToolchain(root, { cache, zig, pulumi, foreign: await presentRustTargets(cache) });
            await progress.step("Rust programs", async (say) => {
                if (!(await ensureRust({ root, say }))) say("none: there is no runtime/Cargo.toml");
            });
            if (command === "test") {
                const foreign = await progress.step("Rust for aarch64 and boards", (say) => ensureRustTargets({ cache, zig, say }));
                recordToolchain(root, { cache, zig, pulumi, foreign });
                if (foreign !== undefined) await progress.step("Rust programs for aarch64", (say) => ensureForeignPrograms({ root, foreign, say }));
            }
            await progress.step("TypeScript", (say) => ensureTypeScript({ root, say }));
        },
        () => console.error("  … waiting for another set-up in this folder"),
    );
    console.error(`  ready after ${duration(performance.now() - start)}\n`);
}

/**
 * Sets up, then runs `tools/NAME/main.ts` in place of this process.
 *
 * @param {string} name
 * @param {string[]} args
 */
async function runTool(name, args) {
    await setUp("demo", new Progress());
    const program = path.join(ROOT, "dist", "tools", name, "main.js");
    if (!existsSync(program)) {
        throw new SetupFailure(`this tree has no tools/${name}/main.ts`, `get the complete sources, then run \`npm run ${name}\` again`);
    }
    return passThrough([process.execPath, program, ...args], ROOT);
}

/** @type {Record<string, (args: string[]) => Promise<number>>} */
const COMMANDS = {
    async setup() {
        await setUp("demo", new Progress());
        return 0;
    },
    demo: (args) => runTool("demo", args),
    example: (args) => runTool("example", args),
    async test() {
        try {
            await setUp("test", new Progress());
        } catch (error) {
            // What reads the closing line finds it whatever went wrong.
            if (!(error instanceof SetupFailure)) throw error;
            console.error(`\n${error.text}`);
            console.log(`\n${closingLine({ passed: 0, failed: 1, skipped: [] })}`);
            return 1;
        }
        return stoppable(() => runTests(ROOT));
    },
};

/**
 * @param {string[]} args command and its arguments
 * @returns {Promise<number>} exit code
 */
export async function main([name = "", ...args]) {
    const command = COMMANDS[name];
    if (command === undefined) throw new SetupFailure(`there is no command \`${name}\``, `use one of: ${Object.keys(COMMANDS).join(", ")}`);
    return command(args);
}

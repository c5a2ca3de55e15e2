// `npm run fuzz`: every harness with a million inputs, or as many as the first argument says. Prints a line for each with
// the figures and the seed; exit code 1 where one found something. Harnesses are listed in docs/fuzzing.md.
import { spawn } from "node:child_process";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../tools/setup/toolchain";

const inputs = process.argv[2] ?? "1000000";
if (!/^[1-9]\d*$/.test(inputs)) throw new RangeError("usage: npm run fuzz -- [INPUTS]");

const WORKSPACE = path.join(packageRoot(), "runtime");
/** Programs that others' tests start, then the harnesses: integration tests called `fuzz`, and unit tests. */
const RUST: readonly (readonly string[])[] = [
    // The development profile checks arithmetic and assertions.
    ["build", "--locked", "--workspace"],
    ["test", "--locked", "--workspace", "--no-fail-fast", "--lib", "--test", "fuzz", "--", "--nocapture", "--test-threads", "2"],
];
const KIT = ["node_modules/mocha/bin/mocha.js", "--timeout", "0", "dist/test/kit/fuzz.test.js", "dist/test/kit/fuzz-sancus.test.js"];
const DECODERS = ["dist/test/attest/campaign/main.js", "--only", "fuzzing"];

/** Runs a program, shows the lines that matter, and everything where it fails. */
async function run(name: string, command: readonly string[], cwd: string, matters: RegExp): Promise<boolean> {
    console.log(`── ${name}`);
    const began = Date.now();
    const [program = "", ...args] = command;
    const child = spawn(program, args, { cwd, env: { ...process.env, AUTHENTIC_FUZZ_INPUTS: inputs }, stdio: ["ignore", "pipe", "pipe"] });
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
            if (matters.test(line)) console.log(line.trim());
            last.push(line);
            if (last.length > 200) last.shift();
        });
    }
    const code = await new Promise<number | null>((resolve, reject) => child.once("close", resolve).once("error", reject));
    if (code !== 0) console.log(last.join("\n"));
    console.log(`   ${code === 0 ? "nothing found" : `FAILED (${String(code)})`}, ${((Date.now() - began) / 1000).toFixed(0)} s`);
    return code === 0;
}

async function main(): Promise<void> {
    const results = [
        await run("agent, host, boards, SGX platform, wire formats: build", ["cargo", ...RUST[0]!], WORKSPACE, /^error/),
        await run("agent, host, boards, SGX platform, wire formats", ["cargo", ...RUST[1]!], WORKSPACE, /^fuzzed |had at most|^test .*FAILED|panicked/),
        await run("module kit", [process.execPath, ...KIT], packageRoot(), /✔|parser \d|^\s+\d+\) /),
        await run("deployer's decoders and verifiers", [process.execPath, ...DECODERS], packageRoot(), /\d{4,}/),
    ];
    process.exitCode = results.every(Boolean) ? 0 : 1;
}

void main();

// The help of every command, and what shells are given to complete words.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { MAIN } from "./deployed";

const COMMANDS = ["status", "attest", "watch", "logs", "send", "request", "call", "pins", "measure", "verify", "import", "completion"];
const authentic = (...args: string[]) => execFileSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });

describe("help and completion", function () {
    this.timeout(120_000);
    it("lists every command, and each has examples that begin with its name", () => {
        const help = authentic("--help");
        for (const name of COMMANDS) {
            assert.match(help, new RegExp(`^  ${name} `, "m"));
            const own = authentic(name, "--help");
            assert.match(own, new RegExp(`Examples:[^]*\\$ [^\n]*authentic ${name}`), own);
        }
        assert.doesNotMatch(help, /^ {2}complete /m);
    });

    const candidates = (...words: string[]) => authentic("complete", "--", ...words).split("\n").filter((line) => line !== "").map((line) => line.split("\t")[0]);

    it("gives the candidates for a command, an option and its values", () => {
        assert.deepEqual(candidates("s"), ["status", "send"]);
        assert.deepEqual(candidates("watch", "--co"), ["--count"]);
        assert.deepEqual(candidates("request", "query", "--output", "r"), ["raw"]);
        assert.deepEqual(candidates("completion", "f"), ["fish"]);
        assert.deepEqual(candidates("nothing", "x"), []);
        assert.ok(candidates("").includes("attest"));
    });
});

// How much there is to trust inside each TEE: the table in docs/architecture.md, counted anew.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";

const runtime = path.join(packageRoot(), "runtime");

/** Lines of C, assembler, Zig and linker scripts that are neither blank nor comment alone, in files and folders below runtime/. */
function lines(...places: string[]): number {
    const files = places.map((place) => path.join(runtime, place)).flatMap((place) =>
        fs.statSync(place).isFile() ? [place] : fs.readdirSync(place, { recursive: true, encoding: "utf8" }).map((file) => path.join(place, file)));
    return files.filter((file) => /\.([chS]|zig|ld)$/.test(file)).map((file) => counted(fs.readFileSync(file, "utf8"), file.endsWith(".S"))).reduce((sum, one) => sum + one, 0);
}

/** @param assembler - whose comments of a line begin with `#` or `;` as well */
function counted(text: string, assembler: boolean): number {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => "\n".repeat(comment.split("\n").length - 1));
    return code.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("//")
        && !(assembler && /^\s*(#(?!include|define|if|else|endif)|;)/.test(line))).length;
}

/** The columns of the table: interface, core, port, what of the board is trusted beside it; and, not part of the goal, cryptography. */
const PARTS: Readonly<Record<string, readonly (readonly string[])[]>> = {
    native: [["kit/include"], ["kit/core"], ["kit/ports/native", "kit/ports/x86_64"], [], ["kit/crypto"]],
    sgx: [["kit/include"], ["kit/core"], ["kit/ports/sgx", "kit/ports/x86_64"], [], ["kit/crypto"]],
    trustzone: [["kit/include"], ["kit/core"], ["kit/ports/trustzone"], ["trustzone/firmware/secure", "trustzone/firmware/boards", "trustzone/firmware/board.h", "trustzone/firmware/gateway.h"], ["kit/crypto"]],
    sancus: [["kit/include"], [], ["kit/ports/sancus"], ["sancus/module", "sancus/driver"], []],
};
/** The table may be this far from the count: small changes do not have to touch it, and none can add up unseen. */
const TOLERANCE = 60;

describe("the trusted lines", () => {
    const text = fs.readFileSync(path.join(packageRoot(), "docs", "architecture.md"), "utf8");
    for (const [tee, parts] of Object.entries(PARTS)) {
        it(`inside ${tee} are as many as the architecture says`, () => {
            const found = parts.map((places) => lines(...places));
            const total = found.slice(0, 4).reduce((sum, one) => sum + one, 0);
            const row = [...found.slice(0, 4), total, ...found.slice(4)];
            const written = new RegExp(`^\\| ${tee} \\|(.*)\\|$`, "m").exec(text)?.[1]?.split("|").map((cell) => Number(cell.replaceAll(/[*, ]/g, "")));
            const wanted = `| ${tee} | ${row.join(" | ")} |`;
            assert.ok(written !== undefined, `docs/architecture.md lacks the row ${wanted}`);
            assert.equal(written.length, row.length);
            row.forEach((count, index) => {
                const cell = written[index] ?? NaN;
                assert.ok(count === 0 ? cell === 0 : Math.abs(cell - count) <= TOLERANCE, `docs/architecture.md is behind: the row is ${wanted}`);
            });
        });
    }

    it("are counted without blank lines and comments", () => {
        assert.equal(counted("/* one\n   two */\nint a; /* same line */\n\n  /* alone */\nint b;\n", false), 2);
        assert.equal(counted("# a comment\n#include \"x\"\n    nop # why\n\n", true), 2);
        assert.equal(counted("//! what\nconst a = 1; // why\n", false), 1);
    });
});

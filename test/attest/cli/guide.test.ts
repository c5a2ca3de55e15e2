// docs/verify.md: every shell example works as it stands there, run in its order in one folder with the genuine samples.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { genuine } from "../vectors";

const root = resolve(__dirname, "../../../..");

/** Code blocks of one language, in order. */
function blocks(markdown: string, language: string): string[] {
    return [...markdown.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].filter((match) => match[1] === language).map((match) => match[2] ?? "");
}

describe("The guide to verifying", function () {
    this.timeout(120_000);
    let folder: string;
    let guide: string;

    before(function () {
        const files = {
            "quote.bin": genuine(this, "sgx-quote-v3.bin"),
            "collateral.json": genuine(this, "sgx-quote-v3.collateral.json"),
            "tdx-quote.bin": genuine(this, "tdx-quote-v4.bin").subarray(0, 4936),
            "tdx-collateral.json": genuine(this, "tdx-quote-v4.collateral.json"),
            "report.hex": genuine(this, "snp-report-milan.hex"),
            "vcek.der": genuine(this, "snp-vcek-milan.der"),
            "chain.pem": genuine(this, "snp-cert-chain-milan.pem"),
            "token.cbor": genuine(this, "psa-token.cbor"),
            "device-psa.pem": genuine(this, "psa-token-public-key.pem"),
        };
        folder = mkdtempSync(join(tmpdir(), "authentic-guide-"));
        guide = readFileSync(join(root, "docs/verify.md"), "utf8");
        for (const [name, content] of Object.entries(files)) {
            writeFileSync(join(folder, name), content);
        }
        // What `npm install pulumi-authentic` leaves behind.
        mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
        symlinkSync(root, join(folder, "node_modules/pulumi-authentic"));
        writeFileSync(join(folder, "node_modules/.bin/authentic"), `#!/bin/sh\nexec node ${JSON.stringify(join(root, "dist/provider/cli/main.js"))} "$@"\n`);
        chmodSync(join(folder, "node_modules/.bin/authentic"), 0o755);
        writeFileSync(join(folder, "package.json"), "{}");
        const [script] = blocks(guide, "js");
        assert.match(script ?? "", /^\/\/ verify\.mjs/);
        writeFileSync(join(folder, "verify.mjs"), script ?? "");
    });

    after(() => {
        // The hook above skips before it makes the folder.
        if (folder) {
            rmSync(folder, { recursive: true, force: true });
        }
    });

    it("has examples that do what it says", () => {
        const results = blocks(guide, "sh").filter((block) => !block.startsWith("npm install")).map((block) => {
            const { status, stdout, stderr } = spawnSync("bash", ["-eu", "-o", "pipefail", "-c", block], { cwd: folder, encoding: "utf8" });
            return { block, status, stdout, stderr };
        });
        const outcomes = results.map(({ stdout }) => stdout.match(/^(accepted|refused): .*|^exit code \d$|^\w+ -> .*/gm));
        assert.deepEqual(outcomes, [
            ["accepted: OP-TEE evidence"],
            ["refused: OP-TEE evidence", "exit code 3"],
            ["accepted: OP-TEE evidence"],
            ["refused: SGX evidence", "exit code 3", "accepted: TDX evidence"],
            ["refused: SEV-SNP evidence", "exit code 3"],
            ["accepted: SEV-SNP evidence"],
            ["refused: PSA evidence", "exit code 3"],
            ["accepted: PSA evidence"],
            ["status -> authentic:trust.sgx.tcbStatuses", "advisories -> authentic:trust.sgx.advisories"],
            ["accepted: SGX evidence"],
            ["accepted: SGX evidence"],
        ], results.map(({ stderr }) => stderr).join("\n"));
        assert.doesNotMatch(results[2]?.stdout ?? "", /not compared/);
        const shown = blocks(guide, "text")[0] ?? "none";
        assert.ok(results[1]?.stdout.startsWith(shown), `the guide shows\n${shown}\nbut the command prints\n${results[1]?.stdout}`);
        // The JSON example is a pipe whose first command ends with 3; every other block ends well.
        assert.deepEqual(results.filter(({ status }) => status !== 0).map(({ block }) => block.includes("--json")), [true]);
    });
});

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ensurePassphrase, pulumiEnvironment } from "../../tools/pulumi/environment";
import { packageRoot, toolchain } from "../../tools/setup/toolchain";

describe("Pulumi's environment", () => {
    let folder = "";
    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "authentic-environment-"));
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true, force: true });
        delete process.env["PULUMI_ACCESS_TOKEN"];
    });
    const tools = { cache: "/c", zig: ["/c/zig"] as [string], pulumi: "/c/pulumi/pulumi", path: "/c/pulumi" };

    it("puts the CLI first on PATH and keeps state in the given folder", () => {
        const env = pulumiEnvironment({ backend: path.join(folder, "my state"), passphraseFile: path.join(folder, "p"), tools });
        assert.equal(env["PATH"]?.split(":")[0], "/c/pulumi");
        assert.equal(env["PULUMI_BACKEND_URL"], `file://${folder}/my%20state`);
        assert.equal(env["PULUMI_HOME"], path.join(folder, "pulumi-home"));
        assert.equal(env["AUTHENTIC_ZIG"], "/c/zig");
        assert.ok(fs.existsSync(path.join(folder, "my state")));
    });

    it("names the passphrase's file and holds neither the passphrase nor the caller's Pulumi settings", () => {
        process.env["PULUMI_ACCESS_TOKEN"] = "pul-of-the-caller";
        const passphraseFile = ensurePassphrase(folder);
        const env = pulumiEnvironment({ backend: folder, passphraseFile, tools });
        const passphrase = fs.readFileSync(passphraseFile, "utf8").trim();
        assert.equal(env["PULUMI_CONFIG_PASSPHRASE_FILE"], passphraseFile);
        assert.ok(!Object.values(env).some((value) => value?.includes(passphrase) ?? false));
        assert.equal(env["PULUMI_ACCESS_TOKEN"], undefined);
    });

    it("makes a passphrase once, for its owner alone", () => {
        const file = ensurePassphrase(folder);
        const passphrase = fs.readFileSync(file, "utf8");
        assert.ok(passphrase.trim().length >= 43);
        fs.chmodSync(file, 0o644);
        assert.equal(ensurePassphrase(folder), file);
        assert.equal(fs.readFileSync(file, "utf8"), passphrase);
        assert.equal(fs.statSync(file).mode & 0o777, 0o600);
        assert.notEqual(fs.readFileSync(ensurePassphrase(path.join(folder, "other")), "utf8"), passphrase);
    });

    it("is refused where set-up has not run, or a tool has gone", () => {
        assert.throws(() => toolchain(folder), /AE-SETUP-TOOLCHAIN: .*toolchain\.json is absent.*Run `npm run setup`/);
        fs.mkdirSync(path.join(folder, ".authentic"));
        fs.writeFileSync(path.join(folder, ".authentic", "toolchain.json"), JSON.stringify({ ...tools, pulumi: "/nowhere/pulumi" }));
        assert.throws(() => toolchain(folder), /AE-SETUP-TOOLCHAIN: \S+ is gone/);
        assert.ok(fs.existsSync(toolchain(packageRoot()).pulumi));
    });
});

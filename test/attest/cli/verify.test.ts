// `authentic verify` as a child process: the genuine samples, every option, every exit code.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { constants, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ed25519 } from "@noble/curves/ed25519";
import type { Verdict } from "../../../provider/attest/evidence";
import { genuine, genuinePath } from "../vectors";
import { certificate, chainFields, listFields, NOW, revocationList } from "../snp/authority";
import { buildReport, hardwareIdOf } from "../snp/report";

const main = resolve(__dirname, "../../../provider/cli/main.js");
const INSIDE = "2025-07-01T00:00:00Z";
const OUTSIDE = "2025-08-01T00:00:00Z";

interface Run {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

describe("authentic verify", function () {
    this.timeout(60_000);
    let folder: string;

    before(() => { folder = mkdtempSync(join(tmpdir(), "authentic-verify-")); });
    after(() => { rmSync(folder, { recursive: true, force: true }); });

    const file = (name: string, content: string | Uint8Array): string => {
        const path = join(folder, name);
        writeFileSync(path, content);
        return path;
    };
    const policy = (value: unknown): string => file("policy.json", JSON.stringify(value));
    const authentic = (...args: readonly string[]): Run => {
        const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
        return { code: status, stdout, stderr };
    };
    const verify = (...args: readonly string[]): Run => authentic("verify", ...args);
    const verdictOf = (run: Run): Verdict => JSON.parse(run.stdout) as Verdict;

    describe("with the genuine SGX quote", () => {
        const accepting = { sgx: { tcbStatuses: ["UpToDate", "ConfigurationAndSWHardeningNeeded"], advisories: ["INTEL-SA-00289", "INTEL-SA-00615"] } };
        let args: string[];

        before(function () {
            args = [genuinePath(this, "sgx-quote-v3.bin"), "--type", "sgx", "--collateral", genuinePath(this, "sgx-quote-v3.collateral.json")];
        });

        it("ends with 3 under the default policy, and names status, advisories and the settings", () => {
            const run = verify(...args, "--time", INSIDE);
            assert.equal(run.code, 3);
            assert.match(run.stdout, /^refused: SGX evidence\n/);
            assert.match(run.stdout, /status is ConfigurationAndSWHardeningNeeded, required: UpToDate\n {4}code {4}AE-ATTEST-TCB\n {4}change {2}authentic:trust\.sgx\.tcbStatuses/);
            assert.match(run.stdout, /INTEL-SA-00289, INTEL-SA-00615/);
            assert.match(run.stdout, /not compared\n {2}report data/);
        });

        it("ends with 0 under a policy that accepts status and advisories", () => {
            const run = verify(...args, "--time", INSIDE, "--policy", policy(accepting));
            assert.equal(run.code, 0, run.stdout + run.stderr);
            assert.match(run.stdout, /^accepted: SGX evidence\n/);
        });

        it("ends with 3 outside the window of the collateral, whatever the policy", () => {
            const run = verify(...args, "--time", OUTSIDE, "--policy", policy(accepting), "--json");
            assert.equal(run.code, 3);
            assert.equal(verdictOf(run).reasons[0]?.code, "AE-ATTEST-EXPIRED");
        });

        it("prints the verdict as JSON, and nothing else", () => {
            const run = verify(...args, "--time", INSIDE, "--json");
            assert.equal(run.stderr, "");
            assert.deepEqual(Object.keys(verdictOf(run)).sort(), ["accepted", "advisories", "claims", "reasons", "status", "unchecked"]);
            assert.equal(verdictOf(run).accepted, false);
            assert.equal(verdictOf(run).status, "ConfigurationAndSWHardeningNeeded");
            assert.deepEqual(verdictOf(run).advisories, ["INTEL-SA-00289", "INTEL-SA-00615"]);
        });

        it("compares report data and reference values when they are given", () => {
            const { claims } = verdictOf(verify(...args, "--time", INSIDE, "--json"));
            assert.ok(claims?.measurement);
            const right = ["--report-data", claims.reportData, "--references", file("references.json", JSON.stringify({ mrenclave: claims.measurement }))];
            const run = verify(...args, "--time", INSIDE, "--policy", policy(accepting), ...right, "--json");
            assert.equal(run.code, 0, run.stdout);
            assert.deepEqual(verdictOf(run).unchecked, []);
            const wrong = verify(...args, "--time", INSIDE, "--policy", policy(accepting), "--report-data", "00".repeat(64), "--json");
            assert.equal(wrong.code, 3);
            assert.equal(verdictOf(wrong).reasons[0]?.code, "AE-ATTEST-BINDING");
            const prefix = verify(...args, "--time", INSIDE, "--policy", policy(accepting), "--report-data", claims.reportData.slice(0, 64), "--json");
            assert.equal(prefix.code, 3);
            const other = verify(...args, "--time", INSIDE, "--policy", policy(accepting), "--references", file("other.json", JSON.stringify({ mrenclave: "00".repeat(32) })), "--json");
            assert.equal(other.code, 3);
            assert.equal(verdictOf(other).reasons[0]?.code, "AE-ATTEST-MEASUREMENT");
        });
    });

    it("refuses the genuine TDX file for its trailing bytes, and accepts the quote cut to its length", function () {
        const quote = genuine(this, "tdx-quote-v4.bin");
        const collateral = ["--type", "tdx", "--collateral", genuinePath(this, "tdx-quote-v4.collateral.json"), "--time", INSIDE];
        assert.equal(verify(genuinePath(this, "tdx-quote-v4.bin"), ...collateral).code, 3);
        const run = verify(file("quote.bin", quote.subarray(0, 4936)), ...collateral, "--json");
        assert.equal(run.code, 0, run.stdout);
        assert.equal(verdictOf(run).status, "UpToDate");
    });

    it("refuses the genuine SNP report without a revocation list, and accepts it when the policy does not require one", function () {
        const args = [genuinePath(this, "snp-report-milan.hex"), "--type", "snp", "--collateral", genuinePath(this, "snp-vcek-milan.der"),
            "--collateral", genuinePath(this, "snp-cert-chain-milan.pem"), "--time", INSIDE];
        const refused = verify(...args);
        assert.equal(refused.code, 3);
        assert.match(refused.stdout, /AMD CRL is missing.*\n.*\n {4}change {2}authentic:trust\.snp\.revocation/);
        assert.equal(verify(...args, "--policy", policy({ snp: { revocation: "optional" } })).code, 0);
    });

    it("accepts the genuine PSA token under its legacy profile only, with its instance mapped to the key", function () {
        const args = [genuinePath(this, "psa-token.cbor"), "--type", "psa", "--key", genuinePath(this, "psa-token-public-key.pem"), "--time", INSIDE];
        const legacy = ["--policy", policy({ psa: { legacyProfiles: ["http://example.com"] } })];
        const instance = ["--instance", "0107060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"];
        assert.equal(verify(...args).code, 3);
        assert.equal(verify(...args, ...instance).code, 3);
        assert.equal(verify(...args, ...legacy).code, 3);
        assert.equal(verify(...args, ...legacy, ...instance).code, 0);
        const nonce = "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918";
        assert.equal(verify(...args, ...legacy, ...instance, "--report-data", nonce).code, 0);
        assert.equal(verify(...args, ...legacy, ...instance, "--report-data", `${nonce.slice(0, -2)}19`).code, 3);
    });

    it("verifies an OP-TEE measurement under a key, PEM or DER", () => {
        const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
        const signed = Buffer.alloc(96, 0x22);
        const signature = sign("sha256", signed, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
        const args = [file("evidence.bin", Buffer.concat([signed, signature])), "--type", "optee", "--time", INSIDE];
        assert.equal(verify(...args, "--key", file("device.pem", publicKey.export({ type: "spki", format: "pem" }))).code, 0);
        assert.equal(verify(...args, "--key", file("device.der", publicKey.export({ type: "spki", format: "der" }))).code, 0);
        assert.equal(verify(...args).code, 3);
    });

    it("verifies a Keystone report under a key, as SubjectPublicKeyInfo or its 32 bytes", () => {
        const secret = new Uint8Array(32).fill(1);
        const key = ed25519.getPublicKey(secret);
        const report = Buffer.alloc(1352);
        report.writeBigUInt64LE(64n, 64);
        report.set(key, 1224);
        report.set(key, 1320);
        report.set(ed25519.sign(report.subarray(0, 136), secret), 1096);
        report.set(ed25519.sign(report.subarray(1160, 1256), secret), 1256);
        const args = [file("report.bin", report), "--type", "keystone", "--time", INSIDE, "--policy", policy({ keystone: { securityMonitors: ["00".repeat(64)] } })];
        assert.equal(verify(...args, "--key", file("device.raw", key)).code, 0);
        assert.equal(verify(...args, "--key", file("device.spki", Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]))).code, 0);
        assert.equal(verify(...args).code, 3);
    });

    it("believes an emulator's root where the policy does, and says that it is emulated", () => {
        const fields = chainFields("Milan", "VCEK", hardwareIdOf("Milan"));
        const args = [file("report.bin", buildReport()), "--type", "snp", "--time", new Date(NOW).toISOString().replace(".000", ""),
            ...Object.entries(fields).flatMap(([name, each]) => ["--collateral", file(`${name}.der`, certificate(each))]),
            "--collateral", file("list.der", revocationList(listFields("Milan"))), "--json"];
        assert.equal(verify(...args, "--policy", policy({ emulated: true })).code, 3);
        const root = ["--root", join(folder, "root.der")];
        assert.equal(verify(...args, ...root).code, 3);
        const run = verify(...args, ...root, "--policy", policy({ emulated: true }));
        assert.equal(run.code, 0, run.stdout);
        assert.equal(verdictOf(run).claims?.assurance, "emulated");
    });

    describe("with a call that cannot be carried out", () => {
        const unusable = (title: string, args: () => readonly string[], message: RegExp) => {
            it(`ends with 2: ${title}`, () => {
                const run = verify(...args());
                assert.equal(run.code, 2, run.stdout + run.stderr);
                assert.equal(run.stdout, "");
                assert.match(run.stderr, message);
                assert.doesNotMatch(run.stderr, /^ {4}at /m);
            });
        };
        const evidence = () => file("some.bin", new Uint8Array(1184));
        const snp = () => [evidence(), "--type", "snp", "--time", INSIDE];

        unusable("no arguments", () => [], /missing required argument|required option/);
        unusable("no type", () => [evidence(), "--time", INSIDE], /required option '--type/);
        unusable("no time", () => [evidence(), "--type", "snp"], /required option '--time/);
        unusable("an unknown type", () => [evidence(), "--type", "sev", "--time", INSIDE], /Allowed choices are sgx, tdx, snp, psa, keystone, optee/);
        unusable("an unknown option", () => [...snp(), "--insecure"], /unknown option '--insecure'/);
        unusable("two evidence files", () => [...snp(), "other.bin"], /too many arguments/);
        for (const time of ["yesterday", "2025-07-01", "2025-02-30T00:00:00Z", "2025-07-01T00:00:00+02:00"]) {
            unusable(`the time ${time}`, () => [evidence(), "--type", "snp", "--time", time], /AE-ATTEST-TIME/);
        }
        unusable("evidence that is not there", () => [join(folder, "absent.bin"), "--type", "snp", "--time", INSIDE], /AE-CLI-FILE.*absent\.bin/);
        unusable("a folder for a file", () => [folder, "--type", "snp", "--time", INSIDE], /AE-CLI-FILE/);
        unusable("collateral that is not there", () => [...snp(), "--collateral", join(folder, "absent.der")], /AE-CLI-FILE.*absent\.der/);
        unusable("a policy that is no JSON", () => [...snp(), "--policy", file("broken.json", "{")], /AE-CLI-JSON/);
        unusable("a policy with an unknown member", () => [...snp(), "--policy", policy({ snp: { vmlp: 1 } })], /AE-TRUST-CONFIG.*authentic:trust\.snp/);
        unusable("a policy with a wrong type", () => [...snp(), "--policy", policy({ snp: { vmpl: "1" } })], /AE-TRUST-CONFIG.*authentic:trust\.snp\.vmpl/);
        unusable("reference values of another type", () => [...snp(), "--references", file("references.json", JSON.stringify({ mrenclave: "00".repeat(32) }))], /AE-ATTEST-INPUT/);
        unusable("report data that is too short, too long, or no hexadecimal", () => [...snp(), "--report-data", "0011"], /AE-CLI-REPORT-DATA/);
        unusable("a key for evidence with certificates", () => [...snp(), "--key", evidence()], /AE-CLI-KEY/);
        unusable("a key that is none", () => [evidence(), "--type", "psa", "--time", INSIDE, "--key", file("key.pem", "nothing")], /AE-CLI-KEY/);
        unusable("a key of another algorithm", () => [evidence(), "--type", "optee", "--time", INSIDE, "--key",
            file("key.pem", generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" }))], /AE-CLI-KEY/);
        unusable("an instance without a key", () => [evidence(), "--type", "psa", "--time", INSIDE, "--instance", "00"], /AE-CLI-INSTANCE/);
        unusable("a root that is none", () => [...snp(), "--root", file("root.pem", "nothing")], /AE-CLI-ROOT/);

        it("ends with 2: an unknown subcommand, or none", () => {
            assert.equal(authentic("inspect").code, 2);
            assert.equal(authentic().code, 2);
        });
    });

    it("ends with 3, not 2, for evidence and collateral that are garbage", () => {
        const empty = file("empty.bin", "");
        assert.equal(verify(empty, "--type", "snp", "--time", INSIDE).code, 3);
        for (const type of ["sgx", "tdx", "snp", "psa", "keystone", "optee"]) {
            const run = verify(file("garbage.bin", Buffer.alloc(2000, 0xa5)), "--type", type, "--collateral", empty, "--time", INSIDE);
            assert.equal(run.code, 3, `${type}: ${run.stdout}${run.stderr}`);
        }
    });

    it("keeps control characters of evidence off the terminal", function () {
        const token = genuine(this, "psa-token.cbor");
        const profile = Buffer.from("http://example.com");
        token.set(Buffer.from("\u001b[2Jexample.com///", "latin1").subarray(0, profile.length), token.indexOf(profile));
        const run = verify(file("token.cbor", token), "--type", "psa", "--time", INSIDE);
        assert.equal(run.code, 3);
        assert.doesNotMatch(run.stdout, /\u001b/);
        assert.match(run.stdout, /�\[2J/);
    });

    it("explains itself with --help, with examples and exit codes", () => {
        const help = verify("--help");
        assert.equal(help.code, 0);
        assert.match(help.stdout, /Examples:[^]*authentic verify quote\.bin --type sgx[^]*Exit codes: 0 accepted, 3 refused, 2/);
        assert.match(authentic("--help").stdout, /verify/);
        assert.equal(authentic("--help").code, 0);
        assert.match(authentic("--version").stdout, /^\d+\.\d+\.\d+\n$/);
    });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { source, temporaryFolder } from "./source";

describe("finding Pulumi", () => {
    const folder = temporaryFolder();
    const install = (version: string, plugins = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]): { PATH: string } => {
        folder.executable("bin/pulumi", `test "$PULUMI_SKIP_UPDATE_CHECK" = 1 && echo ${version}`);
        for (const plugin of plugins) folder.executable(`bin/${plugin}`, "");
        return { PATH: path.join(folder.path, "bin") };
    };

    it("takes the one on PATH that is new enough and can run Node programs", async () => {
        const { presentPulumi } = await source("pulumi");
        const expected = path.join(folder.path, "bin", "pulumi");
        assert.equal(await presentPulumi("3.259.0", install("v3.259.0")), expected);
        assert.equal(await presentPulumi("3.259.0", install("v3.301.4")), expected);
        assert.equal(await presentPulumi("3.259.0", install("v3.99.0")), undefined);
        assert.equal(await presentPulumi("3.259.0", install("not a version")), undefined);
        assert.equal(await presentPulumi("3.259.0", { PATH: folder.path }), undefined);
    });

    it("passes over one without the Node language host", async () => {
        const { presentPulumi } = await source("pulumi");
        assert.equal(await presentPulumi("3.259.0", install("v3.259.0", ["pulumi-resource-pulumi-nodejs"])), undefined);
    });
});

describe("downloading Pulumi", () => {
    const folder = temporaryFolder();
    const say = (): void => undefined;
    let savedPath: string | undefined;
    beforeEach(() => {
        savedPath = process.env["PATH"];
    });
    afterEach(() => {
        process.env["PATH"] = savedPath;
    });

    /** A curl that serves the release from a folder. */
    const serve = async (checksum?: string): Promise<string> => {
        const { archiveName } = await source("pulumi-download");
        const name = archiveName("1.2.3") ?? "";
        fs.mkdirSync(path.join(folder.path, "pulumi"));
        fs.writeFileSync(path.join(folder.path, "pulumi", "pulumi"), "the CLI");
        assert.equal(spawnSync("tar", ["-czf", name, "pulumi"], { cwd: folder.path }).status, 0);
        const sum = checksum ?? createHash("sha256").update(fs.readFileSync(path.join(folder.path, name))).digest("hex");
        fs.writeFileSync(path.join(folder.path, "pulumi-1.2.3-checksums.txt"), `${"0".repeat(64)}  other.tar.gz\n${sum}  ${name}\n`);
        folder.executable(
            "bin/curl",
            `for word; do
    [ "$last" = --output ] && exec >"$word"
    last=$word
done
cat "${folder.path}/\${last##*/}"`,
        );
        process.env["PATH"] = `${path.join(folder.path, "bin")}:${savedPath ?? ""}`;
        const target = path.join(folder.path, "target");
        fs.mkdirSync(target);
        return target;
    };

    it("unpacks an archive whose SHA-256 is the published one", async () => {
        const { downloadPulumi } = await source("pulumi-download");
        const target = await serve();
        assert.equal(await downloadPulumi("1.2.3", target, say), true);
        assert.deepEqual(fs.readdirSync(target), ["pulumi"]);
        assert.equal(fs.readFileSync(path.join(target, "pulumi"), "utf8"), "the CLI");
    });

    it("refuses an archive with another SHA-256", async () => {
        const { downloadPulumi } = await source("pulumi-download");
        const target = await serve("a".repeat(64));
        await assert.rejects(downloadPulumi("1.2.3", target, say), /has SHA-256 [0-9a-f]{64}, published is a{64}/);
        assert.ok(!fs.existsSync(path.join(target, "pulumi")));
    });

    it("leaves it to the build where the server is not reachable", async () => {
        const { downloadPulumi } = await source("pulumi-download");
        const target = await serve();
        folder.executable("bin/curl", "echo 'could not resolve host' >&2; exit 6");
        assert.equal(await downloadPulumi("1.2.3", target, say), false);
        assert.deepEqual(fs.readdirSync(target), []);
    });

    it("knows which platforms have a release", async () => {
        const { archiveName } = await source("pulumi-download");
        assert.equal(archiveName("3.259.0", "linux", "x64"), "pulumi-v3.259.0-linux-x64.tar.gz");
        assert.equal(archiveName("3.259.0", "darwin", "arm64"), "pulumi-v3.259.0-darwin-arm64.tar.gz");
        assert.equal(archiveName("3.259.0", "linux", "riscv64"), undefined);
    });

    it("reads a checksum by the whole name of its file", async () => {
        const { checksumOf } = await source("pulumi-download");
        const sum = "b".repeat(64);
        assert.equal(checksumOf(`${sum} *x.tar.gz\n`, "x.tar.gz"), sum);
        assert.equal(checksumOf(`${sum}  xx.tar.gz\n`, "x.tar.gz"), undefined);
        assert.equal(checksumOf(`${"b".repeat(63)}  x.tar.gz\n`, "x.tar.gz"), undefined);
    });
});

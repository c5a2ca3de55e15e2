// The package as npm packs it, installed in a project outside of this folder: it has what it needs, and an example runs with it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { packageRoot } from "../../tools/setup/toolchain";
import { becomes, Example, pin } from "../examples/example";

const execute = promisify(execFile);

interface Locked { readonly dev?: boolean; readonly link?: boolean; readonly [member: string]: unknown }
interface Manifest { readonly version: string; readonly dependencies: Readonly<Record<string, string>>; readonly bin: unknown; readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>> }
interface Packed { readonly filename: string; readonly integrity: string; readonly files: readonly { readonly path: string }[] }

const readJson = (...names: string[]): unknown => JSON.parse(fs.readFileSync(path.join(...names), "utf8"));

describe("the package, packed and installed elsewhere", function () {
    this.timeout(600_000);
    const manifest = readJson(packageRoot(), "package.json") as Manifest;
    let example: Example;
    let packed: Packed;

    before(async () => {
        example = new Example("button-led", { modules: false });
        const { folder } = example.project;
        const { stdout } = await execute("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: packageRoot(), maxBuffer: 1 << 24 });
        [packed] = JSON.parse(stdout) as [Packed];
        install(folder, packed);
        await execute("npm", ["ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
    });
    after(() => example.remove());

    /** Writes what `npm install ./FILE` would, with the versions that this package is tested with. */
    function install(folder: string, { filename, integrity }: Packed): void {
        const { packages } = readJson(packageRoot(), "package-lock.json") as { packages: Record<string, Locked> };
        const needed = Object.entries(packages).filter(([name, { dev, link }]) => name !== "" && dev !== true && link !== true);
        const root = { name: "button-led", dependencies: { "pulumi-authentic": `file:${filename}` } };
        const own = { version: manifest.version, resolved: `file:${filename}`, integrity, dependencies: manifest.dependencies, bin: manifest.bin };
        const lock = { name: root.name, lockfileVersion: 3, requires: true, packages: { "": root, ...Object.fromEntries(needed), "node_modules/pulumi-authentic": own } };
        fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(root));
        fs.writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
    }

    it("has every file that it names, the kit and the sources of the node programs, and neither tests nor what was built", async () => {
        const files = new Set(packed.files.map((file) => file.path));
        for (const target of Object.values(manifest.exports)) {
            for (const file of typeof target === "string" ? [target] : [target.types, target.default]) assert.ok(files.has(path.normalize(file)), file);
        }
        for (const file of ["dist/provider/cli/main.js", "runtime/kit/include/authentic.h", "runtime/authentic/src/lib.rs", "docs/tutorial.md", "README.md", "LICENSE"]) assert.ok(files.has(file), file);
        assert.deepEqual([...files].filter((file) => /^(test|dist\/test|runtime\/target|node_modules|\.authentic)\//.test(file)), []);
        // Cargo finds the workspace whole, with the versions of its lock file.
        const runtime = path.join(example.project.folder, "node_modules", "pulumi-authentic", "runtime");
        const { stdout } = await execute("cargo", ["metadata", "--locked", "--offline", "--format-version", "1", "--no-deps"], { cwd: runtime, maxBuffer: 1 << 24 });
        const names = (JSON.parse(stdout) as { packages: { name: string }[] }).packages.map(({ name }) => name);
        for (const name of ["authentic-agent", "authentic-host", "authentic-board"]) assert.ok(names.includes(name), name);
    });

    it("brings the command line", async () => {
        const { stdout } = await execute("npx", ["--no-install", "authentic", "--version"], { cwd: example.project.folder });
        assert.equal(stdout.trim(), manifest.version);
    });

    it("runs an example", async () => {
        const { env, folder } = example.project;
        // As after `cargo build` in the installed package's folder, which takes minutes.
        env["AUTHENTIC_AGENT"] = path.join(packageRoot(), "runtime", "target", "x86_64-unknown-linux-gnu", "release", "authentic-agent");
        env["AUTHENTIC_STATE"] = path.join(folder, "..", "nodes");
        await example.project.pulumi("stack", "init", "dev");
        const stack = await example.up();
        await stack.setPin("button", "button", 1);
        await sleep(300);
        await becomes(() => pin(stack, "lamp", "led"), 1);
    });
});

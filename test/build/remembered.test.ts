// A toolchain is asked once, and again as soon as anything that decides which one runs has changed.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { remembered } from "../../provider/build/rust/remembered";

describe("what a Rust toolchain has said of itself", () => {
    const base = mkdtempSync(path.join(os.tmpdir(), "authentic-rust-"));
    const environmentBefore = { PATH: process.env["PATH"], AUTHENTIC_CACHE: process.env["AUTHENTIC_CACHE"] };
    const [folder, sysroot, home] = [path.join(base, "project", "modules"), path.join(base, "toolchain"), path.join(base, "home")];
    let asked = 0;
    let version = "1";
    const ask = async (environment: Record<string, string> = { RUSTUP_HOME: home }) => {
        const count = asked;
        const said = await remembered(folder, environment, () => {
            asked++;
            return Promise.resolve({ version, sysroot });
        });
        return { version: said?.version, asked: asked - count };
    };

    before(prepare);
    function prepare(): void {
        for (const one of [folder, path.join(sysroot, "bin"), home, path.join(base, "bin")]) mkdirSync(one, { recursive: true });
        writeFileSync(path.join(sysroot, "bin", "rustc"), "compiler");
        writeFileSync(path.join(base, "bin", "rustup"), "stand-in");
        symlinkSync("rustup", path.join(base, "bin", "rustc"));
    }
    beforeEach(() => Object.assign(process.env, { PATH: path.join(base, "bin"), AUTHENTIC_CACHE: path.join(base, "cache") }));
    afterEach(() => {
        for (const [name, value] of Object.entries(environmentBefore)) {
            if (value === undefined) Reflect.deleteProperty(process.env, name);
            else process.env[name] = value;
        }
    });
    after(() => rmSync(base, { recursive: true }));

    it("is remembered, by its folder and environment", async () => {
        assert.deepEqual(await ask(), { version: "1", asked: 1 });
        assert.deepEqual(await ask(), { version: "1", asked: 0 });
        assert.deepEqual(await ask({ RUSTUP_HOME: home, RUSTUP_TOOLCHAIN: "nightly" }), { version: "1", asked: 1 });
    });

    const changes: readonly (readonly [string, () => void])[] = [
        ["a toolchain file appears in a folder above", () => writeFileSync(path.join(base, "project", "rust-toolchain.toml"), "[toolchain]\n")],
        ["that file changes", () => writeFileSync(path.join(base, "project", "rust-toolchain.toml"), "[toolchain]\nchannel = \"1.96\"\n")],
        ["rustup's settings change", () => writeFileSync(path.join(home, "settings.toml"), "default_toolchain = \"beta\"\n")],
        ["the compiler is updated", () => {
            writeFileSync(path.join(sysroot, "new"), "compiler");
            renameSync(path.join(sysroot, "new"), path.join(sysroot, "bin", "rustc"));
        }],
    ];
    for (const [what, change] of changes) {
        it(`is asked for again when ${what}`, async () => {
            await ask();
            change();
            version = String(Number(version) + 1);
            assert.deepEqual(await ask(), { version, asked: 1 });
            assert.deepEqual(await ask(), { version, asked: 0 });
        });
    }

    it("is asked for each time where the compiler on PATH is neither rustup's nor rustc itself", async () => {
        rmSync(path.join(base, "bin", "rustc"));
        writeFileSync(path.join(base, "bin", "shim"), "of another kind");
        symlinkSync("shim", path.join(base, "bin", "rustc"));
        assert.deepEqual([(await ask()).asked, (await ask()).asked], [1, 1]);
    });
});

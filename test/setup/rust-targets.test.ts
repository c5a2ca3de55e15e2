import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { source, temporaryFolder } from "./source";

describe("finding Rust for other processors", () => {
    const folder = temporaryFolder();
    const library = (sysroot: string, target: string) => fs.mkdirSync(path.join(folder.path, sysroot, "lib", "rustlib", target, "lib"), { recursive: true });

    it("takes rustup's where both targets are installed and an emulator is on PATH", async () => {
        const { BOARD, SERVER, presentRustTargets } = await source("rust-targets");
        const rust = path.join(folder.path, "own");
        const bin = path.dirname(folder.executable("own/bin/rustc", `[ "$*" = "--print sysroot" ] && echo ${rust}`));
        const present = () => presentRustTargets(path.join(folder.path, "cache"), bin);
        library("own", SERVER);
        const emulator = folder.executable("own/bin/qemu-aarch64", "");
        assert.equal(await present(), undefined);
        library("own", BOARD);
        assert.deepEqual(await present(), { rust, emulator });
        fs.rmSync(emulator);
        assert.equal(await present(), undefined);
    });

    it("takes what an earlier set-up has made", async () => {
        const { BOARD, SERVER, presentRustTargets } = await source("rust-targets");
        const present = () => presentRustTargets(folder.path, "/nowhere");
        for (const target of [SERVER, BOARD]) library("rust-targets-1/rust", target);
        folder.executable("rust-targets-1/rust/bin/rustc", "");
        assert.equal(await present(), undefined);
        const emulator = folder.executable("rust-targets-1/qemu-aarch64-static", "");
        assert.deepEqual(await present(), { rust: path.join(folder.path, "rust-targets-1", "rust"), emulator });
    });
});

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";
import { source, temporaryFolder } from "./source";

describe("finding Zig", () => {
    const folder = temporaryFolder();
    const fake = (name: string, version: string): string => folder.executable(name, `echo ${version}`);

    it("takes the one on PATH at exactly the pinned version", async () => {
        const { presentZig } = await source("zig");
        const zig = fake("bin/zig", "0.17.1");
        assert.equal(await presentZig("0.17.1", { PATH: path.dirname(zig) }), zig);
        assert.equal(await presentZig("0.17.0", { PATH: path.dirname(zig) }), undefined);
        assert.equal(await presentZig("0.17.2", { PATH: path.dirname(zig) }), undefined);
        assert.equal(await presentZig("0.17.1", { PATH: folder.path }), undefined);
    });

    it("passes over a zig that does not run", async () => {
        const { presentZig } = await source("zig");
        const zig = folder.executable("bin/zig", "echo 0.17.1; exit 1");
        assert.equal(await presentZig("0.17.1", { PATH: path.dirname(zig) }), undefined);
    });

    it("prefers AUTHENTIC_ZIG, and refuses it at another version", async () => {
        const { presentZig } = await source("zig");
        const onPath = fake("bin/zig", "0.17.1");
        const chosen = fake("chosen", "0.17.1");
        assert.equal(await presentZig("0.17.1", { PATH: path.dirname(onPath), AUTHENTIC_ZIG: chosen }), chosen);
        const other = fake("other", "0.16.0");
        await assert.rejects(presentZig("0.17.1", { PATH: path.dirname(onPath), AUTHENTIC_ZIG: other }), /which is Zig 0\.16\.0; version 0\.17\.1 is needed/);
        await assert.rejects(presentZig("0.17.1", { AUTHENTIC_ZIG: "/nowhere/zig" }), /which is not Zig/);
    });

    it("has the wheels' hashes for the version that measurements are made with", async () => {
        const { pinnedZig } = await source("zig");
        const requirements = fs.readFileSync(path.join(packageRoot(), "tools", "setup", "zig-requirements.txt"), "utf8");
        assert.match(requirements, new RegExp(`^ziglang==${pinnedZig(packageRoot()).replaceAll(".", "\\.")} `, "m"));
    });
});

// Where the builder looks for Zig, and what it says when there is none.
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "../../provider/build/folders";
import { findZig } from "../../provider/build/zig";
import { Sources, errorOf } from "./fixture";

describe("finding Zig", () => {
    const folder = new Sources();
    after(() => folder.remove());

    const script = (name: string, version: string): string => {
        const file = folder.write(name, `#!/bin/sh\necho ${version}\n`);
        chmodSync(file, 0o755);
        return file;
    };

    it("takes AUTHENTIC_ZIG first, and refuses it at another version or if it is something else", async () => {
        const onPath = script("path/zig", "9.9.9");
        const chosen = script("chosen", "9.9.9");
        assert.deepEqual(await findZig("9.9.9", { AUTHENTIC_ZIG: chosen, PATH: path.dirname(onPath) }), [chosen]);
        assert.match((await errorOf("AE-BUILD-ZIG", findZig("9.9.8", { AUTHENTIC_ZIG: chosen }))).message, /which is Zig 9\.9\.9, but modules are built with Zig 9\.9\.8/);
        assert.match((await errorOf("AE-BUILD-ZIG", findZig("9.9.9", { AUTHENTIC_ZIG: "/nowhere/zig" }))).message, /which is not Zig/);
    });

    it("takes zig on PATH only at exactly the version, else what the set-up installed", async () => {
        const onPath = script("path/zig", "9.9.9");
        assert.deepEqual(await findZig("9.9.9", { PATH: path.dirname(onPath) }), [onPath]);
        const installed = script("cache/zig-9.9.8/bin/zig", "9.9.8");
        assert.deepEqual(await findZig("9.9.8", { PATH: path.dirname(onPath), AUTHENTIC_CACHE: path.join(folder.folder, "cache") }), [installed]);
        const python = script("other/zig-9.9.8/bin/python", "9.9.8");
        assert.deepEqual(await findZig("9.9.8", { PATH: "", AUTHENTIC_CACHE: path.join(folder.folder, "other") }), [python, "-m", "ziglang"]);
    });

    it("says what to do where there is none", async () => {
        const error = await errorOf("AE-BUILD-ZIG", findZig("9.9.9", { PATH: "", AUTHENTIC_CACHE: "/nowhere" }));
        assert.match(error.message, /Zig 9\.9\.9.*is not installed/);
        assert.match(error.nextStep, /npm run setup/);
    });

    it("looks into the folder that AUTHENTIC_CACHE or XDG names", () => {
        assert.equal(cacheFolder({ AUTHENTIC_CACHE: "/srv/cache", XDG_CACHE_HOME: "/x" }), "/srv/cache");
        assert.equal(cacheFolder({ XDG_CACHE_HOME: "/x" }), "/x/pulumi-authentic");
        assert.match(cacheFolder({ XDG_CACHE_HOME: "relative" }), /\.cache\/pulumi-authentic$/);
    });
});

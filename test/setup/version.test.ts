import assert from "node:assert/strict";
import { source } from "./source";

describe("versions", () => {
    it("are found in what programs print", async () => {
        const { findVersion } = await source("version");
        assert.equal(findVersion("go version go1.26.8 linux/amd64"), "1.26.8");
        assert.equal(findVersion("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), "1.95.0");
        assert.equal(findVersion("3.259.0\n"), "3.259.0");
        assert.equal(findVersion("3.260.0-alpha.1753"), "3.260.0-alpha.1753");
        assert.equal(findVersion("no number"), undefined);
    });

    it("are ordered by number, not by text", async () => {
        const { isAtLeast } = await source("version");
        assert.equal(isAtLeast("3.259.0", "3.259.0"), true);
        assert.equal(isAtLeast("3.1000.0", "3.259.0"), true);
        assert.equal(isAtLeast("4.0", "3.259.0"), true);
        assert.equal(isAtLeast("3.99.9", "3.259.0"), false);
        assert.equal(isAtLeast("3.258.9", "3.259.0"), false);
    });

    it("of a pre-release come before the release", async () => {
        const { isAtLeast } = await source("version");
        assert.equal(isAtLeast("3.259.0-alpha.1", "3.259.0"), false);
        assert.equal(isAtLeast("3.260.0-alpha.1", "3.259.0"), true);
    });
});

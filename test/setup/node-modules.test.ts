import assert from "node:assert/strict";
import { source } from "./source";

describe("installed npm packages", () => {
    const locked = {
        "": { version: "0.1.0" },
        "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
        "node_modules/only-elsewhere": { version: "1.0.0", integrity: "sha512-b", optional: true },
        "node_modules/self": { link: true },
    };
    const installed = { "node_modules/a": { version: "1.0.0", integrity: "sha512-a" }, "node_modules/self": { link: true } };

    it("match the lock file without the packages for other platforms", async () => {
        const { isInstalled } = await source("node-modules");
        assert.equal(isInstalled(locked, installed), true);
    });

    it("do not match when one is missing, of another version or content, or too many", async () => {
        const { isInstalled } = await source("node-modules");
        assert.equal(isInstalled(locked, { "node_modules/self": { link: true } }), false);
        assert.equal(isInstalled(locked, { ...installed, "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } }), false);
        assert.equal(isInstalled(locked, { ...installed, "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } }), false);
        assert.equal(isInstalled(locked, { ...installed, "node_modules/self": {} }), false);
        assert.equal(isInstalled(locked, { ...installed, "node_modules/extra": { version: "1.0.0" } }), false);
    });
});

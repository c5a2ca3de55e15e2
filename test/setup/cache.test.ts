import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { source, temporaryFolder } from "./source";

describe("the cache", () => {
    const folder = temporaryFolder();

    it("is where AUTHENTIC_CACHE says, else in the XDG cache folder, else in ~/.cache", async () => {
        const { cacheFolder } = await source("cache");
        assert.equal(cacheFolder({ AUTHENTIC_CACHE: "/srv/tools", XDG_CACHE_HOME: "/x" }), "/srv/tools");
        assert.equal(cacheFolder({ XDG_CACHE_HOME: "/x" }), "/x/pulumi-authentic");
        assert.equal(cacheFolder({ XDG_CACHE_HOME: "relative" }), path.join(os.homedir(), ".cache", "pulumi-authentic"));
        assert.equal(cacheFolder({}), path.join(os.homedir(), ".cache", "pulumi-authentic"));
    });

    it("builds a tool once for set-ups that run at the same time", async () => {
        const { installOnce } = await source("cache");
        let builds = 0;
        const build = async (partial: string): Promise<void> => {
            builds++;
            await new Promise((resolve) => setTimeout(resolve, 50));
            fs.writeFileSync(path.join(partial, "tool"), "x");
        };
        const results = await Promise.all([1, 2, 3].map(() => installOnce(folder.path, "tool-1.0", build)));
        assert.equal(builds, 1);
        assert.deepEqual(new Set(results), new Set([path.join(folder.path, "tool-1.0")]));
        assert.ok(fs.existsSync(path.join(folder.path, "tool-1.0", "tool")));
    });

    it("keeps nothing of a build that failed", async () => {
        const { installOnce } = await source("cache");
        const build = (partial: string): Promise<void> => {
            fs.writeFileSync(path.join(partial, "half"), "x");
            return Promise.reject(new Error("no network"));
        };
        await assert.rejects(installOnce(folder.path, "tool-1.0", build), /no network/);
        assert.deepEqual(fs.readdirSync(folder.path), ["locks"]);
    });

    it("clears away what a killed build left, and no other tool's", async () => {
        const { installOnce } = await source("cache");
        for (const name of [".partial-tool-1.0-999", ".partial-other-1.0-999"]) fs.mkdirSync(path.join(folder.path, name));
        await installOnce(folder.path, "tool-1.0", () => Promise.resolve());
        assert.deepEqual(fs.readdirSync(folder.path).sort(), [".partial-other-1.0-999", "locks", "tool-1.0"]);
    });
});

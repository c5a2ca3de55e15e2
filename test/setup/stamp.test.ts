import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { source, temporaryFolder } from "./source";

describe("stamps", () => {
    const folder = temporaryFolder();
    const write = (name: string, content: string): void => {
        fs.mkdirSync(path.dirname(path.join(folder.path, name)), { recursive: true });
        fs.writeFileSync(path.join(folder.path, name), content);
    };

    it("list sources below folders, without what builds make", async () => {
        const { listFiles } = await source("stamp");
        for (const name of ["a/x.ts", "a/node_modules/y.ts", "a/target/z.ts", "b.json", "c/w.md"]) write(name, "");
        assert.deepEqual(listFiles(folder.path, ["a", "b.json", "c", "absent"], (file) => !file.endsWith(".md")), ["a/x.ts", "b.json"]);
    });

    it("change with content, with a file's name and with versions, and with nothing else", async () => {
        const { hashFiles } = await source("stamp");
        write("a", "1");
        write("b", "1");
        const before = hashFiles(folder.path, ["a"], ["v1"]);
        fs.utimesSync(path.join(folder.path, "a"), 1, 1);
        assert.equal(hashFiles(folder.path, ["a"], ["v1"]), before);
        assert.notEqual(hashFiles(folder.path, ["b"], ["v1"]), before);
        assert.notEqual(hashFiles(folder.path, ["a"], ["v2"]), before);
        write("a", "2");
        assert.notEqual(hashFiles(folder.path, ["a"], ["v1"]), before);
    });

    it("hold only for the value they were written with", async () => {
        const { isStamped, writeStamp } = await source("stamp");
        const stamp = path.join(folder.path, "out", "stamp");
        assert.equal(isStamped(stamp, "x"), false);
        writeStamp(stamp, "x");
        assert.equal(isStamped(stamp, "x"), true);
        assert.equal(isStamped(stamp, "y"), false);
    });

    it("find outputs whose TypeScript source is gone", async () => {
        const { staleOutputs } = await source("typescript");
        write("test/kept.test.ts", "");
        for (const name of ["kept.test.js", "kept.test.js.map", "kept.test.d.ts", "gone.test.js", "gone.test.d.ts"]) write(`dist/test/${name}`, "");
        assert.deepEqual(staleOutputs(folder.path), ["dist/test/gone.test.d.ts", "dist/test/gone.test.js"]);
    });
});

// The published vectors are what this package computes.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { vectorFiles } from "./files";
import { render, stale, VECTOR_FOLDER } from "./generate";

describe("the vectors of the protocol", () => {
    it("are current", () => {
        assert.deepEqual(stale(), [], "run node dist/test/vectors/generate.js");
    });

    it("are all the files there are", () => {
        const files = readdirSync(VECTOR_FOLDER).filter((name) => name.endsWith(".json"));
        assert.deepEqual(files.sort(), Object.keys(vectorFiles).map((name) => `${name}.json`).sort());
    });

    it("are found out of date when a digit differs or a file is missing", () => {
        const folder = mkdtempSync(path.join(os.tmpdir(), "vectors-"));
        try {
            for (const [name, make] of Object.entries(vectorFiles)) writeFileSync(path.join(folder, `${name}.json`), render(make()));
            assert.deepEqual(stale(folder), []);
            const keys = path.join(folder, "keys.json");
            writeFileSync(keys, readFileSync(keys, "utf8").replace(/"keyId": "./, '"keyId": "x'));
            rmSync(path.join(folder, "hello.json"));
            assert.deepEqual(stale(folder).map((file) => path.basename(file)).sort(), ["hello.json", "keys.json"]);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });

    it("each have a name of their own and say what they are for", () => {
        for (const [file, make] of Object.entries(vectorFiles)) {
            const { vectors, refused, specification } = make();
            const names = [...vectors, ...refused].map(({ name }) => name);
            assert.equal(new Set(names).size, names.length, file);
            assert.match(specification, /^docs\/protocol\.md section/);
        }
    });
});

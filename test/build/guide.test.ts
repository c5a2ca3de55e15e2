// Every module in the guide compiles, and the guide names every result code and limit as the header does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../../provider/build/folders";
import { Sources } from "./fixture";

const guide = readFileSync(path.join(packageFolder(), "docs", "modules.md"), "utf8");
const header = readFileSync(path.join(packageFolder(), "runtime", "kit", "include", "authentic.h"), "utf8");
const blocks = [...guide.matchAll(/```c\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");

describe("docs/modules.md", () => {
    const sources = new Sources();
    after(() => sources.remove());

    it("has an example for each kind of declaration", () => {
        const declared = new Set([...header.matchAll(/#define (AUTHENTIC_[A-Z_]+)\((?:name|type)\b/g)].map(([, name]) => name ?? "").filter((name) => name !== "AUTHENTIC_DECLARE"));
        assert.ok(declared.size >= 10);
        for (const name of declared) assert.ok(blocks.some((code) => code.includes(`${name}(`)), `there is no example of ${name}`);
    });

    for (const [index, code] of blocks.entries()) {
        it(`example ${index + 1} compiles without a warning`, async () => {
            sources.write(`example${index}.c`, `#pragma GCC diagnostic error "-Wall"\n#pragma GCC diagnostic error "-Wextra"\n${code}`);
            assert.ok((await sources.build(`example${index}.c`)).interface.length > 0);
        });
    }

    it("names every result code with its number", () => {
        for (const [, name, value] of header.matchAll(/^ {4}(AUTHENTIC_[A-Z_]+) = (0|-\d+),/gm)) {
            assert.ok(guide.includes(`\`${name}\` ${value?.replace("-", "−")}`), `${name} ${value}`);
        }
    });
});

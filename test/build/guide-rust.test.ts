// Every module in the guide to Rust compiles, and the guide names every attribute.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../../provider/build/folders";
import { Sources } from "./fixture";

const guide = readFileSync(path.join(packageFolder(), "docs", "modules-rust.md"), "utf8");
const macros = readFileSync(path.join(packageFolder(), "runtime", "authentic-macros", "src", "lib.rs"), "utf8");
const blocks = [...guide.matchAll(/```rust\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");

describe("docs/modules-rust.md", function () {
    this.timeout(600_000);
    const sources = new Sources();
    after(() => sources.remove());

    it("has an example for each attribute", () => {
        const declared = [...macros.matchAll(/^ {4}(\w+) => \w+::\w+;$/gm)].map(([, name]) => name ?? "");
        assert.ok(declared.length >= 8);
        for (const name of declared) assert.ok(blocks.some((code) => code.includes(`#[${name}`)), `there is no example of ${name}`);
    });

    for (const [index, code] of blocks.entries()) {
        it(`example ${index + 1} compiles without a warning`, async () => {
            sources.write(`example${index}.rs`, code.replace("#![no_std]\n", "#![no_std]\n#![deny(warnings)]\n#![forbid(unsafe_code)]\n"));
            assert.ok((await sources.build(`example${index}.rs`)).interface.length > 0);
        });
    }
});

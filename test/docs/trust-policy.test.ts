// docs/trust-policy.md: every setting is there with its default, and the recipes are policies, those of the package's stacks.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { parseTrust, trustSchema } from "../../provider/attest/policy";
import { packageRoot } from "../../tools/setup/toolchain";
import { blocksOf } from "./markdown";

const read = (...names: string[]) => fs.readFileSync(path.join(packageRoot(), ...names), "utf8");
const guide = read("docs", "trust-policy.md");
const trustOf = (yaml: string) => parseTrust((parse(yaml) as { config: Record<string, unknown> }).config["authentic:trust"]);
const recipes = new Map(blocksOf(guide).filter(({ language }) => language === "yaml").map(({ note, content }) => [note, content]));

/** First words of the rows behind a heading, without the sections that follow. */
function settings(heading: string): string[] {
    const [, section = ""] = guide.split(`\n${heading}`);
    return [...(section.split(/\n#/)[0] ?? "").matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name ?? "");
}

/** Members of a section of the schema. */
const members = (section: "sgx" | "tdx" | "snp" | "psa" | "sancus" | "keystone" | "optee" | "collateral") => Object.keys(trustSchema.shape[section].unwrap().shape);

describe("docs/trust-policy.md", () => {
    it("has a row for every setting, and for nothing else", () => {
        assert.deepEqual(settings("## Settings").sort(), ["emulated", "native"]);
        assert.deepEqual(settings("### `sgx` and `tdx`").sort(), [...new Set([...members("sgx"), ...members("tdx")])].sort());
        for (const section of ["snp", "psa", "collateral"] as const) assert.deepEqual(settings(`### \`${section}\``).sort(), members(section).sort());
        const named = (["sancus", "keystone", "optee"] as const).flatMap((section) => members(section).map((member) => `${section}.${member}`));
        assert.deepEqual(settings("### `sancus`").sort(), named.sort());
    });

    for (const name of ["dev", "edge", "prod", "offline"]) {
        it(`has the recipe ${name}, which is a policy`, () => {
            assert.ok(trustOf(recipes.get(name) ?? ""));
        });
    }

    it("shows the package's own stacks for development and the edge", () => {
        for (const name of ["dev", "edge"]) assert.deepEqual(trustOf(recipes.get(name) ?? ""), trustOf(read("stacks", `Pulumi.${name}.yaml`)));
    });

    it("names the defaults", () => {
        const strictest = parseTrust(undefined) as unknown as Record<string, Record<string, unknown>>;
        const rows = [...guide.matchAll(/^\| `([\w.]+)` \|[^|]*\| `(true|false|\d{1,3})` \|$/gm)];
        assert.ok(rows.length >= 20, String(rows.length));
        for (const [, name = "", text = ""] of rows) {
            const holders = name.includes(".") ? [strictest[name.split(".")[0] ?? ""]] : Object.values(strictest).filter((section) => typeof section === "object" && name in section);
            const values = holders.length === 0 ? [strictest[name]] : holders.map((section) => section?.[name.split(".").at(-1) ?? ""]);
            for (const value of values) assert.equal(String(value), text, name);
        }
    });
});

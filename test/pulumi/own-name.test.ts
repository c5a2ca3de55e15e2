// Programs and the dynamic provider find this package by its own name, in a clone as where it is installed.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as path from "node:path";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "./project";

const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";

const shim: pulumi.dynamic.ResourceProvider = {
    async create() {
        return { id: "found", outs: { exported: Object.keys(await import("pulumi-authentic/lifecycle")) } };
    },
};
class Probe extends pulumi.dynamic.Resource {
    declare readonly exported: pulumi.Output<string[]>;
    constructor() {
        super(shim, "probe", { exported: undefined });
    }
}
export const exported = new Probe().exported;
`;

describe("the package's own name", function () {
    this.timeout(240_000);

    it("resolves from the examples and from inside the Pulumi SDK", () => {
        const expected = path.join(packageRoot(), "dist", "resources", "index.js");
        for (const from of ["examples/any/index.js", "node_modules/@pulumi/pulumi/cmd/dynamic-provider/index.js"]) {
            assert.equal(createRequire(path.join(packageRoot(), from)).resolve("pulumi-authentic"), expected);
        }
    });

    it("resolves in the dynamic provider's process, from serialized code", async () => {
        const project = new TestProject({ "Pulumi.yaml": "name: probing\nruntime: nodejs\n", "index.ts": PROGRAM });
        try {
            await project.pulumi("stack", "init", "dev");
            await project.pulumi("up", "--yes");
            const expected = Object.keys((await import("pulumi-authentic/lifecycle")));
            assert.deepEqual(new Set((await project.outputs())["exported"] as string[]), new Set(expected));
        } finally {
            project.remove();
        }
    });
});

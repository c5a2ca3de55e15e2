// Policy packs run through the same language host: `pulumi preview --policy-pack`.
import assert from "node:assert/strict";
import * as path from "node:path";
import { TestProject } from "./project";

const POLICY = `
import { PolicyPack } from "@pulumi/policy";

new PolicyPack("irrigation", {
    policies: [
        {
            name: "pressure-limit",
            description: "Pumps run at 4 bar or less.",
            enforcementLevel: "mandatory",
            validateResource: (args, reportViolation) => {
                if (args.type === "pulumi-nodejs:dynamic:Resource" && args.props["pressure"] > 4) {
                    reportViolation(\`pump at \${args.props["pressure"]} bar\`);
                }
            },
        },
    ],
});
`;

const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";

class Pump extends pulumi.dynamic.Resource {
    constructor(name: string, pressure: pulumi.Input<number>) {
        super({ create: async (inputs) => ({ id: "pump", outs: inputs }) }, name, { pressure });
    }
}
new Pump("pump", new pulumi.Config().requireNumber("pressure"));
`;

describe("policy packs", function () {
    this.timeout(240_000);
    let project: TestProject;

    before(async () => {
        project = new TestProject({
            "Pulumi.yaml": "name: pumping\nruntime: nodejs\n",
            "index.ts": PROGRAM,
            "policy/PulumiPolicy.yaml": "runtime: nodejs\nversion: 0.0.1\n",
            "policy/package.json": '{ "name": "irrigation-policy", "version": "0.0.1", "dependencies": { "@pulumi/policy": "*" } }',
            "policy/index.ts": POLICY,
        });
        await project.pulumi("stack", "init", "dev");
    });
    after(() => {
        project.remove();
    });

    const preview = async (pressure: number) => {
        await project.pulumi("config", "set", "pressure", String(pressure));
        return project.attempt("preview", "--policy-pack", path.join(project.folder, "policy"));
    };

    it("let a resource pass that meets the policy", async () => {
        const { code, stdout, stderr } = await preview(3);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /irrigation/);
    });

    it("stop a preview with a resource that violates a mandatory policy", async () => {
        const { code, stdout, stderr } = await preview(6);
        assert.notEqual(code, 0, stdout + stderr);
        assert.match(stdout, /pressure-limit/);
        assert.match(stdout, /pump at 6 bar/);
    });
});

// A descriptor under the real CLI: it is deployed in the stack's environment, follows changes, and says what is wrong with its place.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeployedStack } from "../../provider/stack/stack";
import { packageRoot } from "../../tools/setup/toolchain";
import { TestProject } from "./project";

const DESCRIPTOR = `# yaml-language-server: $schema=node_modules/pulumi-authentic/schema/application.json
deployment: { protect: false }
nodes:
  server: { tee: sgx }
  field: { tee: native }
modules:
  controller:
    node: server
    source: modules/controller.c
    config: { openBelow: { config: openBelow, type: integer }, closeAbove: 55 }
  sensor: { node: field, source: modules/sensor.c }
connections:
  reading: { from: deployer, to: sensor.input.reading }
  sample: { from: controller.output.sample, to: sensor.input.sample }
  moisture: { from: sensor.output.moisture, to: controller.input.moisture }
triggers:
  poll: { module: controller, entry: poll, every: 1s }
environments:
  prod: { nodes: { field: null, server: { platformId: { config: machine } } } }
  dev:
    nodes: { server: { backend: emulated } }
    triggers: { poll: { every: 100ms } }
`;
const PROGRAM = `
const ae = require("pulumi-authentic");
const application = new ae.Application("irrigation", { descriptor: "application.yaml" });
exports.measurements = application.measurements;
exports.assurance = application.assurance;
exports.controller = application.module("controller").measurement;
`;
/** Without the mistake in the environment of production. */
const right = DESCRIPTOR.replace("field: null, ", "");

describe("a descriptor under the real CLI", function () {
    this.timeout(300_000);
    let project: TestProject;

    before(async () => {
        const modules = [["examples", "smart-irrigation", "modules"], ["test", "programs", "irrigation", "modules"]].map((folder) => path.join(packageRoot(), ...folder));
        project = new TestProject({
            "Pulumi.yaml": "name: described\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
            "package.json": JSON.stringify({ name: "described", private: true }),
            "index.js": PROGRAM,
            "application.yaml": right,
            "stacks/Pulumi.dev.yaml": "config:\n  authentic:trust:\n    emulated: true\n    native: true\n",
            ...Object.fromEntries(modules.flatMap((folder) => fs.readdirSync(folder).map((name) => [`modules/${name}`, fs.readFileSync(path.join(folder, name), "utf8")]))),
        });
        await project.begin();
    });
    after(async () => {
        await project.attempt("destroy", "--yes", "--stack", "dev");
        project.remove();
    });

    it("says what is wrong in every environment, and shows no stack trace", async () => {
        project.write("application.yaml", DESCRIPTOR.replace("sensor.input.sample", "senser.input.sample").replace("every: 100ms", "evry: 100ms"));
        const schema = await project.attempt("preview");
        assert.notEqual(schema.code, 0);
        assert.match(`${schema.stdout}${schema.stderr}`, /AE-APP-DESCRIPTOR: application\.yaml has a problem[^]*application\.yaml:22:25 environments\.dev\.triggers\.poll\.evry: there is no property "evry" here; did you mean "every"\?/);
        project.write("application.yaml", DESCRIPTOR.replace("sensor.input.sample", "senser.input.sample"));
        const names = await project.attempt("preview");
        const said = `${names.stdout}${names.stderr}`;
        assert.match(said, /application\.yaml:14:49 connections\.sample\.to: there is no module "senser"; did you mean "sensor"\?/);
        assert.match(said, /application\.yaml:11:19 modules\.sensor\.node \(in environment prod\): there is no node "field"/);
        assert.doesNotMatch(said, /^\s+at .*\.js:\d+/m);
        project.write("application.yaml", right);
    });

    it("names the configuration that the stack lacks", async () => {
        const { code, stdout, stderr } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(`${stdout}${stderr}`, /application\.yaml:10:15 modules\.controller\.config\.openBelow: needs the configuration `openBelow`; set it with `pulumi config set openBelow VALUE`/);
        await project.pulumi("config", "set", "openBelow", "45");
    });

    const delivered = async (stack: DeployedStack) => {
        const { nodeName, instance } = stack.module("controller");
        const { connection } = stack.connection("moisture");
        return Number((await stack.agent(nodeName).instance(instance))?.connections.find((one) => one.connection === connection)?.delivered ?? 0);
    };

    it("is deployed in the environment of the stack, and previews without changes", async () => {
        await project.pulumi("up", "--yes", "--skip-preview");
        const { measurements, assurance, controller } = await project.outputs() as { measurements: Record<string, string>; assurance: object; controller: string };
        assert.deepEqual(assurance, { controller: "emulated", sensor: "none" });
        assert.match(controller, /^[0-9a-f]{64}$/);
        assert.equal(measurements["controller"], controller);
        const stack = await project.deployed();
        const before = await delivered(stack);
        await stack.send("reading", Uint8Array.of(50));
        for (let tries = 0; tries < 400 && await delivered(stack) === before; tries++) await sleep(50);
        assert.ok(await delivered(stack) > before, "no reading arrived");
        await project.pulumi("preview", "--expect-no-changes");
    });

    it("shows in preview what modules do not have, with its place in the file", async () => {
        project.write("application.yaml", right.replace("sensor.output.moisture", "sensor.output.moistre").replace("closeAbove: 55", "closeAbov: 55"));
        const { code, stdout, stderr } = await project.attempt("preview");
        assert.notEqual(code, 0);
        const said = `${stdout}${stderr}`;
        assert.match(said, /application\.yaml:15:21: module "sensor" has no output "moistre"; did you mean "moisture"\?/);
        assert.match(said, /application\.yaml:10:75: the module declares no configuration "closeAbov"; did you mean "closeAbove"\?/);
        project.write("application.yaml", right);
    });

    it("follows a change", async () => {
        project.write("application.yaml", right.replace("controller.input.moisture }", "controller.input.moisture, window: 8 }").replace("  reading: { from: deployer, to: sensor.input.reading }\n", ""));
        const { epoch } = (await project.deployed()).connection("moisture");
        const said = await project.pulumi("up", "--yes", "--skip-preview");
        assert.match(said, /1 updated/);
        assert.match(said, /1 deleted/);
        const { epoch: after, window } = (await project.deployed()).connection("moisture");
        assert.deepEqual([Number(after) > Number(epoch), window], [true, 8]);
    });
});

// The CLI and language host that set-up installs, with programs in TypeScript and JavaScript.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toolchain } from "../../tools/setup/toolchain";
import { TestProject } from "./project";

const PROGRAM = `
import * as pulumi from "@pulumi/pulumi";

interface CounterInputs { readonly start: number; readonly token: string }

const provider: pulumi.dynamic.ResourceProvider<CounterInputs, CounterInputs & { readonly label: string }> = {
    async create(inputs) {
        return { id: "counter", outs: { ...inputs, label: "from " + inputs.start } };
    },
    async update(id, olds, news) {
        return { outs: { ...olds, ...news, label: "from " + news.start } };
    },
    async diff(id, olds, news) {
        return { changes: olds.start !== news.start };
    },
    async read(id, props) {
        return { id, props };
    },
};

class Counter extends pulumi.dynamic.Resource {
    declare readonly label: pulumi.Output<string>;
    constructor(name: string, args: { start: pulumi.Input<number>; token: pulumi.Input<string> }) {
        super(provider, name, { ...args, label: undefined });
    }
}

const config = new pulumi.Config();
const counter = new Counter("counter", { start: config.requireNumber("start"), token: config.requireSecret("token") });
export const label = counter.label;
export const token = config.requireSecret("token");
export const where = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
export const dryRun = pulumi.runtime.isDryRun();
`;

const JAVASCRIPT = { "Pulumi.yaml": "name: plain\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n" };

describe("language host", function () {
    this.timeout(240_000);
    let project: TestProject | undefined;
    const create = async (...args: ConstructorParameters<typeof TestProject>): Promise<TestProject> => {
        project = new TestProject(...args);
        await project.pulumi("stack", "init", "dev");
        return project;
    };
    afterEach(() => {
        project?.remove();
        project = undefined;
    });

    it("deploys, previews without changes, refreshes, updates and destroys a TypeScript program", async () => {
        const project = await create({ "Pulumi.yaml": "name: counting\nruntime: nodejs\n", "index.ts": PROGRAM });
        await project.pulumi("config", "set", "start", "3");
        await project.pulumi("config", "set", "--secret", "token", "quite-secret");

        await project.pulumi("up", "--yes");
        assert.deepEqual(await project.outputs(), {
            label: "from 3",
            token: "quite-secret",
            where: "organization/counting/dev",
            dryRun: false,
        });
        assert.ok(!(await project.state()).includes("quite-secret"), "the secret is in the state in clear");
        await project.pulumi("preview", "--expect-no-changes");
        await project.pulumi("refresh", "--yes", "--expect-no-changes");

        await project.pulumi("config", "set", "start", "4");
        const preview = await project.attempt("preview", "--expect-no-changes");
        assert.notEqual(preview.code, 0);
        assert.match(preview.stdout, /1 to update/);
        await project.pulumi("up", "--yes");
        assert.equal((await project.outputs())["label"], "from 4");

        await project.pulumi("destroy", "--yes");
        assert.ok(!(await project.state()).includes('"label": "from 4"'));
    });

    it("shows a program's error once, and none of its own beside it", async () => {
        const project = await create({ "Pulumi.yaml": "name: failing\nruntime: nodejs\n", "index.ts": 'throw new Error("no water in the tank");\n' });
        const { code, stdout, stderr } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.equal((stdout + stderr).split("Error: no water in the tank").length - 1, 1, stdout + stderr);
        assert.doesNotMatch(stdout + stderr, /non-zero exit code/);
    });

    it("reports TypeScript errors with their place", async () => {
        const project = await create({ "Pulumi.yaml": "name: mistyped\nruntime: nodejs\n", "index.ts": 'export const level: number = "high";\n' });
        const { code, stdout } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout, /index\.ts\(1,14\): error TS2322/);
    });

    it("gives the exit code of a program that ends by itself", async () => {
        const project = await create({ ...JAVASCRIPT, "index.js": "process.exit(7);\n" });
        const { code, stdout } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout, /non-zero exit code: 7/);
    });

    it("runs JavaScript without ts-node, from the folder that `main` names, with arguments for node", async () => {
        const project = await create({
            "Pulumi.yaml": "name: plain\nmain: lib/\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --stack-trace-limit=7\n",
            "lib/package.json": '{ "main": "start.js" }',
            "lib/start.js": [
                "exports.limit = Error.stackTraceLimit;",
                'exports.hasTypeScript = ".ts" in require.extensions;',
                "exports.folder = require('node:path').basename(process.cwd());",
            ].join("\n"),
        });
        await project.pulumi("up", "--yes");
        assert.deepEqual(await project.outputs(), { limit: 7, hasTypeScript: false, folder: "lib" });
    });

    it("names a runtime option that is wrong", async () => {
        const project = await create({ "Pulumi.yaml": "name: plain\nruntime:\n  name: nodejs\n  options:\n    typescript: maybe\n", "index.js": "" });
        const { code, stdout, stderr } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /runtime option `typescript` must be true or false/);
    });

    it("says how to install the SDK where it is missing", async () => {
        const project = await create({ ...JAVASCRIPT, "index.js": "" }, { modules: false });
        const { code, stdout, stderr } = await project.attempt("preview");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /Run `npm install` there/);
    });

    it("lists a program's dependencies for `pulumi about`", async () => {
        const project = await create({
            ...JAVASCRIPT,
            "package.json": '{ "name": "plain", "version": "0.0.0", "dependencies": { "@pulumi/pulumi": "*", "zod": "*" } }',
            "index.js": "",
        });
        const about = JSON.parse(await project.pulumi("about", "--json")) as { dependencies: { name: string }[]; runtime: { language: string } };
        assert.equal(about.runtime.language, "nodejs");
        assert.deepEqual(about.dependencies.map(({ name }) => name).sort(), ["@pulumi/pulumi", "zod"]);
    });

    it("installs dependencies with npm for `pulumi install`, and passes its failure on", async () => {
        const project = await create({ ...JAVASCRIPT, "package.json": '{ "name": "plain", "version": "0.0.0" }', "index.js": "" }, { modules: false });
        await project.pulumi("install");
        assert.ok(fs.existsSync(path.join(project.folder, "package-lock.json")));
        project.write("package.json", '{ "name": "plain", "version": "0.0.0", "dependencies": { "gone": "file:./gone.tgz" } }');
        const { code, stdout, stderr } = await project.attempt("install");
        assert.notEqual(code, 0);
        assert.match(stdout + stderr, /`npm install` ended with exit code/);
    });

    it("stops the program when the CLI is killed", async () => {
        const project = await create({
            ...JAVASCRIPT,
            "index.js": 'require("node:fs").writeFileSync("pid", String(process.pid));\nsetInterval(() => {}, 1000);\n',
        });
        const pidFile = path.join(project.folder, "pid");
        const cli = spawn(toolchain().pulumi, ["preview", "--non-interactive"], { cwd: project.folder, env: project.env, stdio: "ignore" });
        while (!fs.existsSync(pidFile) || fs.readFileSync(pidFile, "utf8") === "") await sleep(50);
        const pid = Number(fs.readFileSync(pidFile, "utf8"));
        cli.kill("SIGKILL");
        const isRunning = (): boolean => {
            try {
                process.kill(pid, 0);
                return true;
            } catch {
                return false;
            }
        };
        while (isRunning()) await sleep(50);
    });
});

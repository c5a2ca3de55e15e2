// docs/application.md and docs/import.md: their files and commands work as they stand there, pasted into an empty folder, and print
// what the text shows.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { readDescriptor } from "../../provider/application/descriptor";
import { DeployedStack } from "../../provider/stack/stack";
import { pulumi } from "../../tools/pulumi/cli";
import { packageRoot, toolchain } from "../../tools/setup/toolchain";
import { MAIN } from "../cli/deployed";
import { ALL_KINDS } from "../import/descriptors";
import { TestProject } from "../pulumi/project";
import { type Block, blocksOf } from "./markdown";
import { shell } from "./shell";

const blocks = (guide: string): Block[] => blocksOf(fs.readFileSync(path.join(packageRoot(), "docs", guide), "utf8"));
const only = (all: readonly Block[], which: (block: Block) => boolean): string => {
    const found = all.filter(which);
    assert.equal(found.length, 1);
    return found[0]?.content ?? "";
};

/** Programs in the place of those that would fetch packages from a registry, where this one is not. */
const STAND_INS: Readonly<Record<string, string>> = {
    // Our own command, as `npm install` of the package would have linked it.
    npx: `[ "$1" = authentic ] && shift && exec node ${MAIN} "$@"`,
    // What it installs is what is here.
    npm: `[ "$*" = install ] && grep -q '"pulumi-authentic": ' package.json && ln -s ${path.join(packageRoot(), "node_modules")} node_modules`,
    // Nobody is there to ask.
    pulumi: `exec ${toolchain().pulumi} "$@" --non-interactive --color never`,
};

describe("files and commands in the guides to descriptors", function () {
    this.timeout(600_000);
    let project: TestProject;
    /** The folder of the project that the commands have made. */
    let folder: string;

    async function paste(files: Readonly<Record<string, string>>, script: string): Promise<string> {
        project = new TestProject(files);
        const programs = path.join(project.folder, "..", "programs");
        fs.mkdirSync(programs);
        for (const [name, text] of Object.entries(STAND_INS)) fs.writeFileSync(path.join(programs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        Object.assign(project.env, { PATH: `${programs}:${String(project.env["PATH"])}`, PULUMI_SKIP_CONFIRMATIONS: "true", PULUMI_NODEJS_TRANSPILE_ONLY: "true", AUTHENTIC_STATE: path.join(project.folder, "..", "nodes") });
        const { code, output } = await shell(script, project.folder, project.env);
        assert.equal(code, 0, output);
        return output;
    }
    const runs = async (...args: string[]): Promise<string> => pulumi(args, { cwd: folder, env: project.env });
    const deployed = async (): Promise<DeployedStack> => DeployedStack.fromExport(JSON.parse(await runs("stack", "export", "--show-secrets")));
    afterEach(async () => {
        await runs("state", "unprotect", "--all", "--yes");
        await runs("destroy", "--yes", "--skip-preview");
        project.remove();
    });

    it("docs/application.md deploys, with the modules of the irrigation, and says what is wrong", async () => {
        const all = blocks("application.md");
        const modules = path.join(packageRoot(), "examples", "smart-irrigation", "modules");
        const file = (name: string): string => only(all, ({ note }) => note === name);
        const output = await paste({
            "Pulumi.yaml": "name: irrigation\nruntime: nodejs\nmain: index.ts\n",
            "package.json": JSON.stringify({ name: "irrigation", private: true }),
            "application.yaml": file("application.yaml"), "index.ts": file("index.ts"),
            ...Object.fromEntries(["controller.c", "sensor.c", "irrigation.h"].map((name) => [`modules/${name}`, fs.readFileSync(path.join(modules, name), "utf8")])),
        }, only(all, ({ language }) => language === "sh"));
        folder = project.folder;
        assert.match(output, /\+ 10 created/);
        const outputs = JSON.parse(await runs("stack", "output", "--json")) as { measurements: Record<string, string>; folder: string };
        assert.deepEqual(Object.keys(outputs.measurements).sort(), ["controller", "sensor"]);
        assert.ok(fs.existsSync(outputs.folder));
        const stack = await deployed();
        await stack.setPin("sensor", "soil", 20);
        await runs("preview", "--expect-no-changes");

        // Its second half.
        project.write("application.yaml", file("application.yaml").replace(/(sensor:\n +node: )field/, "$1fild").replace("every: 1s", "every: 5ms"));
        const before = process.cwd();
        try {
            process.chdir(folder);
            assert.throws(() => readDescriptor("application.yaml", { stack: "dev" }), { message: only(all, ({ content }) => content.startsWith("AE-APP-DESCRIPTOR")).trim() });
        } finally {
            process.chdir(before);
        }
        project.write("application.yaml", file("application.yaml"));
    });

    it("docs/import.md makes a project that runs", async () => {
        const output = await paste({ "descriptor.json": JSON.stringify(ALL_KINDS) }, only(blocks("import.md"), ({ language }) => language === "sh"));
        folder = path.join(project.folder, "button-led");
        assert.match(output, /^11 files in .*\/button-led: 4 nodes, 4 modules, 4 connections, 1 triggers$/m);
        // The files of its table.
        const table = fs.readFileSync(path.join(packageRoot(), "docs", "import.md"), "utf8").split("## ")[0] ?? "";
        const named = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, names = ""]) => names.split(", ").map((name) => name.replaceAll(/`|\/$/g, "")));
        assert.ok(named.length >= 8, named.join());
        for (const name of named) assert.ok(fs.existsSync(path.join(folder, name)), name);
        assert.deepEqual((await deployed()).state.modules.map(({ name, state }) => [name, state]).sort(), ["button", "desk", "lamp", "ledger"].map((name) => [name, "running"]));
    });
});

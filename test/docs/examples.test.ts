// READMEs of the examples: their commands name the example, and what it declares. (What the examples do is tested in test/examples.)
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { exampleNames, exampleProject } from "../../tools/pulumi/project";
import { packageRoot } from "../../tools/setup/toolchain";
import { blocksOf } from "./markdown";

/** Commands in fences and in the text. */
const commandsOf = (readme: string): string[] => {
    const inText = [...readme.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`(npm run [^`]+|config set [^`]+)`/g)].map(([, command]) => command ?? "");
    return [...blocksOf(readme).filter(({ language }) => language === "sh").flatMap(({ content }) => content.trim().split("\n")), ...inText];
};

for (const name of exampleNames()) {
    describe(`examples/${name}/README.md`, () => {
        const folder = path.join(packageRoot(), "examples", name);
        const project = exampleProject(name).cwd;
        const readme = fs.readFileSync(path.join(folder, "README.md"), "utf8");
        const program = fs.readFileSync(path.join(folder, "index.ts"), "utf8");
        const settings = Object.keys((parse(fs.readFileSync(path.join(project, "Pulumi.yaml"), "utf8")) as { config?: object }).config ?? {});
        const where = path.relative(packageRoot(), project);
        const commands = commandsOf(readme);
        // Parts of a zone are named by `called`, which adds the zone's name.
        const has = (kind: string, given: string) => program.includes(`ae.${kind}("${given}"`) || program.includes(`ae.${kind}(called("${given.replace(/-\w+$/, "")}")`);
        const declared = (kind: string, given: string) => assert.ok(has(kind, given), `there is no ${kind} "${given}"`);

        it("says what it shows, how to run it and what to change", () => {
            assert.match(readme, /^# .+\n\n[^]+\n## Run it\n[^]+\n## Try changing this\n/);
            assert.equal(commands[0], `npm run example -- ${name}`);
        });

        for (const command of commands.slice(1)) {
            it(command, () => {
                const pulumi = /^npm run (?:--silent )?pulumi -- (up|preview|refresh|destroy|stack export|config set (?:(?<key>[\w-]+)|--path '(?<list>\w+)\[\d+\]') \S+)( --[\w-]+)*(?: -C (?<at>\S+))?( \| node (?<script>\S+) \d+)?$/.exec(command);
                const authentic = /^npm run authentic -- (?:status|pins (?<pinned>[\w-]+)( \w+=\d+)?|request (?<asked>[\w-]+)( "[^"]*"| [\w=]+)?( --output hex)?)(?: --cwd (?<at>\S+))?$/.exec(command);
                const setting = /^config set (?<key>[\w-]+|--path authentic:trust\.\w+) \S+$/.exec(command);
                // These are run in test/network/edge.e2e.test.ts.
                if (name === "smart-irrigation" && /^npm run pulumi -- (stack init edge|config set-all --path( --plaintext (machines|ports)\.[\w.]+=\S+)+|config set --path (machines\.[\w.]+ --secret < \S+|authentic:trust\.\w+ \S+))$/.test(command)) return;
                if (command === "npm run demo" || command === "npm run bench -- events") return;
                const { list, key = list, at, pinned, asked, script } = (pulumi ?? authentic ?? setting ?? assert.fail("it has another form")).groups ?? {};
                if (setting === null) assert.equal(at ?? "", where);
                if (key !== undefined && !key.startsWith("--path")) assert.ok(settings.includes(key), `there is no setting "${key}"`);
                if (pinned !== undefined && !has("Node", pinned)) declared("Module", pinned);
                if (asked !== undefined) declared("Connection", asked);
                if (script !== undefined) assert.ok(fs.existsSync(path.join(packageRoot(), script)), script);
            });
        }
    });
}

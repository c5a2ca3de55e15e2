// Commands in all guides and in the READMEs of the examples, in blocks and in sentences: the shell understands them, and what they
// call is there, with every option. (README and tutorial are also run, in commands.e2e.test.ts, and so are others that have tests
// of their own.)
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { exampleNames } from "../../tools/pulumi/project";
import { packageRoot } from "../../tools/setup/toolchain";
import { callsOf, type Call } from "./calls";
import { madeBy, problemOf } from "./commands";
import { blocksOf } from "./markdown";

const FILES = [
    "README.md", ...fs.readdirSync(path.join(packageRoot(), "docs")).filter((name) => name.endsWith(".md")).sort().map((name) => path.join("docs", name)),
    ...exampleNames().map((name) => path.join("examples", name, "README.md")),
];
/** Commands within sentences: of what we have, not of what a system has, and written out. */
const IN_TEXT = /`((?:npm (?:run|test|install|ci)|npx|pulumi|authentic|cargo) [^`…]+)`/g;
/** In their places, words that stand for others. */
const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [[/\bCOMMAND --help\b/g, "status --help"], [/\\\|/g, "|"]];

/** A sentence may name a command without what it needs. */
const orHelp = (call: Call): Call => {
    const words = call.filter((word) => word !== "npx");
    return words[0] === "authentic" && words.length <= 2 ? [...call, "--help"] : call;
};

const problems = (calls: readonly Call[], known: Iterable<string>): string[] => {
    const made = new Set(known);
    return calls.flatMap((call) => {
        const problem = problemOf(call, made);
        madeBy(call).forEach((name) => made.add(name));
        return problem === undefined ? [] : [`${call.join(" ")}: ${problem}`];
    });
};

describe("commands in the guides", function () {
    this.timeout(120_000);
    let checked = 0;

    for (const file of FILES) {
        const text = fs.readFileSync(path.join(packageRoot(), file), "utf8");
        const blocks = blocksOf(text).filter(({ language }) => language === "sh");
        const inText = [...text.replaceAll(/^```[^]*?^```/gm, "").matchAll(IN_TEXT)].map(([, command = ""]) => PLACEHOLDERS.reduce((all, [from, to]) => all.replaceAll(from, to), command));
        if (blocks.length + inText.length === 0) continue;
        it(file, () => {
            // A block that is saved says so behind its fence, or in its first line.
            const saved = blocksOf(text).map(({ note, content }) => /^\/\/ (\S+\.mjs)\n/.exec(content)?.[1] ?? note);
            const found: string[] = [];
            for (const { content, line } of blocks) {
                const calls = callsOf(content, `${file}:${String(line)}`);
                assert.ok(calls.length > 0, `${file}:${String(line)} calls nothing`);
                checked += calls.length;
                found.push(...problems(calls, saved).map((problem) => `${file}:${String(line)} ${problem}`));
            }
            if (inText.length > 0) {
                const calls = callsOf(inText.join("\n"), `${file}, in a sentence`).map(orHelp);
                checked += calls.length;
                found.push(...problems(calls, saved).map((problem) => `${file}, in a sentence: ${problem}`));
            }
            assert.deepEqual(found, []);
        });
    }

    it("are found", () => {
        assert.ok(checked > 200, String(checked));
    });
});

describe("what is said of commands", function () {
    this.timeout(60_000);
    const said = (script: string): string[] => problems(callsOf(script, "text"), []);

    it("is the place where the shell does not understand them", () => {
        assert.throws(() => callsOf("npm run 'demo\n", "guide.md:7"), /^Error: guide\.md:7: bash does not understand it: /);
    });

    it("follows quotes, pipes, variables, loops and substitutions, and starts nothing", () => {
        const file = path.join(packageRoot(), "never");
        assert.deepEqual(callsOf(`A=1 pulumi config set "a b" <(head -c 3) | tr $'x' "$HOME/y" && touch ${file}\nwhile [ -S x ]; do sleep 1; exit; done\n`, "text").map(([program]) => program).sort(),
            ["head", "pulumi", "sleep", "touch", "tr"]);
        assert.ok(!fs.existsSync(file));
        assert.deepEqual(callsOf("echo 'x' | node -e 'a \"b\"' c\n", "text"), [["node", "-e", "a \"b\"", "c"]]);
    });

    const wrong: readonly (readonly [string, RegExp])[] = [
        ["npm run dmeo", /there is no script dmeo/], ["npm run demo --quick", /npm takes --quick for itself/], ["npm run schema -- x", /takes no arguments/], ["npm start", /not expected/],
        ["npm run example -- button", /there is no example button/], ["npm run bench -- event", /there is no benchmark event/], ["npm run bench -- up --moduls 3", /there is no benchmark --moduls/],
        ["npm run authentic -- stauts", /unknown command 'stauts'/], ["npx authentic verify x", /required option '--type <type>' not specified/], ["authentic call", /missing required argument 'module\.entry'/], ["authentic pins field --stak dev", /unknown option '--stak'/],
        ["authentic status --stack a --state b", /cannot be used with option/], ["npx authentik status", /npx authentik is another package/],
        ["pulumi confg set a b", /pulumi has no command confg/], ["pulumi config set --secrt a", /pulumi config set has no flag --secrt/], ["npm run pulumi -- up --yess", /pulumi up has no flag --yess/],
        ["cargo build --release -p authentic-sancu", /there is no crate authentic-sancu/], ["authentic-sancus run x --laod 3", /authentic-sancus run has no flag --laod/],
        ["node examples/smart-home/wbe.mjs", /there is no file examples\/smart-home\/wbe\.mjs/], ["cd exmaples", /there is no file exmaples/], ["frobnicate", /is no program that is known here/],
    ];
    for (const [script, problem] of wrong) {
        it(script, () => {
            const found = said(script);
            assert.equal(found.length, 1, found.join("\n"));
            assert.match(found[0] ?? "", problem);
        });
    }
});

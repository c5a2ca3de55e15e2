// Many modules on one machine share one connection to it. `AUTHENTIC_SSH_MODULES` is another number of them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { closeConnections, connectionTo, openConnections } from "../../provider/ssh/hosts";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { ask } from "../lifecycle/stream";
import { TestProject } from "../pulumi/project";
import { SshHost } from "./server";
import { Steps } from "./steps";

const MODULES = Number(process.env["AUTHENTIC_SSH_MODULES"] ?? 100);
/** Under the CLI, each of whose operations is a process. */
const CLI_MODULES = Number(process.env["AUTHENTIC_SSH_MODULES"] ?? 5);

/** Passes on what it gets, and says how much that was. */
const RELAY = `
#include <authentic.h>
AUTHENTIC_OUTPUT(next, 8)
static uint64_t passed;
AUTHENTIC_ENTRY(start, 0) { next(&passed, sizeof passed); }
AUTHENTIC_INPUT(event, 8) { passed++; next(data, length); }
AUTHENTIC_HANDLER(count, 0, 8) { memcpy(reply, &passed, 8); return capacity < 8 ? -1 : 8; }
`;
/** A chain of modules: \`last\` counts what \`first\` emitted. */
const CHAIN = `
const ae = require("pulumi-authentic");
const pulumi = require("@pulumi/pulumi");
const deployment = new ae.Deployment("chain", {}, { protect: false });
const node = new ae.Node("field", { deployment, tee: "native", ssh: pulumi.secret(require("./ssh.json")) });
const modules = Array.from({ length: new pulumi.Config().requireNumber("count") }, (_, number) => new ae.Module("m" + number, { node, source: "relay.c" }));
for (const [number, from] of modules.slice(0, -1).entries()) new ae.Connection("c" + number, { from: from.output("next"), to: modules[number + 1].input("event") });
new ae.Trigger("start", { module: modules[0], entry: "start", every: "50ms" });
`;

describe("many modules on one machine", function () {
    this.timeout(300_000);
    let base: string;
    let host: SshHost;

    beforeEach(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "many-"));
        host = await new SshHost().start();
    });
    afterEach(async () => {
        await closeConnections();
        const left = await host.remove();
        fs.rmSync(base, { recursive: true });
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    it(`are ${MODULES}, with as many connections and over one of SSH`, async () => {
        fs.writeFileSync(path.join(base, "relay.c"), RELAY);
        const stack = new Stack();
        const program = () => {
            const deployment = new ae.Deployment("chain");
            const node = new ae.Node("field", { deployment, tee: "native", ssh: host.ssh() });
            const modules = Array.from({ length: MODULES }, (_, number) => new ae.Module(`m${number}`, { node, source: path.join(base, "relay.c") }));
            for (const [number, from] of modules.slice(0, -1).entries()) new ae.Connection(`c${number}`, { from: from.output("next"), to: modules[number + 1]!.input("event") });
            new ae.Connection("count", { from: deployment, to: modules.at(-1)!.handler("count") });
            new ae.Trigger("start", { module: modules[0]!, entry: "start", every: "50ms" });
        };
        const steps = new Steps();
        try {
            await stack.up(program);
            for (let tries = 0; (await ask(stack, "count")).readBigUInt64LE() === 0n; tries++) {
                assert.ok(tries < 200, "no event came through");
                await sleep(50);
            }
            assert.deepEqual(await stack.refresh(), []);
            assert.deepEqual((await stack.preview(program)).filter((step) => !step.startsWith("same ")), []);
            await stack.destroy();
        } finally {
            steps.end();
        }
        assert.ok(steps.count > 8 * MODULES, `${steps.count} steps`);
        assert.deepEqual([host.connected, host.accepted, await openConnections()], [1, 1, 1], `${steps.count} steps`);
        console.log(`      ${MODULES} modules: ${steps.count} steps over ${host.accepted} connection`);
        // The server would have told of another one.
        await closeConnections();
        await connectionTo(`${host.user}@${host.address}:${host.port}`);
        assert.deepEqual([host.connected, host.accepted], [2, 2]);
    });

    it(`are ${CLI_MODULES} under the real CLI: one connection an operation`, async () => {
        const project = new TestProject({
            "Pulumi.yaml": "name: many\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\nstackConfigDir: stacks\n",
            "package.json": JSON.stringify({ name: "many", private: true }),
            "index.js": CHAIN,
            "relay.c": RELAY,
            "stacks/Pulumi.dev.yaml": `config:\n  many:count: ${CLI_MODULES}\n  authentic:trust:\n    native: true\n`,
        });
        try {
            await project.begin();
            project.write("ssh.json", JSON.stringify(host.ssh()));
            for (const operation of [["up"], ["refresh", "--expect-no-changes"], ["destroy"]]) {
                const before = host.connected;
                await project.pulumi(...operation, "--yes", "--skip-preview");
                assert.equal(host.connected - before, 1, operation[0]);
            }
        } finally {
            await project.attempt("destroy", "--yes", "--stack", "dev");
            project.remove();
        }
    });
});

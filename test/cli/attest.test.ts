// `authentic attest` as a child process, against real agents and real modules.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { killLocalAgent } from "../../provider/agent/local";
import type { ModuleAttestation } from "../../provider/cli/attestation";
import type { Properties } from "../../provider/lifecycle/hooks";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { formsIn } from "../secrets/search";

const MAIN = path.resolve(__dirname, "../../provider/cli/main.js");
const TALKER = `
#include <authentic.h>

AUTHENTIC_OUTPUT(beat, 0)
AUTHENTIC_DEVICE(lamp, AUTHENTIC_WRITTEN)
AUTHENTIC_ENTRY(work, 0) { (void)data; (void)length; beat("", 0); }
AUTHENTIC_ENTRY(crash, 0) { (void)data; (void)length; *(volatile int *)8 = 1; }
`;
const LISTENER = `
#include <authentic.h>

AUTHENTIC_INPUT(beat, 0) { (void)data; (void)length; }
`;

interface Run {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}
interface Answer {
    readonly accepted: boolean;
    readonly modules: readonly ModuleAttestation[];
}

describe("authentic attest", function () {
    this.timeout(120_000);
    let base: string;
    let stack: Stack;
    /** Everything the command printed, in any test. */
    let printed = "";
    let deployerKey: string;

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "attest-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "talker.c"), TALKER);
        fs.writeFileSync(path.join(base, "listener.c"), LISTENER);
        stack = new Stack();
        await deploy();
    });
    after(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });
    afterEach(() => {
        assert.deepEqual(formsIn(Buffer.from(printed), Buffer.from(deployerKey, "hex")), [], "the deployer's key was printed");
    });

    async function deploy(): Promise<void> {
        await stack.up(() => {
            const deployment = new ae.Deployment("d");
            const field = new ae.Node("field", { deployment, tee: "native" });
            const server = new ae.Node("server", { deployment, tee: "native" });
            const talker = new ae.Module("talker", { node: field, source: path.join(base, "talker.c") });
            const listener = new ae.Module("listener", { node: server, source: path.join(base, "listener.c") });
            new ae.Connection("beat", { from: talker.output("beat"), to: listener.input("beat") });
        });
        deployerKey = stack.outs("Deployment", "d")["privateKey"] as string;
        assert.match(deployerKey, /^[0-9a-f]{64}$/);
    }

    /** The stack as `pulumi stack export --show-secrets` has it. */
    function exported(change: (outs: Properties, name: string) => Properties = (outs) => outs): string {
        const secret = (value: unknown) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: JSON.stringify(value) });
        const resources = [...stack.state.values()].map(({ kind, name, id, outs }) => ({
            urn: `urn:pulumi:dev::test::pulumi-nodejs:dynamic/authentic:${kind}::${name}`, custom: true, id, type: `pulumi-nodejs:dynamic/authentic:${kind}`,
            outputs: Object.fromEntries(Object.entries(change(outs, name)).map(([key, value]) => [key, key === "deployerKey" || key === "privateKey" ? secret(value) : value])),
        }));
        return JSON.stringify({ version: 3, deployment: { manifest: {}, resources } });
    }
    const trusting = (trust: Properties, module?: string) => exported((outs, name) => "trust" in outs && (module === undefined || name === module) ? { ...outs, trust } : outs);

    async function attest(args: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Run> {
        const child = spawn(process.execPath, [MAIN, "attest", ...args], { env: { ...process.env, ...options.env } });
        // A call that fails early does not read its input.
        child.stdin.on("error", () => undefined).end(options.input ?? "");
        const run = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"] as const) child[stream].setEncoding("utf8").on("data", (text: string) => { run[stream] += text; });
        const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
        printed += run.stdout + run.stderr;
        return { code, ...run };
    }
    const attestState = (input: string, ...args: string[]) => attest(["--state", "-", ...args], { input });
    const answer = (run: Run): Answer => JSON.parse(run.stdout) as Answer;
    const moduleOf = (run: Run, name: string) => answer(run).modules.find((one) => one.name === name)!;
    const outcomes = (run: Run) => Object.fromEntries(answer(run).modules.map(({ name, outcome }) => [name, outcome]));

    it("accepts native modules where the policy does, and says what they attested", async () => {
        const run = await attestState(exported(), "--json");
        assert.equal(run.code, 0, run.stderr);
        assert.equal(answer(run).accepted, true);
        const [listener, talker] = answer(run).modules;
        const { measurement, incarnation, kit } = stack.outs("Module", "talker");
        const { connection, epoch, keyId } = stack.outs("Connection", "beat");
        assert.equal(talker!.node, "field");
        assert.equal(talker!.measurement, measurement);
        assert.deepEqual([talker!.status!.incarnation, talker!.status!.kit, talker!.status!.assurance, talker!.status!.state], [incarnation, kit, "none", "active"]);
        assert.deepEqual(talker!.status!.grants.map(({ device }) => device), ["lamp"]);
        assert.equal(talker!.verdict!.accepted, true);
        assert.deepEqual(listener!.status!.grants, []);
        for (const [one, direction] of [[talker, "sender"], [listener, "receiver"]] as const) {
            assert.equal(one!.status!.connections.length, 1);
            const facts = one!.status!.connections[0]!;
            assert.deepEqual([facts.name, facts.connection, facts.direction, facts.epoch, facts.keyId, facts.active], ["beat", connection, direction, epoch, keyId, true]);
        }
    });

    it("challenges with a fresh nonce each time, and sees what happened in between", async () => {
        const before = answer(await attestState(exported(), "--json", "talker")).modules[0]!;
        await stack.callEntry("talker", "work");
        const after = answer(await attestState(exported(), "--json", "talker")).modules[0]!;
        assert.notEqual(after.verdict!.claims!.reportData, before.verdict!.claims!.reportData);
        assert.equal(Number(after.status!.connections[0]!.next), Number(before.status!.connections[0]!.next) + 1);
    });

    it("prints the same for people, and explains only where it is asked to", async () => {
        const short = await attestState(exported(), "talker");
        assert.equal(short.code, 0, short.stderr);
        const { measurement, incarnation, kit } = stack.outs("Module", "talker") as Record<string, string>;
        const { connection, epoch, keyId } = stack.outs("Connection", "beat");
        for (const line of ["talker: accepted", "  node         field", "  tee          native", "  assurance    none", `  measurement  ${measurement!} (expected; nothing vouches for it)`,
            `  incarnation  ${incarnation!}`, "  state        active", `  kit          ${kit!}`, "1 of 1 accepted"]) {
            assert.ok(short.stdout.split("\n").includes(line), `${line}\n${short.stdout}`);
        }
        assert.match(short.stdout, /^ {2}grants {7}lamp \(\d+\)$/m);
        assert.match(short.stdout, new RegExp(`^ {4}beat +${String(connection)} +sender +${String(epoch)} +${String(keyId)} +\\d+ +\\d+ +active$`, "m"));
        assert.doesNotMatch(short.stdout, /native evidence|listener/);
        const long = await attestState(exported(), "talker", "--explain");
        assert.match(long.stdout, /^ {2}accepted: native evidence$/m);
        assert.match(long.stdout, /^ {2}claims, for which nothing vouches$/m);
    });

    it("refuses native modules under the strictest policy, names the setting, and shows nothing they said", async () => {
        const run = await attestState(trusting({}), "--explain");
        assert.equal(run.code, 3, run.stderr);
        assert.match(run.stdout, /^talker: refused\n {2}AE-ATTEST-POLICY: .*authentic:trust\.native/m);
        assert.match(run.stdout, /^ {2}refused: native evidence$/m);
        assert.match(run.stdout, /change {2}authentic:trust\.native/);
        assert.doesNotMatch(run.stdout, /incarnation/);
        assert.match(run.stdout, /^0 of 2 accepted$/m);
    });

    it("goes on after a refused module", async () => {
        const run = await attestState(trusting({}, "talker"), "--json");
        assert.equal(run.code, 3);
        assert.equal(answer(run).accepted, false);
        assert.deepEqual(outcomes(run), { talker: "refused", listener: "accepted" });
        const talker = moduleOf(run, "talker");
        assert.equal(talker.status, null);
        assert.equal(talker.error!.code, "AE-ATTEST-POLICY");
        assert.equal(talker.verdict!.reasons[0]!.setting, "authentic:trust.native");
    });

    it("fails a module for which a policy is malformed or whose TEE is unknown, and it alone", async () => {
        const malformed = await attestState(trusting({ nativ: true }, "talker"), "--json");
        assert.equal(malformed.code, 3, malformed.stderr);
        assert.deepEqual(outcomes(malformed), { talker: "failed", listener: "accepted" });
        const unknown = await attestState(exported((outs, name) => name === "talker" ? { ...outs, tee: "abacus" } : outs), "--json");
        assert.equal(moduleOf(unknown, "talker").error!.code, "AE-TEE-UNKNOWN");
        assert.deepEqual(outcomes(unknown), { talker: "failed", listener: "accepted" });
    });

    it("does not get evidence with another deployer's key", async () => {
        const run = await attestState(exported((outs) => "deployerKey" in outs ? { ...outs, deployerKey: "11".repeat(32) } : outs), "--json");
        assert.equal(run.code, 3, run.stderr);
        assert.deepEqual(outcomes(run), { talker: "failed", listener: "failed" });
        assert.equal(moduleOf(run, "talker").error!.code, "AE-SESSION-REFUSED");
    });

    it("says that a module was started again since the last update", async () => {
        const run = await attestState(exported((outs, name) => name === "talker" ? { ...outs, incarnation: "ab".repeat(16) } : outs));
        assert.equal(run.code, 0, run.stderr);
        assert.equal(run.stdout.match(/started again since/g)?.length, 1);
        assert.match(run.stdout, new RegExp(`the stack's state has ${"ab".repeat(16)}`));
    });

    it("refuses an unknown module before it asks any, naming the nearest", async () => {
        const run = await attestState(exported(), "listner", "talker");
        assert.equal(run.code, 2);
        assert.equal(run.stdout, "");
        assert.match(run.stderr, /AE-STACK-NAME: .*"listner".*[Dd]id you mean "listener"/);
    });

    describe("given a state that cannot be used", () => {
        const secret = "c0ffee".repeat(10);
        const cases: readonly [string, () => string, RegExp][] = [
            ["is not JSON", () => `${secret} {`, /AE-CLI-STATE/],
            ["has a secret that is not JSON", () => exported().replace(/"plaintext":"[^,]*"\}/, `"plaintext":"${secret}"}`), /AE-STACK-FORMAT/],
            ["is something else", () => JSON.stringify({ secret }), /AE-STACK-FORMAT/],
            ["hides its secrets", () => exported().replaceAll('"plaintext"', '"ciphertext"'), /AE-STACK-SECRETS/],
            ["has no modules", () => JSON.stringify({ deployment: { resources: [] } }), /AE-STACK-EMPTY/],
            ["has an incomplete module", () => exported((outs) => ({ ...outs, deployerKey: secret, measurement: undefined })), /AE-STACK-FORMAT: .*deployerKey, measurement/],
        ];
        for (const [what, state, expected] of cases) {
            it(`ends with 2 and quotes nothing of it where it ${what}`, async () => {
                const run = await attestState(state(), "--json");
                assert.equal(run.code, 2, run.stdout);
                const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string } };
                assert.match(error.message, expected);
                assert.ok(error.message.startsWith(`${error.code}: `) && !run.stdout.includes(secret));
                assert.match(run.stderr, expected);
                assert.ok(!run.stderr.includes("c0ffee"), run.stderr);
            });
        }

        it("ends with 2 where there is no such file, and for options that exclude each other", async () => {
            assert.match((await attest(["--state", path.join(base, "absent.json")])).stderr, /AE-CLI-FILE/);
            const both = await attest(["--state", "-", "--stack", "dev"]);
            assert.equal(both.code, 2);
            assert.match(both.stderr, /cannot be used with/);
        });
    });

    describe("through Pulumi", () => {
        /** A folder with a program `pulumi`, which is the only one on PATH. */
        function pulumi(script: string): { env: NodeJS.ProcessEnv; folder: string } {
            const folder = fs.mkdtempSync(path.join(base, "path-"));
            fs.writeFileSync(path.join(folder, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
            return { env: { PATH: folder }, folder };
        }

        it("asks for the named stack in the named folder", async () => {
            const { env, folder } = pulumi(`echo "$PWD $*" > "\${0%/*}/called"; while IFS= read -r line; do printf '%s\\n' "$line"; done < "\${0%/*}/state"`);
            fs.writeFileSync(path.join(folder, "state"), `${exported()}\n`);
            const run = await attest(["--stack", "prod", "--cwd", base, "--json"], { env });
            assert.equal(run.code, 0, run.stdout + run.stderr);
            assert.deepEqual(outcomes(run), { talker: "accepted", listener: "accepted" });
            assert.equal(fs.readFileSync(path.join(folder, "called"), "utf8"), `${fs.realpathSync(base)} stack export --show-secrets --non-interactive --stack prod\n`);
        });

        it("repeats Pulumi's complaint, without control characters, but nothing of its output", async () => {
            const { env } = pulumi(`echo c0ffee; printf 'error: no stack named \\033[1mprod\\n' >&2; exit 255`);
            const run = await attest([], { env });
            assert.equal(run.code, 2);
            assert.match(run.stderr, /AE-CLI-PULUMI: .*exit code 255: error: no stack named �\[1mprod/);
            assert.ok(!run.stderr.includes("c0ffee"));
        });

        it("says where Pulumi or the folder is missing", async () => {
            const missing = await attest([], { env: { PATH: fs.mkdtempSync(path.join(base, "path-")) } });
            assert.equal(missing.code, 2);
            assert.match(missing.stderr, /AE-CLI-PULUMI: .*cannot be started.*Install Pulumi/);
            const folder = await attest(["--cwd", path.join(base, "absent")]);
            assert.equal(folder.code, 2);
            assert.match(folder.stderr, /AE-CLI-CWD/);
        });

        it("stops Pulumi when its output is beyond all bounds", async () => {
            const { env, folder } = pulumi(`echo $$ > "\${0%/*}/pid"; exec ${process.execPath} -e 'const c = Buffer.alloc(1 << 20, 32); const go = () => process.stdout.write(c, go); go()'`);
            const run = await attest([], { env });
            assert.equal(run.code, 2, run.stderr);
            assert.match(run.stderr, /AE-CLI-STATE: .*more than \d+ bytes/);
            const pid = Number(fs.readFileSync(path.join(folder, "pid"), "utf8"));
            for (let tries = 0; tries < 100 && fs.existsSync(`/proc/${pid}`); tries++) await sleep(50);
            assert.ok(!fs.existsSync(`/proc/${pid}`), "the program goes on");
        });
    });

    it("has help with examples", async () => {
        const run = await attest(["--help"]);
        assert.equal(run.code, 0);
        assert.match(run.stdout, /Examples:[^]*authentic attest controller sensor --stack prod/);
        assert.match(run.stdout, /holds that key in clear/);
    });

    // Last: mocha runs nested groups in order, after the tests beside them, and this one breaks the stack.
    describe("when parts of the stack are down", () => {
        it("reports a module that crashed and an agent that does not answer, beside one another", async () => {
            const { folder } = stack.outs("Node", "field") as { folder: string };
            const { instance } = stack.outs("Module", "talker") as { instance: string };
            const agent = new AgentClient(folder);
            await stack.callEntry("talker", "crash").catch(() => undefined);
            for (let tries = 0; tries < 100 && (await agent.instance(instance))?.state === "running"; tries++) await sleep(50);
            const crashed = await attestState(exported(), "--json");
            assert.equal(crashed.code, 3, crashed.stderr);
            assert.deepEqual(outcomes(crashed), { talker: "failed", listener: "accepted" });
            assert.match(moduleOf(crashed, "talker").error!.code, /^AE-INSTANCE-/);

            await killLocalAgent(stack.outs("Node", "server")["folder"] as string);
            const run = await attestState(exported());
            assert.equal(run.code, 3, run.stderr);
            assert.match(run.stdout, /^listener: failed\n {2}AE-AGENT-UNREACHABLE/m);
            assert.match(run.stdout, /^ {2}assurance {4}not established$/m);
            assert.match(run.stdout, /^0 of 2 accepted$/m);
        });
    });
});

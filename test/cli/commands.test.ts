// `authentic send`, `request` and `call` against real modules: each once, with honest answers where that is uncertain.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DeployedStack } from "../../provider/stack/stack";
import { Deployed, type Run } from "./deployed";

describe("commands of the deployer", function () {
    this.timeout(120_000);
    const deployed = new Deployed();
    before(() => deployed.up());
    after(() => deployed.remove());

    const heard = async () => Number(Buffer.from(await DeployedStack.fromExport(JSON.parse(deployed.exported())).request("query", new Uint8Array())).toString()[1]);
    const listener = async () => (await deployed.agent("server").instance(deployed.stack.outs("Module", "listener")["instance"] as string))!;

    it("send an event once, and say which one it was", async () => {
        const before = await heard();
        const run = await deployed.on("send", "tell", "hello");
        assert.deepEqual([run.code, run.stdout], [0, "done: tell processed it as number 1\n"], run.stderr);
        assert.deepEqual(JSON.parse((await deployed.on("send", "tell", "--json", "--hex", "00 ff")).stdout), { status: "done", counter: "2" });
        assert.equal(await heard(), (before + 2) % 10);
    });

    it("ask a handler and print its reply in the wanted form", async () => {
        assert.match((await deployed.on("request", "query", "ask")).stdout, /^ask#\d\n$/);
        const asked = (data: string, ...args: string[]) => deployed.on("request", "query", "--hex", data, ...args);
        assert.match((await asked("ff")).stdout, /^ff23[0-9a-f]{2}\n$/);
        assert.match((await asked("61", "--output", "hex")).stdout, /^6123[0-9a-f]{2}\n$/);
        assert.match((await asked("61", "--output", "raw")).stdout, /^a#\d$/);
        const { status, reply } = JSON.parse((await asked("61", "--json")).stdout) as { status: string; reply: { hex: string; text: string } };
        assert.equal(status, "done");
        assert.deepEqual(Buffer.from(reply.hex, "hex").toString(), reply.text);
    });

    it("never put control characters of a module on the terminal", async () => {
        const run = await deployed.on("request", "query", "--hex", "1b5b324a", "--output", "text");
        assert.equal(run.code, 0);
        assert.ok(!run.stdout.includes("\u001b"));
    });

    it("take data from a file and from standard input", async () => {
        const file = path.join(deployed.base, "data");
        fs.writeFileSync(file, "filed");
        assert.match((await deployed.on("request", "query", "--file", file)).stdout, /^filed#/);
        assert.match((await deployed.start(["request", "query", "--state", deployed.stateFile(), "--file", "-"], "piped").end).stdout, /^piped#/);
    });

    it("call an entry with data, with authentication", async () => {
        const before = await heard();
        const run = await deployed.on("call", "talker.work", "12345678");
        assert.equal(run.code, 0, run.stderr);
        for (let tries = 0; tries < 100 && await heard() === before; tries++) await sleep(20);
        assert.equal(await heard(), (before + 1) % 10);
    });

    it("end with 3 where the handler refuses", async () => {
        const run = await deployed.on("request", "query", "!");
        assert.equal(run.code, 3);
        assert.match(run.stderr, /AE-STACK-REFUSED/);
    });

    it("end with 2 and change nothing for names, data and options that are wrong", async () => {
        const cases: readonly (readonly [string[], RegExp])[] = [
            [["send", "tel", "x"], /no connection "tel"\. Did you mean "tell"\?/],
            [["send", "beat", "x"], /AE-STACK-DEPLOYER/],
            [["send", "tell", "123456789"], /has 9 bytes, but tell takes at most 8/],
            [["send", "tell", "--hex", "abc"], /not hexadecimal/],
            [["send", "tell", "x", "--file", "y"], /given twice/],
            [["send", "tell", "--file", "/nonexistent/file"], /AE-CLI-FILE/],
            [["send", "tell", "--file", "-"], /both the state and the data/],
            [["call", "talker.wrk"], /no entry "wrk"\. Did you mean "work"\?/],
            [["call", "talker"], /MODULE\.ENTRY/],
            [["snd", "tell"], /Did you mean send\?/],
            [["send", "tell", "--hx"], /Did you mean --hex\?/],
            [["send"], /missing required argument/],
        ];
        const { received, delivered } = (await listener()).connections.find(({ connection }) => connection === deployed.stack.outs("Connection", "tell")["connection"])!;
        for (const [[name = "", ...args], expected] of cases) {
            const run = await deployed.on(name, ...args);
            assert.equal(run.code, 2, `${name} ${args.join(" ")}\n${run.stdout}`);
            assert.match(run.stderr, expected);
        }
        const after = (await listener()).connections.find(({ connection }) => connection === deployed.stack.outs("Connection", "tell")["connection"])!;
        assert.deepEqual([after.received, after.delivered], [received, delivered]);
    });

    describe("while the module does not answer", () => {
        /** Starts a command, and stops the module's host once the command has left, before it can be answered. */
        async function frozen(act: (running: ReturnType<Deployed["start"]>, pid: number) => Promise<void>): Promise<Run> {
            const { pid } = await listener();
            process.kill(pid!, "SIGSTOP");
            try {
                const running = deployed.start(["send", "tell", "late", "--state", deployed.stateFile()]);
                await act(running, pid!);
                return await running.end;
            } finally {
                process.kill(pid!, "SIGCONT");
            }
        }

        it("say that nothing was sent when they are interrupted before", async () => {
            const before = await heard();
            const run = await frozen(async ({ child }) => {
                await sleep(4_000); // the challenge waits for the stopped host
                child.kill("SIGINT");
            });
            assert.equal(run.code, 130, run.stderr);
            assert.match(run.stderr, /interrupted: the send to tell was not sent/);
            assert.equal(await heard(), before);
        });
    });
});

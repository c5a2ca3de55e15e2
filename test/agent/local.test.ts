// Agents of this machine: started, found, adopted, ended; and what the client makes of strange agents.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import { agentGone, endLocalAgent, killLocalAgent, startLocalAgent } from "../../provider/agent/local";
import { fromHex } from "../../provider/protocol/bytes";
import { instanceId } from "../../provider/protocol/names";
import { native } from "../../provider/tee/native/native";
import { packageRoot } from "../../tools/setup/toolchain";
import { isAlive } from "../processes";

const DEPLOYMENT = "0123456789abcdef0123456789abcdef";
const INSTANCE = Buffer.from(instanceId(fromHex("deployment", DEPLOYMENT), "sensor")).toString("hex");

describe("local agents", function () {
    this.timeout(60_000);
    let base: string;
    let saved: NodeJS.ProcessEnv;
    const folders = new Set<string>();

    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "agents-"));
        saved = { ...process.env };
        process.env["AUTHENTIC_STATE"] = base;
    });
    afterEach(async () => {
        for (const name of ["AUTHENTIC_STATE", "AUTHENTIC_AGENT"]) {
            if (saved[name] === undefined) Reflect.deleteProperty(process.env, name);
            else process.env[name] = saved[name];
        }
        for (const folder of folders) await endLocalAgent(folder);
        folders.clear();
        fs.rmSync(base, { recursive: true, force: true });
    });

    const start = async (more: { port?: number; folder?: string; listenAddress?: string } = {}) => {
        const about = await startLocalAgent({ node: "n", deployment: DEPLOYMENT, listenAddress: "127.0.0.1", ...more });
        folders.add(about.folder);
        return about;
    };

    async function startModule(agent: AgentClient): Promise<void> {
        const build = await native.build({ name: "sensor", sources: [path.join(packageRoot(), "examples", "smart-irrigation", "modules", "sensor.c")] });
        const { image } = native.finalize(build, { deployment: fromHex("deployment", DEPLOYMENT), instance: fromHex("instance", INSTANCE), deployerKey: new Uint8Array(32).fill(3), values: {} });
        await agent.start(INSTANCE, { name: "sensor", deployment: DEPLOYMENT, tee: "native", image, entryTimeLimitMs: 1000, interface: build.interface.map(({ name, kind }) => ({ name, kind })) });
    }

    it("have a folder of their own, for their owner alone, and know nothing of the deployer's environment", async () => {
        process.env["PULUMI_CONFIG_PASSPHRASE"] = "quite-secret";
        try {
            const { folder, pid, eventAddress } = await start();
            assert.ok(folder.startsWith(fs.realpathSync(base)));
            assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
            assert.equal(fs.statSync(path.join(folder, "agent.sock")).mode & 0o777, 0o600);
            assert.ok(eventAddress.port > 0);
            assert.ok(!fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes("quite-secret"));
        } finally {
            delete process.env["PULUMI_CONFIG_PASSPHRASE"];
        }
    });

    it("are found again instead of started twice", async () => {
        const first = await start();
        assert.equal((await start({ folder: first.folder })).pid, first.pid);
    });

    it("say that a port is in use, and leave nothing behind", async () => {
        const server = net.createServer().listen(0, "127.0.0.1");
        await new Promise((resolve) => server.once("listening", resolve));
        try {
            const { port } = server.address() as net.AddressInfo;
            await assert.rejects(start({ port }), new RegExp(`AE-AGENT-PORT: the agent of node "n" does not start: .*${port}.*choose another event port`, "i"));
        } finally {
            server.close();
        }
        assert.deepEqual(fs.readdirSync(base), []);
    });

    it("say where the agent's program is missing", async () => {
        process.env["AUTHENTIC_AGENT"] = "/nowhere/authentic-agent";
        await assert.rejects(start(), /AE-AGENT-BINARY: .*\/nowhere\/authentic-agent.*cargo build --release --locked/);
    });

    it("say that an agent ended while it started", async () => {
        const script = path.join(base, "agent");
        fs.writeFileSync(script, "#!/bin/sh\necho strange words >&2\nkill -9 $$\n", { mode: 0o755 });
        process.env["AUTHENTIC_AGENT"] = script;
        await assert.rejects(start(), /AE-AGENT-ENDED: the agent of node "n" ended while it started \(SIGKILL\): strange words/);
        assert.deepEqual(fs.readdirSync(base), ["agent"]);
    });

    it("adopt module hosts that survived an agent that was killed, on another port as well", async () => {
        const first = await start();
        const agent = new AgentClient(first.folder);
        await startModule(agent);
        const { pid } = (await agent.instance(INSTANCE))!;
        assert.equal(await agentGone(first.folder), false);
        await killLocalAgent(first.folder);
        assert.equal(await agentGone(first.folder), true);
        await assert.rejects(agent.about(), { code: "AE-AGENT-UNREACHABLE" });
        const second = await start({ folder: first.folder });
        assert.notEqual(second.pid, first.pid);
        const adopted = (await agent.instance(INSTANCE))!;
        assert.deepEqual([adopted.pid, adopted.state], [pid, "running"]);
    });

    it("end with everything they run, also what a killed agent left behind, and again", async () => {
        const { folder } = await start();
        const agent = new AgentClient(folder);
        await startModule(agent);
        const { pid } = (await agent.instance(INSTANCE))!;
        await killLocalAgent(folder);
        await endLocalAgent(folder);
        assert.equal(fs.existsSync(folder), false);
        assert.equal(isAlive(pid!), false, "the module host goes on");
        await endLocalAgent(folder);
    });

    it("end although somebody took their control socket away", async () => {
        const { folder, pid } = await start();
        fs.rmSync(path.join(folder, "agent.sock"));
        await endLocalAgent(folder);
        assert.equal(fs.existsSync(folder), false);
        assert.ok(!fs.existsSync(`/proc/${pid}/cmdline`) || fs.readFileSync(`/proc/${pid}/cmdline`, "utf8") === "", "the agent still runs");
    });

    it("are called by a socket whose path is longer than the system takes", async () => {
        process.env["AUTHENTIC_STATE"] = path.join(base, "x".repeat(120));
        const { folder } = await start();
        assert.ok(folder.length > 120);
        assert.equal((await new AgentClient(folder).about()).node, "n");
    });

    it("do not have to be believed dead because their process id was reused", async () => {
        const folder = path.join(base, "n");
        fs.mkdirSync(folder);
        fs.writeFileSync(path.join(folder, "agent.pid"), `${process.pid}\n`);
        assert.equal(await agentGone(folder), true);
    });

    it("have nothing where there is no instance", async () => {
        const agent = new AgentClient((await start()).folder);
        assert.equal(await agent.instance(INSTANCE), undefined);
        await agent.remove(INSTANCE);
        await agent.removeRoute(INSTANCE, 7);
        await agent.removeTrigger(INSTANCE, "poll");
        await assert.rejects(agent.setTrigger(INSTANCE, "poll", { endpoint: 0, everyMs: 1000 }), { code: "AE-AGENT-UNKNOWN" });
        await assert.rejects(agent.channel(INSTANCE).send("m1", new Uint8Array(168)), { code: "AE-AGENT-UNKNOWN" });
    });

    it("are not disturbed by many calls at once that carry images", async () => {
        const agent = new AgentClient((await start()).folder);
        const calls = Array.from({ length: 40 }, (_, index) => agent.start(index.toString(16).padStart(32, "0"),
            { name: "x", deployment: DEPLOYMENT, tee: "unknown", image: new Uint8Array(200_000), entryTimeLimitMs: 1000, interface: [] }).catch((error: unknown) => (error as { code: string }).code));
        assert.deepEqual([...new Set(await Promise.all(calls))], ["AE-AGENT-TEE"]);
    });

    describe("that answer nonsense", () => {
        let server: http.Server;
        let answer: http.RequestListener;
        beforeEach(async () => {
            server = http.createServer((request, response) => answer(request, response)).listen(path.join(base, "agent.sock"));
            await new Promise((resolve) => server.once("listening", resolve));
        });
        afterEach(() => {
            server.closeAllConnections();
            server.close();
        });
        const about = (timeoutMs?: number) => new AgentClient(base).about(timeoutMs);

        it("are refused: no JSON, other members, no explanation", async () => {
            answer = (_, response) => response.end("<html>");
            await assert.rejects(about(), { code: "AE-AGENT-ANSWER" });
            answer = (_, response) => response.end('{"agent":"1"}');
            await assert.rejects(about(), { code: "AE-AGENT-ANSWER" });
            answer = (_, response) => response.writeHead(500).end("oops");
            await assert.rejects(about(), /AE-AGENT-ANSWER: .*status 500/);
        });

        it("are cut off where the answer never ends or never comes", async () => {
            answer = (_, response) => {
                const chunk = Buffer.alloc(1 << 20, " ");
                const more = () => {
                    while (!response.destroyed && response.write(chunk));
                };
                response.on("drain", more);
                more();
            };
            await assert.rejects(about(), /AE-AGENT-ANSWER: .*more than 16777216 bytes/);
            answer = () => undefined;
            await assert.rejects(about(200), { code: "AE-AGENT-TIMEOUT" });
        });

        it("cannot write on the user's terminal", async () => {
            answer = (_, response) => response.writeHead(409).end(JSON.stringify({ error: { code: "AE-AGENT-CONFLICT", message: "\u001b[2Jfine\nerror: none\u202e", next: "x".repeat(5000) } }));
            await assert.rejects(about(), (error: Error) => error.message.length < 1200 && !/[\u001b\n\u202e]/.test(error.message));
        });
    });
});

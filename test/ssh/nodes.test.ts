// Nodes on machines that are reached over SSH, with real OpenSSH servers, agents and modules.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { packageFolder } from "../../provider/build/folders";
import { closeConnections, openConnections } from "../../provider/ssh/hosts";
import { parseLocation } from "../../provider/ssh/settings";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { Stream } from "../lifecycle/stream";
import { SshHost } from "./server";

describe("nodes over SSH", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;
    let stream: Stream;
    let hosts: SshHost[];

    beforeEach(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "ssh-"));
        stack = new Stack();
        stream = new Stream(base, stack);
        hosts = await Promise.all([new SshHost().start(), new SshHost().start()]);
    });
    afterEach(async () => {
        await closeConnections();
        const left = await Promise.all(hosts.map((host) => host.remove()));
        fs.rmSync(base, { recursive: true });
        assert.deepEqual(left.flat(), [], "nothing of a node runs any more");
    });

    const program = (more: { readonly flowing?: boolean; readonly ssh?: Partial<ae.SshArgs> } = {}) => () => {
        const deployment = new ae.Deployment("d");
        const [from, to] = hosts.map((host, index) => new ae.Node(`n${index}`, { deployment, tee: "native", ssh: host.ssh(more.ssh) }));
        stream.declare(deployment, [from!, to!], { flowing: more.flowing ?? true });
    };

    it("are installed, attested and connected over one connection a host, and removed without a trace", async () => {
        await stack.up(program());
        const before = await stream.passes("received", 100);
        assert.ok(before > 100);
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual((await stack.preview(program())).filter((step) => !step.startsWith("same ")), []);
        await stack.up(program({ flowing: false }));
        const counts = await stream.settled();
        assert.deepEqual([counts.lost, counts.duplicated, counts.reordered], [0, 0, 0]);
        assert.deepEqual(hosts.map(({ accepted }) => accepted), [1, 1], "one connection a host");
        assert.equal(await openConnections(), 2);
        await stack.destroy();
        assert.deepEqual(hosts.map(({ nodes }) => fs.existsSync(nodes)), [false, false]);
    });

    const agent = (name: string) => new AgentClient(stack.outs("Node", name)["folder"] as string);
    /** What an agent says of itself, as soon as one answers that is not this. */
    async function another(name: string, pid: number) {
        for (let tries = 0; tries < 300; tries++) {
            const about = await agent(name).about().catch(() => undefined);
            if (about !== undefined && about.pid !== pid) return about;
            await sleep(100);
        }
        return assert.fail("no other agent came");
    }
    async function nothingIsMissing(): Promise<void> {
        await stack.up(program({ flowing: false }));
        const { sent, ...counts } = await stream.settled();
        assert.ok(sent > 0);
        assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
    }

    it("have agents that come back by themselves, on their port, without losing an event", async () => {
        await stack.up(program());
        for (const name of ["n0", "n1"]) {
            const { pid, eventAddress } = await agent(name).about();
            process.kill(pid, "SIGKILL");
            assert.deepEqual((await another(name, pid)).eventAddress, eventAddress);
        }
        await stream.passes("received", await stream.count("received"));
        assert.deepEqual(await stack.refresh(), []);
        await nothingIsMissing();
        await stack.destroy();
    });

    it("have agents that a new version of this package alone replaces, as a preview says, while events flow and module hosts go on", async () => {
        await stack.up(program());
        const before = await Promise.all(["n0", "n1"].map((name) => agent(name).about()));
        const pids = async () => (await Promise.all(["n0", "n1"].map((name) => agent(name).instances()))).flat().map(({ pid }) => pid);
        const running = await pids();
        // The same programs with another digest.
        const built = path.join(packageFolder(), "runtime", "target", "x86_64-unknown-linux-gnu", "release");
        for (const name of ["authentic-agent", "authentic-host"]) {
            fs.copyFileSync(path.join(built, name), path.join(base, name));
            fs.appendFileSync(path.join(base, name), "another version");
        }
        process.env["AUTHENTIC_AGENT"] = path.join(base, "authentic-agent");
        try {
            // Nothing else has changed.
            assert.deepEqual((await stack.preview(program())).filter((step) => !/^same |^update (events|sent|received|read)$/.test(step)), ["update n0", "update n1"]);
            const installed = ["n0", "n1"].map((name) => stack.outs("Node", name)["programs"]);
            assert.deepEqual((await stack.up(program())).filter((step) => !step.startsWith("same ")), ["update n0", "update n1"]);
            assert.ok(["n0", "n1"].every((name, index) => stack.outs("Node", name)["programs"] !== installed[index]));
            const after = await Promise.all(["n0", "n1"].map((name) => agent(name).about()));
            assert.ok(after.every(({ pid }, index) => pid !== before[index]!.pid));
            assert.deepEqual(after.map(({ eventAddress }) => eventAddress), before.map(({ eventAddress }) => eventAddress));
            assert.deepEqual(await pids(), running);
            await stream.passes("received", await stream.count("received"));
            for (const { nodes } of hosts) {
                const programs = fs.readdirSync(nodes, { recursive: true, encoding: "utf8" }).filter((file) => path.basename(file) === "authentic-agent");
                assert.equal(programs.length, 1, "the former programs are gone");
            }
            assert.deepEqual(await stack.refresh(), []);
            assert.deepEqual((await stack.preview(program())).filter((step) => !step.startsWith("same ")), []);
            await nothingIsMissing();
        } finally {
            delete process.env["AUTHENTIC_AGENT"];
        }
        await stack.destroy();
    });

    it("are kept in state while their machine cannot be reached, and given up where the program says so", async () => {
        const timeouts = { dial: "0ms", connect: "5s" } as const;
        await stack.up(program({ ssh: { timeouts } }));
        await hosts[1]!.stop();
        await assert.rejects(stack.refresh(), { code: "AE-SSH-UNREACHABLE" });
        await assert.rejects(stack.destroy(), { code: "AE-SSH-UNREACHABLE" });
        assert.ok(stack.state.has("Module sink"));
        await hosts[1]!.start();
        await stack.up(program({ ssh: { timeouts, deleteUnreachable: true } }));
        await stream.passes("received", await stream.count("received"));
        const folder = stack.outs("Node", "n1")["folder"] as string;
        await hosts[1]!.stop();
        await stack.destroy();
        assert.equal(stack.state.size, 0);
        // It still runs, as the warning says; whoever gets the machine back ends it there.
        await hosts[1]!.start();
        const { endRemoteAgent } = await import("../../provider/agent/remote.js");
        await endRemoteAgent(parseLocation(folder)!);
    });
});

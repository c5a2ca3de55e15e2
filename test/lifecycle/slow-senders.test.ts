// Thousands of connections that send a byte now and then, to every socket of a node: events of others keep flowing, and
// so do calls of the control interface. What flowed is compared payload by payload, outside every agent and host.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { encodeFrame } from "../../provider/protocol/frame";
import { encodeHello } from "../../provider/protocol/hello";
import { fromHex } from "../../provider/protocol/bytes";
import * as ae from "../../resources";
import { Stack } from "./stack";
import { Stream } from "./stream";

type Target = net.NetConnectOpts;

/** Connections that send their bytes one by one, and come back when they are closed. */
class SlowSenders {
    private readonly timers: NodeJS.Timeout[] = [];
    private readonly sockets = new Set<net.Socket>();
    /** Connections that were made, bytes that were sent, connections the other side closed. */
    readonly counts = { connected: 0, bytes: 0, closed: 0 };

    /**
     * @param first - sent at once
     * @param rest - sent byte by byte, again and again
     */
    begin(target: Target, connections: number, first: Uint8Array, rest: Uint8Array): void {
        const lines = Array.from({ length: connections }, () => this.connect(target, first));
        let at = 0;
        this.timers.push(setInterval(() => {
            const byte = rest.subarray(at++ % rest.length).subarray(0, 1);
            for (const [index, socket] of lines.entries()) {
                if (socket.destroyed) lines[index] = this.connect(target, first);
                else if (socket.writable && !socket.connecting && socket.writableLength === 0) {
                    socket.write(byte);
                    this.counts.bytes++;
                }
            }
        }, 250));
    }

    private connect(target: Target, first: Uint8Array): net.Socket {
        const socket = net.connect(target, () => {
            this.counts.connected++;
            if (first.length > 0) socket.write(first);
        });
        socket.on("error", () => undefined).on("close", () => {
            this.counts.closed++;
            this.sockets.delete(socket);
        });
        socket.resume();
        this.sockets.add(socket);
        return socket;
    }

    end(): void {
        for (const timer of this.timers) clearInterval(timer);
        for (const socket of this.sockets) socket.destroy();
    }
}

describe("slow senders", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;
    let stream: Stream;

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "slow-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "n");
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        stream = new Stream(base, stack);
    });
    after(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (flowing: boolean) => () => {
        const deployment = new ae.Deployment("d");
        const from = new ae.Node("a", { deployment, tee: "native" });
        const to = new ae.Node("b", { deployment, tee: "sgx", backend: "emulated" });
        stream.declare(deployment, [from, to], { flowing, every: "50ms" });
    };

    it("to the event port, module hosts, the control socket, the provisioning and the quoting service leave events flowing", async () => {
        await stack.up(program(true));
        let received = await stream.passes("received", 0);
        const { eventAddress, folder } = stack.outs("Node", "b") as { eventAddress: { host: string; port: number }; folder: string };
        const { instance, deploymentId } = stack.outs("Module", "sink") as { instance: string; deploymentId: string };
        const { connection } = stack.outs("Connection", "events") as { connection: number };
        const hello = encodeHello({ deployment: fromHex("deployment", deploymentId), target: fromHex("instance", instance), source: new Uint8Array(16).fill(7) });
        const frame = encodeFrame({ kind: 1, connection, epoch: 1n, counter: 1n, sealed: new Uint8Array(60_000) });
        const head = Buffer.from(`GET /v1 HTTP/1.1\r\nHost: agent\r\nX-Slow: ${"x".repeat(1000)}`);
        const body = Buffer.from(`PUT /v1/instances/${"a".repeat(32)} HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n{`);
        const nothing = new Uint8Array();
        const targets: readonly [string, Target, number, Uint8Array, Uint8Array][] = [
            ["event port, hellos", eventAddress, 1500, nothing, hello],
            ["module host, frames", eventAddress, 1100, hello, frame],
            ["control socket, heads", { path: path.join(folder, "agent.sock") }, 900, nothing, head],
            ["control socket, bodies", { path: path.join(folder, "agent.sock") }, 300, body, Buffer.from(" ")],
            ["provisioning service", { path: path.join(folder, "sgx", "pcs.socket") }, 400, nothing, head],
            ["quoting service", { path: path.join(folder, "sgx", "aesm.socket") }, 300, Buffer.from([0xff, 0, 0, 0]), Buffer.from([0])],
        ];
        const senders = targets.map(([name, target, connections, first, rest]) => {
            const sender = new SlowSenders();
            sender.begin(target, connections, first, rest);
            return { name, connections, sender };
        });
        const agent = new AgentClient(folder);
        try {
            const began = received;
            // Longer than every limit: hellos have five seconds, heads of requests ten.
            const end = Date.now() + 15_000;
            while (Date.now() < end) {
                await sleep(250);
                received = await stream.passes("received", received);
                await agent.about();
            }
            assert.ok(received - began > 16 * 15, `${received - began} events in fifteen seconds`);
            // Fresh evidence needs the quoting service, and its verification the provisioning service.
            assert.deepEqual(await stack.refresh(), []);
            for (const { name, connections, sender: { counts } } of senders) {
                assert.ok(counts.connected >= connections && counts.bytes > connections * 10, `${name}: ${JSON.stringify(counts)}`);
                assert.ok(counts.closed > 0, `${name}: nobody was closed`);
            }
            const status = fs.readFileSync(`/proc/${(await agent.about()).pid}/status`, "utf8");
            const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]);
            assert.ok(peak < 200_000, `the agent has used ${peak} kB`);
        } finally {
            for (const { sender } of senders) sender.end();
        }
        await stack.up(program(false));
        const counts = await stream.settled();
        console.log(`      ${senders.map(({ name, sender: { counts } }) => `${name}: ${counts.connected} connections, ${counts.closed} closed, ${counts.bytes} bytes`).join("; ")}`);
        console.log(`      sent ${counts.sent}, delivered ${counts.delivered}, lost ${counts.lost}, duplicated ${counts.duplicated}, reordered ${counts.reordered}`);
        assert.deepEqual(counts, { sent: counts.sent, delivered: counts.sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
    });
});

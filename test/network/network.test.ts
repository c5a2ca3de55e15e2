// The network that other tests stand on does what they ask of it: shown with plain TCP, without anything of the product.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describeInNamespace } from "./namespace";
import { DEPLOYER, Network } from "./network";

/** Echoes what it receives, on the port that is its first word. */
const ECHO = "require('net').createServer((s) => { s.on('error', () => {}); s.pipe(s); }).listen(+process.argv[1], () => console.log('listens'))";

describeInNamespace(__filename, "a network of tests", function () {
    this.timeout(60_000);
    let network: Network;
    const servers: ChildProcess[] = [];

    before(async () => {
        network = await Network.start(["a", "b"], 7);
        for (const [host, port] of [["a", 7000], ["b", 7000], ["b", 7001]] as const) {
            const [program, ...words] = [...network.place(host).within, process.execPath, "-e", ECHO, String(port)];
            const server = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
            servers.push(server);
            await once(server.stdout, "data");
        }
    });
    after(async () => {
        servers.forEach((server) => server.kill());
        await network.close();
    });
    afterEach(async () => {
        await network.heal();
        for (const [one, other] of [[DEPLOYER, "a"], [DEPLOYER, "b"], ["a", "b"]] as const) await network.impair(one, other, {});
    });

    /** Sends bytes to a host's echo and waits for them; false where nothing comes back in time: by far enough, where something should. */
    async function echoes(host: string, port = 7000, bytes = 4, patienceMs = 20_000): Promise<boolean> {
        const socket = net.connect({ host: network.place(host).address, port });
        socket.on("error", () => undefined);
        const sent = Buffer.alloc(bytes, "data");
        const parts: Buffer[] = [];
        const whole = new Promise<boolean>((resolve) => socket.on("data", (part: Buffer) => {
            parts.push(part);
            if (Buffer.concat(parts).length >= bytes) resolve(Buffer.concat(parts).equals(sent));
        }));
        socket.write(sent);
        const back = await Promise.race([whole, sleep(patienceMs, false)]);
        socket.destroy();
        return back;
    }
    const silent = async (host: string, port = 7000) => !await echoes(host, port, 4, 1_000);

    it("is no part of the machine's, and has its hosts apart from each other", () => {
        const interfaces = (host: string) => network.run(host, "ip", "-brief", "address").trim().split("\n").map((line) => line.split(/\s+/));
        assert.deepEqual(interfaces("a").map(([name]) => name), ["lo", "wire"]);
        assert.deepEqual(interfaces(DEPLOYER).map(([name]) => name), ["lo", "wire"]);
        const ids = [DEPLOYER, "a", "b"].map((host) => network.run(host, "readlink", "/proc/self/ns/net"));
        assert.equal(new Set([...ids, process.env["AUTHENTIC_OUTSIDE"]]).size, 4);
    });

    it("carries what hosts send each other, whatever it loses, delays and reorders, and says how much of that it did", async () => {
        const before = await network.counts(DEPLOYER, "b");
        assert.ok(await echoes("b", 7000, 1 << 20));
        const plain = await network.counts(DEPLOYER, "b");
        assert.ok(plain.forwarded > before.forwarded + 700, "a MiB is more packets than that");
        assert.deepEqual([plain.lost, plain.delayed, plain.reordered, plain.cut], [before.lost, before.delayed, before.reordered, before.cut]);
        await network.impair(DEPLOYER, "b", { delayMs: 5, jitterMs: 5, loss: 0.02, reorder: 0.05 });
        assert.ok(await echoes("b", 7000, 1 << 20, 40_000));
        const impaired = await network.counts(DEPLOYER, "b");
        for (const what of ["lost", "delayed", "reordered"] as const) assert.ok(impaired[what] > 0, `nothing was ${what}`);
        assert.deepEqual(await network.counts("a", "b"), { forwarded: 0, delayed: 0, lost: 0, reordered: 0, cut: 0 });
    });

    it("is late by what it is told", async () => {
        await network.impair(DEPLOYER, "a", { delayMs: 150 });
        const begun = performance.now();
        assert.ok(await echoes("a"));
        // SYN, its answer, the data and the echo.
        assert.ok(performance.now() - begun >= 4 * 150);
    });

    it("parts two hosts, and no others, until it is healed", async () => {
        await network.partition(DEPLOYER, "a");
        assert.deepEqual([await silent("a"), await echoes("b")], [true, true]);
        assert.ok((await network.counts(DEPLOYER, "a")).cut > 0);
        await network.heal(DEPLOYER, "a");
        assert.ok(await echoes("a"));
        await network.partition("a", DEPLOYER, { oneWay: true });
        assert.ok(await silent("a"));
        await network.heal();
        assert.ok(await echoes("a"));
    });

    it("has a firewall that lets nothing through but what it is told", async () => {
        network.firewall([{ from: DEPLOYER, to: "b", ports: [7000] }]);
        assert.deepEqual([await echoes("b"), await silent("b", 7001), await silent("a")], [true, true, true]);
        assert.ok(network.dropped() >= 2);
        network.firewall([{ from: DEPLOYER, to: "b", ports: [7000, 7001] }, { from: DEPLOYER, to: "a", ports: [7000] }]);
        assert.deepEqual([await echoes("b"), await echoes("b", 7001), await echoes("a")], [true, true, true]);
        assert.equal(network.dropped(), 0);
    });

    it("is gone when it is closed and its programs have ended, and can be started again", async () => {
        const ids = ["a", "b"].map((host) => network.run(host, "readlink", "/proc/self/ns/net").trim());
        assert.deepEqual(ids.map(inUse), [true, true]);
        await Promise.all(servers.splice(0).map((server) => {
            server.kill();
            return once(server, "close");
        }));
        await network.close();
        assert.deepEqual(ids.map(inUse), [false, false]);
        network = await Network.start(["a", "b"]);
        assert.match(network.run("a", "ip", "-brief", "address"), /^wire /m);
    });
});

/** Whether a process has a network namespace. */
function inUse(namespace: string): boolean {
    return fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).some((pid) => {
        try {
            return fs.readlinkSync(`/proc/${pid}/ns/net`) === namespace;
        } catch {
            return false;
        }
    });
}

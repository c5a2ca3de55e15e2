// Nodes on machines that are reached over SSH, with real OpenSSH servers, agents and modules.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { closeConnections, openConnections } from "../../provider/ssh/hosts";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { Stream } from "../lifecycle/stream";
import { commandLines } from "../processes";
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
        for (const host of hosts) await host.remove();
        fs.rmSync(base, { recursive: true });
        const left = commandLines().filter((line) => hosts.some(({ folder }) => line.includes(folder)));
        assert.deepEqual(left, [], "nothing of a node runs any more");
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
});

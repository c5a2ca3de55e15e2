// `authentic watch` and `logs` against real agents: what they show of events, and that they never show the events.
import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { killLocalAgent } from "../../provider/agent/local";
import { DeployedStack } from "../../provider/stack/stack";
import { formsIn } from "../secrets/search";
import { Deployed } from "./deployed";

const SECRET = Buffer.from("s3cr3t!!");

interface Line {
    readonly name: string | null;
    readonly module: string;
    readonly event: string;
    readonly counter: string;
    readonly bytes: number | null;
    readonly reason: string | null;
}

describe("listening to a stack", function () {
    this.timeout(120_000);
    const deployed = new Deployed();
    let state: string;
    before(async () => {
        await deployed.up();
        state = deployed.stateFile({ secrets: false });
    });
    after(() => deployed.remove());
    afterEach(() => assert.deepEqual(formsIn(Buffer.from(deployed.printed), SECRET), [], "an event was printed"));

    const work = () => deployed.stack.callEntry("talker", "work");
    const stack = () => DeployedStack.fromExport(JSON.parse(deployed.exported()));
    const lines = (text: string) => text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Line);

    /** Makes something happen until the command has shown enough. */
    async function until<T>(running: { readonly end: Promise<T> }, happen: () => Promise<unknown>): Promise<T> {
        const state = { ended: false };
        const end = running.end.finally(() => { state.ended = true; });
        while (!state.ended) {
            await happen();
            await sleep(100);
        }
        return end;
    }

    it("shows connection, counter and size of what is sent and delivered, in order, but not the events", async () => {
        const watching = deployed.start(["watch", "--state", state, "--json", "--sent", "--count", "20"]);
        const run = await until(watching, () => stack().call("talker", "work", SECRET));
        assert.equal(run.code, 0, run.stderr);
        const shown = lines(run.stdout);
        assert.equal(shown.length, 20);
        for (const [module, event] of [["talker", "sent"], ["listener", "delivered"]] as const) {
            const own = shown.filter((line) => line.name === "beat" && line.module === module && line.event === event);
            assert.ok(own.length >= 3, run.stdout);
            assert.ok(own.every(({ bytes, reason }) => bytes === SECRET.length && reason === null), run.stdout);
            const counters = own.map(({ counter }) => Number(counter));
            assert.deepEqual(counters, counters.map((_, index) => counters[0]! + index));
        }
    });

    it("shows for people what a named connection delivers", async () => {
        const watching = deployed.start(["watch", "beat", "--state", state, "--count", "2"]);
        const run = await until(watching, () => stack().call("talker", "work", SECRET));
        assert.equal(run.code, 0, run.stderr);
        for (const line of run.stdout.trim().split("\n")) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}beat {2}talker\.beat → listener\.beat {2}\d+ {2}8 bytes {2}delivered$/);
    });

    it("goes on when an agent comes back, and ends with Ctrl-C", async () => {
        const watching = deployed.start(["watch", "beat", "--state", state]);
        while (watching.run.stdout === "") {
            await work();
            await sleep(50);
        }
        const folder = deployed.stack.outs("Node", "server")["folder"] as string;
        await killLocalAgent(folder);
        while (!watching.run.stderr.includes("AE-AGENT-UNREACHABLE")) await sleep(50);
        await deployed.stack.refresh();
        await deployed.up();
        const before = watching.run.stdout.length;
        while (watching.run.stdout.length === before) {
            await work();
            await sleep(50);
        }
        watching.child.kill("SIGINT");
        assert.equal((await watching.end).code, 0);
    });

    it("ends after the given time, and refuses wrong names and numbers", async () => {
        assert.equal((await deployed.on("watch", "--for", "200ms")).code, 0);
        const wrong = await deployed.on("watch", "baet");
        assert.equal(wrong.code, 2);
        assert.match(wrong.stderr, /no connection "baet"\. Did you mean "beat"\?/);
        for (const option of [["--count", "0"], ["--for", "soon"]]) assert.equal((await deployed.on("watch", ...option)).code, 2);
    });

    it("prints the logs of hosts and agents, by name", async () => {
        await work();
        const all = await deployed.on("logs", "--lines", "10000");
        assert.equal(all.code, 0, all.stderr);
        for (const expected of [/^field: .*agent starts/m, /^talker: .*module host starts/m, /^talker: .*published text="worked"/m]) assert.match(all.stdout, expected);
        const one = await deployed.on("logs", "talker", "--lines", "1", "--json");
        assert.equal((JSON.parse(one.stdout) as { logs: { lines: string[] }[] }).logs[0]!.lines.length, 1);
        assert.match((await deployed.on("logs", "tolker")).stderr, /Did you mean "talker"/);
    });

    it("follows a log", async () => {
        const following = deployed.start(["logs", "talker", "--state", state, "--follow", "--lines", "0", "--json"]);
        while (!following.run.stdout.includes("worked")) {
            await work();
            await sleep(50);
        }
        following.child.kill("SIGINT");
        const run = await following.end;
        assert.equal(run.code, 0);
        assert.match((lines(run.stdout)[0] as unknown as { line: string }).line, /worked/);
    });

    it("leaves room for others: an agent takes 32 listeners and refuses the next, clearly", async () => {
        const agent = deployed.agent("field");
        const controller = new AbortController();
        setMaxListeners(100, controller.signal);
        const open: Promise<unknown>[] = [];
        const refused = new Promise<Error>((resolve) => {
            for (let count = 0; count < 33; count++) {
                open.push((async () => { for await (const line of agent.follow(undefined, 0, controller.signal)) assert.equal(typeof line, "string"); })().catch((error: unknown) => resolve(error as Error)));
            }
        });
        assert.match((await refused).message, /AE-AGENT-LISTENERS/);
        controller.abort();
        await Promise.all(open);
        assert.ok(await agent.about());
        // The places are free again.
        const again = new AbortController();
        const follower = agent.follow(undefined, 1, again.signal);
        for (let tries = 0; ; tries++) {
            try {
                assert.equal(typeof (await follower.next()).value, "string");
                break;
            } catch (error) {
                if (tries === 20) throw error;
                await sleep(50);
            }
        }
        again.abort();
        await follower.next();
    });
});

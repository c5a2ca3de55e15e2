// The SSH connection is dropped before, during and after every step of every hook: the hook fails with a code or goes on over a new
// connection, and the same command again leaves nothing to do. `npm run campaign:ssh` tries every drop, `AUTHENTIC_SSH_CAMPAIGN` also
// those of one hook, such as "Node update"; else it is an evenly spread sample.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { packageFolder } from "../../provider/build/folders";
import { AuthenticError } from "../../provider/errors";
import * as lifecycles from "../../provider/lifecycle";
import type { ErasedHooks } from "../../provider/lifecycle/hooks";
import { closeConnections } from "../../provider/ssh/hosts";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { ask, Stream } from "../lifecycle/stream";
import { processes } from "../processes";
import { SshHost } from "./server";
import { Steps, type Watcher } from "./steps";

const CAMPAIGN = process.env["AUTHENTIC_SSH_CAMPAIGN"];
/** Drops that are tried where not all are. */
const SAMPLE = 12;

/** Counts how often it was asked, over its updates too. */
const TARGET = `
#include <authentic.h>
AUTHENTIC_CONFIG_INTEGER(version)
AUTHENTIC_STATE(uint64_t, asked, 1)
AUTHENTIC_HANDLER(ask, 0, 16) {
    int64_t own = version();
    if (capacity < 16) return -1;
    asked++;
    memcpy(reply, &asked, 8);
    memcpy((uint8_t *)reply + 8, &own, 8);
    return 16;
}
`;

/**
 * When the connection goes. Before: the host hears nothing of the step. During: it does the step, but only after the connection has
 * gone, while the deployer may be at it again. After: it has done the step, and nobody hears that.
 */
const MOMENTS = ["before", "during", "after"] as const;
type Moment = (typeof MOMENTS)[number];
const KINDS = ["Node", "Module", "Connection"] as const;
type Kind = (typeof KINDS)[number];
const OPERATIONS = ["create", "read", "update", "delete"] as const;
type Operation = (typeof OPERATIONS)[number];
/** At first those that the stream's connection outlives: no event may be lost in them. */
const IN_ORDER = [
    ...(["Node", "Module"] as const).flatMap((kind) => OPERATIONS.map((operation) => [kind, operation] as const)),
    ["Connection", "read"], ["Connection", "update"], ["Connection", "create"], ["Connection", "delete"],
] as const;
/** What the stack has besides the stream: which version of the resource that is dropped at. */
type Targets = Partial<Record<Kind, number>>;

interface Case {
    readonly kind: Kind;
    readonly operation: Operation;
    readonly step: number;
    readonly moment: Moment;
}

/** Drops the connection at one step. */
class Drop implements Watcher {
    fired = false;

    constructor(private readonly host: SshHost, private readonly folder: string, private readonly at: number, private readonly moment: Moment) {}

    async run(step: number, command: string, input: Uint8Array | undefined, act: (command: string, input?: Uint8Array) => ReturnType<Watcher["run"]>) {
        if (step !== this.at) return act(command, input);
        if (this.moment === "before") {
            this.cut();
            return act(command, input);
        }
        const [reached, go] = ["reached", "go"].map((name) => path.join(this.folder, `${name}-${step}`)) as [string, string];
        const gate = `: > ${reached}; while [ ! -e ${go} ]; do sleep 0.01; done`;
        const answer = act(this.moment === "during" ? `${gate}; ${command}` : `${command}; code=$?; ${gate}; exit $code`, input);
        answer.catch(() => undefined);
        while (!fs.existsSync(reached)) await sleep(5);
        this.cut();
        fs.writeFileSync(go, "");
        return answer;
    }

    async openSocket(step: number, act: () => Promise<Duplex>): Promise<Duplex> {
        if (step !== this.at) return act();
        if (this.moment === "before") this.cut();
        const socket = await act();
        // The agent has been reached, but not told anything.
        if (this.moment === "during") this.cut();
        if (this.moment === "after") {
            const push = socket.push.bind(socket);
            socket.push = (chunk: unknown) => {
                if (chunk === null) return push(null);
                // The agent's answer.
                if (!this.fired) this.cut();
                return true;
            };
        }
        return socket;
    }

    private cut(): void {
        this.fired = this.host.cut() > 0;
    }
}

describe("an SSH connection that is dropped at a step of a hook", function () {
    this.timeout(CAMPAIGN !== undefined ? 3_600_000 : 600_000);
    const rows = new Map<string, Map<string, number>>();
    const steps = new Map<string, number>();
    let base: string;
    let host: SshHost;
    let stack: Stack;
    let stream: Stream;
    let asked = 0n;
    /** Of the connection between the modules of the stream. */
    let number: number;
    let events = "";
    let targets: Targets = { Connection: 0 };

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "dropped-"));
        host = await new SshHost().start();
        stack = new Stack();
        stream = new Stream(base, stack);
        fs.writeFileSync(path.join(base, "target.c"), TARGET);
        // A node's update replaces its programs: two versions of them, in turn.
        const built = path.join(packageFolder(), "runtime", "target", "x86_64-unknown-linux-gnu", "release");
        for (const version of ["0", "1"]) {
            fs.mkdirSync(path.join(base, version));
            for (const name of ["authentic-agent", "authentic-host"]) {
                fs.copyFileSync(path.join(built, name), path.join(base, version, name));
                fs.appendFileSync(path.join(base, version, name), version);
            }
        }
        await stack.up(program());
        number = stack.outs("Connection", "events")["connection"] as number;
    });
    after(async () => {
        await stack.destroy();
        await closeConnections();
        const left = await host.remove();
        fs.rmSync(base, { recursive: true });
        const outcomes = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))].sort();
        console.log(["      hook              | steps | drop   | outcomes", ...[...rows].map(([hook, row]) => `      ${hook} | ${outcomes.filter((one) => row.has(one)).map((one) => `${row.get(one)} ${one}`).join(", ")}`), `      events: ${events}`].join("\n"));
        assert.deepEqual(left, [], "nothing of a node runs any more");
    });

    /** The stream between two nodes of the host, and what is dropped at. */
    function program(wanted: Targets = targets, flowing = true) {
        return () => {
            const deployment = new ae.Deployment("d");
            const node = (name: string, version = 0) => new ae.Node(name, { deployment, tee: "native", ssh: host.ssh({ keepAlive: `${15 + version}s` }) });
            const [from, to] = [node("n0"), node("n1")];
            if (wanted.Node !== undefined) node("Node", wanted.Node);
            if (wanted.Module !== undefined) {
                const target = new ae.Module("Module", { node: from, source: path.join(base, "target.c"), config: { version: wanted.Module } });
                new ae.Connection("asked", { from: deployment, to: target.handler("ask") });
            }
            stream.declare(deployment, [from, to], { flowing, every: "50ms", burst: 4, ...(wanted.Connection === undefined ? { connected: false } : { rotate: wanted.Connection }) });
        };
    }

    const hooksOf = (kind: Kind) => (lifecycles as unknown as Record<string, ErasedHooks>)[kind.toLowerCase()]! as unknown as Record<Operation, (...given: unknown[]) => Promise<unknown>>;
    const nameOf = (kind: Kind) => kind === "Connection" ? "events" : kind;

    /** Runs a command; the steps of one hook pass a watcher. @returns how many there were */
    async function watched(kind: Kind, operation: Operation, watcher: Watcher | undefined, command: () => Promise<unknown>): Promise<number> {
        const hooks = hooksOf(kind);
        const original = hooks[operation];
        let count = 0;
        hooks[operation] = async (...given) => {
            if (!given.some((one) => (one as { name?: string }).name === nameOf(kind))) return original(...given);
            const watch = new Steps(watcher);
            try {
                return await original(...given);
            } finally {
                watch.end();
                count += watch.count;
            }
        };
        try {
            await command();
        } finally {
            hooks[operation] = original;
        }
        return count;
    }

    /** What a command changes, and the command. */
    function commandOf(kind: Kind, operation: Operation): { readonly then: Targets; readonly command: () => Promise<unknown> } {
        if (operation === "read") return { then: targets, command: async () => assert.deepEqual(await stack.refresh(), []) };
        const { [kind]: version = 0, ...rest } = targets;
        const then = operation === "delete" ? rest : { ...targets, [kind]: operation === "create" ? 0 : version + 1 };
        return { then, command: () => stack.up(program(then)) };
    }

    const codeOf = (error: unknown): string => error instanceof AuthenticError ? error.code : String((error as { cause?: AuthenticError }).cause?.code ?? error);
    const withPrograms = async (act: () => Promise<void>) => {
        process.env["AUTHENTIC_AGENT"] = path.join(base, String((targets.Node ?? 0) % 2), "authentic-agent");
        try {
            await act();
        } finally {
            delete process.env["AUTHENTIC_AGENT"];
        }
    };

    /** Everything is as the program says, for Pulumi and for who looks at the host. */
    async function inOrder(): Promise<void> {
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual((await stack.preview(program())).filter((step) => !step.startsWith("same ")), []);
        const nodes = 2 + (targets.Node === undefined ? 0 : 1);
        const running = (program: string) => processes().filter(({ line }) => line.startsWith(host.nodes) && line.split("\0")[0]!.endsWith(program)).length;
        const folders = fs.readdirSync(host.nodes).flatMap((deployment) => fs.readdirSync(path.join(host.nodes, deployment)));
        assert.deepEqual([folders.length, running("authentic-agent"), running("authentic-host")], [nodes, nodes, 2 + (targets.Module === undefined ? 0 : 1)], folders.join(" "));
        assert.deepEqual(fs.readdirSync(host.nodes, { recursive: true, encoding: "utf8" }).filter((file) => /\.part$|\.new(\.|$)/.test(file)), []);
        const instances = await Promise.all(["n0", "n1"].map((name) => new AgentClient(stack.outs("Node", name)["folder"] as string).instances()));
        const keyed = instances.flat().filter(({ connections }) => connections.some(({ connection }) => connection === number)).map(({ name }) => name);
        assert.deepEqual(keyed.sort(), targets.Connection === undefined ? [] : ["sink", "source"], "who has a key of the connection");
        if (targets.Module !== undefined) {
            const reply = await ask(stack, "asked");
            assert.deepEqual([reply.readBigUInt64LE(), reply.readBigInt64LE(8)], [++asked, BigInt(targets.Module)], "the module has its state and its configuration");
        }
    }

    function become(wanted: Targets): void {
        targets = wanted;
        if (wanted.Module === undefined) asked = 0n;
    }

    /** Does an operation without a drop; how many steps it took. */
    async function plainly(kind: Kind, operation: Operation): Promise<number> {
        const { then, command } = commandOf(kind, operation);
        become(then);
        let count = 0;
        await withPrograms(async () => { count = await watched(kind, operation, undefined, command); });
        return count;
    }

    async function dropped({ kind, operation, step, moment }: Case): Promise<void> {
        const { then, command } = commandOf(kind, operation);
        become(then);
        const folder = fs.mkdtempSync(path.join(base, "drop-"));
        const drop = new Drop(host, folder, step, moment);
        let outcome = "goes on";
        await withPrograms(async () => {
            try {
                await watched(kind, operation, drop, command);
                if (!drop.fired) outcome = "not reached";
            } catch (error) {
                outcome = codeOf(error);
                assert.match(outcome, /^AE-(SSH|AGENT|SESSION)-[A-Z]+$/, `${kind} ${operation} ${step} ${moment}: ${String(error)}`);
                assert.ok(drop.fired, String(error));
                // The same again.
                await command();
            }
            await inOrder();
        });
        const row = `${`${kind} ${operation}`.padEnd(17)} | ${String(steps.get(`${kind} ${operation}`)).padStart(5)} | ${moment.padEnd(6)}`;
        const counts = rows.get(row) ?? new Map<string, number>();
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
        rows.set(row, counts);
    }

    it("leaves nothing to do once the command was run again, and loses no event of those that go on", async () => {
        for (const kind of KINDS) {
            if (kind === "Connection") await plainly(kind, "delete");
            for (const operation of OPERATIONS) steps.set(`${kind} ${operation}`, await plainly(kind, operation));
        }
        await stack.up(program(targets = { Connection: 0 }));
        const { lost } = await settled();
        const points = IN_ORDER.flatMap(([kind, operation]) => Array.from({ length: steps.get(`${kind} ${operation}`)! }, (_, index) => ({ kind, operation, step: index + 1 })));
        const cases: Case[] = points.flatMap((point) => MOMENTS.map((moment) => ({ ...point, moment })));
        const chosen = CAMPAIGN === undefined
            ? Array.from({ length: SAMPLE }, (_, index) => ({ ...points[Math.floor(index * points.length / SAMPLE)]!, moment: MOMENTS[index % MOMENTS.length]! }))
            : cases.filter(({ kind, operation }) => ["all", `${kind} ${operation}`].includes(CAMPAIGN));
        console.log(`      ${chosen.length} of ${cases.length} drops`);
        for (const one of chosen) {
            const there = targets[one.kind] !== undefined;
            if (one.kind === "Connection" && one.operation === "create" && there) assert.deepEqual((await settled()).lost, lost);
            if (one.operation === "create" && there) await plainly(one.kind, "delete");
            if (one.operation !== "create" && !there) await plainly(one.kind, "create");
            await dropped(one);
        }
    });

    /** What became of the events that were sent so far. */
    async function settled() {
        await stack.up(program(targets, false));
        const { sent, delivered, lost, ...wrong } = await stream.settled();
        assert.deepEqual(wrong, { duplicated: 0, reordered: 0, foreign: 0 });
        events = `sent ${sent}, delivered ${delivered}, lost while there was no connection ${lost}`;
        await stack.up(program());
        return { lost };
    }
});

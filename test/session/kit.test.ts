// The driver with two kits in processes of their own, interrupted at each message like the reference modules: what the
// driver believes about modules holds for the ones that are deployed.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../../provider/errors";
import { decodeFrameBody } from "../../provider/protocol/frame";
import { instanceId } from "../../provider/protocol/names";
import { publicKeyOf } from "../../provider/protocol/signature";
import { generateDeployer, loadDeployer } from "../../provider/session/deployer";
import { createDriver } from "../../provider/session/driver";
import type { ConnectOptions, End, Link } from "../../provider/session/session";
import { ENDPOINT } from "../kit/deployment";
import { KitProcess, OUT } from "../kit/kit-process";

const CONNECTION = 7;

/** A kit and what its host keeps: frames until they are acknowledged, re-sealed when the kit asks for them. */
class Node {
    readonly kept = new Map<bigint, Buffer>();
    /** Acks and replies that were not carried yet. */
    answers: Buffer[] = [];
    /** Counters that the kit has reported as processed. */
    readonly processed: bigint[] = [];

    constructor(readonly kit: KitProcess) {}

    /** Does what the records of the out ring ask for. */
    async settle(): Promise<void> {
        for (let records = this.kit.records.splice(0); records.length > 0; records = this.kit.records.splice(0)) {
            for (const { kind, argument, body } of records) {
                if (kind === OUT.frame && argument === 1) this.kept.set(decodeFrameBody(body).counter, body);
                else if (kind === OUT.frame) this.answers.push(body);
                else if (kind === OUT.acknowledged) for (const counter of this.kept.keys()) if (counter <= body.readBigUInt64LE(4)) this.kept.delete(counter);
                if (kind === OUT.processed) this.processed.push(body.readBigUInt64LE(4));
                if (kind === OUT.reseal) await this.kit.reseal(...this.from(body.readBigUInt64LE(4), body.readBigUInt64LE(12)));
            }
        }
    }

    private from(first: bigint, last: bigint): Buffer[] {
        return [...this.kept].filter(([counter]) => counter >= first && counter <= last).sort(([a], [b]) => Number(a - b)).map(([, frame]) => frame);
    }

    /** The frames that await an ack, oldest first. */
    waiting(): Buffer[] {
        return this.from(0n, 0xffff_ffff_ffff_ffffn);
    }
}

class System {
    private readonly deployer = loadDeployer(generateDeployer());
    readonly driver = createDriver(this.deployer);
    readonly nodes = new Map<string, Node>();
    messages = 0;
    fault: { readonly at: number; readonly lose: "message" | "reply" } | undefined;
    private readonly measurement = new Uint8Array(32).fill(0x11);

    async start(name: string): Promise<void> {
        await this.nodes.get(name)?.kit.stop();
        const kit = await KitProcess.start({
            deployment: this.deployer.deployment,
            instance: instanceId(this.deployer.deployment, name),
            deployerKey: publicKeyOf(this.deployer.secretKey),
            measurement: this.measurement,
            entropy: new Uint8Array(randomBytes(4096)),
        });
        this.nodes.set(name, new Node(kit));
    }

    async stop(): Promise<void> {
        for (const { kit } of this.nodes.values()) await kit.stop();
    }

    node(name: string): Node {
        const node = this.nodes.get(name);
        assert.ok(node);
        return node;
    }

    private end(name: string): End {
        const unreachable = (): AuthenticError => new AuthenticError("AE-AGENT-UNREACHABLE", "the agent does not answer", "start it");
        return {
            name, measurement: this.measurement, backend: "none", policyHash: new Uint8Array(32), appraise: async () => ({ assurance: "none" }),
            channel: {
                send: async (type, body) => {
                    const lost = this.fault?.at === this.messages++ ? this.fault.lose : undefined;
                    if (lost === "message") throw unreachable();
                    const reply = await this.node(name).kit.send(type, body);
                    if (lost === "reply") throw unreachable();
                    return reply;
                },
            },
        };
    }

    link(): Link {
        return {
            connection: CONNECTION, name: "events", kind: "event", delivery: "strict", suite: "chacha20-poly1305", window: 8,
            from: { end: this.end("sender"), endpoint: ENDPOINT.output }, to: { end: this.end("receiver"), endpoint: ENDPOINT.input },
        };
    }

    /** Has the sender emit events, which its host keeps. */
    async emit(count: number): Promise<void> {
        for (let i = 0; i < count; i++) await this.node("sender").kit.trigger(ENDPOINT.entry);
        await this.node("sender").settle();
    }

    /** Carries what waits to the receiver, and the acks back. */
    async carry(): Promise<void> {
        const [sender, receiver] = [this.node("sender"), this.node("receiver")];
        await sender.settle();
        await receiver.kit.events(...sender.waiting());
        await receiver.settle();
        await sender.kit.answers(...receiver.answers.splice(0));
        await sender.settle();
    }
}

interface Scenario {
    readonly name: string;
    readonly options?: ConnectOptions;
    readonly fresh?: true;
    readonly restart?: "sender" | "receiver";
    /** Counters that the receiver at the end must have processed. */
    readonly expected: readonly bigint[];
}

// Before the call two events are carried and two more wait; one more follows it.
const SCENARIOS: readonly Scenario[] = [
    { name: "the first keying", fresh: true, expected: [1n] },
    { name: "a rotation that drains", options: { rotate: "drain" }, expected: [1n, 2n, 3n, 4n, 5n] },
    { name: "a rotation for compromise", options: { rotate: "compromise" }, expected: [1n, 2n, 3n, 4n, 5n] },
    { name: "a restart of the receiver", restart: "receiver", expected: [3n, 4n, 5n] },
    { name: "a restart of the sender", restart: "sender", expected: [1n, 2n, 3n] },
];

async function arranged({ fresh, restart }: Scenario): Promise<System> {
    const system = new System();
    await system.start("sender");
    await system.start("receiver");
    if (fresh !== true) {
        await system.driver.connect(system.link());
        await system.emit(2);
        await system.carry();
        await system.emit(2);
    }
    if (restart !== undefined) await system.start(restart);
    system.messages = 0;
    return system;
}

/** Counters of a report are the highest of a batch, so what lies between two reports was processed as well. */
const reached = (node: Node, first: bigint): bigint[] => {
    const last = node.processed.at(-1) ?? 0n;
    return Array.from({ length: Number(last - first + 1n) }, (_, i) => first + BigInt(i));
};

describe("the driver with kits", function () {
    this.timeout(0);

    for (const scenario of SCENARIOS) {
        it(`completes ${scenario.name}, interrupted at any message on either way`, async () => {
            const whole = await arranged(scenario);
            await whole.driver.connect(whole.link(), scenario.options);
            const count = whole.messages;
            await whole.stop();
            assert.ok(count >= 6);
            for (const lose of ["message", "reply"] as const) {
                for (let at = 0; at < count; at++) {
                    const system = await arranged(scenario);
                    try {
                        system.fault = { at, lose };
                        await assert.rejects(system.driver.connect(system.link(), scenario.options), /AE-AGENT-UNREACHABLE/);
                        system.fault = undefined;
                        await system.carry();
                        await system.driver.connect(system.link(), scenario.options);
                        await system.emit(1);
                        await system.carry();
                        await system.carry();
                        assert.deepEqual(reached(system.node("receiver"), scenario.expected[0] ?? 1n), scenario.expected, `${lose} ${at} lost`);
                        assert.equal(system.node("sender").kept.size, 0, `${lose} ${at} lost: not everything was acknowledged`);
                        assert.equal((await system.driver.connect(system.link())).outcome, "unchanged");
                    } finally {
                        await system.stop();
                    }
                }
            }
        });
    }

    it("waits with a second rotation until the host has given back the frames of the first", async () => {
        const system = await arranged(SCENARIOS[1] ?? assert.fail());
        try {
            await system.driver.connect(system.link(), { rotate: "drain" });
            const rotated = system.driver.connect(system.link(), { rotate: "drain" });
            // Until here nobody has done what the first rotation asked for: the sender is busy.
            const before = system.messages;
            while (system.messages < before + 10) await new Promise((resolve) => setTimeout(resolve, 10));
            assert.ok(system.node("sender").kit.records.some(({ kind }) => kind === OUT.reseal));
            await system.node("sender").settle();
            assert.equal((await rotated).epoch, "3");
            await system.emit(1);
            await system.carry();
            assert.deepEqual(reached(system.node("receiver"), 1n), [1n, 2n, 3n, 4n, 5n]);
            assert.equal(system.node("sender").kept.size, 0);
        } finally {
            await system.stop();
        }
    });

    it("closes a connection at both ends", async () => {
        const system = await arranged(SCENARIOS[1] ?? assert.fail());
        try {
            const { from, to } = system.link();
            const closed = { outcome: "confirmed" };
            assert.deepEqual(await system.driver.disconnect(CONNECTION, from.end, to.end), { from: closed, to: closed });
            assert.deepEqual((await system.driver.attest(from.end)).status.connections, []);
        } finally {
            await system.stop();
        }
    });
});

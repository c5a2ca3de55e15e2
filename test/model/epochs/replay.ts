// Does to two real kits and the real driver what a trace does to the model, and compares what can be seen after each step.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../../../provider/errors";
import { hex } from "../../../provider/protocol/bytes";
import { decodeFrameBody } from "../../../provider/protocol/frame";
import { PURPOSE, encodeM1 } from "../../../provider/protocol/m1";
import { instanceId } from "../../../provider/protocol/names";
import { publicKeyOf } from "../../../provider/protocol/signature";
import { FLAG, type ConnectionStatus } from "../../../provider/protocol/status";
import { generateDeployer, loadDeployer } from "../../../provider/session/deployer";
import { createDriver } from "../../../provider/session/driver";
import type { Deployer, End as SessionEnd, MessageType, Reply } from "../../../provider/session/session";
import type { Program } from "../../kit/compile";
import { KitProcess, OUT, logs, refusals } from "../../kit/kit-process";
import { Violation, type Taken } from "../explorer";
import { eventReceive, type Connection } from "./connection";
import { LINK } from "./deployer";
import { stepsOf, type Act, type EpochStep, type Faults } from "./steps";
import { SIDES, canonical, initialWorld, type Budget, type Side, type World } from "./world";

const ENDPOINT = { from: 2, to: 1, emit: 3 } as const;
const NAME: Readonly<Record<Side, string>> = { from: "sender", to: "receiver" };

/** A state as it is reached, with keys and epochs as they were drawn: `canonical` would number them anew. */
export interface Raw {
    readonly step: EpochStep;
    readonly before: World;
    readonly after: World;
}

const text = (world: World): string => {
    const copy = structuredClone(world);
    canonical(copy);
    return JSON.stringify(copy);
};

/** Takes one step, without the canonical form. */
export function take(world: World, step: EpochStep): Raw {
    const after = structuredClone(world);
    try {
        step.run(after);
    } catch (error) {
        if (!(error instanceof Violation)) throw error; // what it did is compared all the same
    }
    return { step, before: world, after };
}

/** The steps of an explored trace, which has canonical states, with the keys and epochs of one run. */
export function rawTrace(trace: readonly Taken<World>[], budget: Budget, faults: Faults): Raw[] {
    let world = initialWorld(budget);
    return trace.map(({ name, state }) => {
        const wanted = JSON.stringify(state);
        const next = stepsOf(world, budget, faults).map((step) => take(world, step)).find(({ after }) => text(after) === wanted);
        if (next === undefined) throw new Error(`no step leads where \`${name}\` leads`);
        world = next.after;
        return next;
    });
}

interface Posted {
    readonly side: Side;
    readonly type: MessageType;
    readonly body: Uint8Array;
    readonly resolve: (reply: Reply) => void;
    readonly reject: (error: Error) => void;
}

/** A frame of the sender, as its host keeps it. */
interface Kept {
    readonly body: Buffer;
    readonly counter: number;
}

/** Two kits, their hosts and one deployer, all in the hands of a trace. */
export class Replay {
    private readonly deployer = senderFirst();
    private readonly driver = createDriver(this.deployer);
    private readonly measurement = new Uint8Array(32).fill(0x11);
    private kits!: Record<Side, KitProcess>;
    private running: { posted?: Posted | undefined; ended: boolean } | undefined;
    /** Messages of a deployer that is gone, which still can arrive in their session. */
    private readonly late: Partial<Record<Side, Pick<Posted, "type" | "body">>> = {};
    private kept: Kept[] = [];
    private giving: { to: number; frames: Buffer[]; after: Kept[] } | undefined;
    private readonly wire: Buffer[] = [];
    private readonly acks: Buffer[] = [];
    /** Real key ids by the numbers of the model's keys. */
    private readonly keyIds = new Map<number, string>();
    private received: string[] = [];

    private constructor(private readonly patches: Program["patches"]) {}

    static async start(patches?: Program["patches"]): Promise<Replay> {
        const replay = new Replay(patches);
        replay.kits = { from: await replay.kit("from", 0), to: await replay.kit("to", 0) };
        return replay;
    }

    async stop(): Promise<void> {
        this.running?.posted?.reject(gone());
        for (const side of SIDES) await this.kits[side].stop();
    }

    private kit(side: Side, emitted: number): Promise<KitProcess> {
        return KitProcess.start({
            deployment: this.deployer.deployment, instance: instanceId(this.deployer.deployment, NAME[side]), deployerKey: publicKeyOf(this.deployer.secretKey),
            measurement: this.measurement, entropy: new Uint8Array(randomBytes(4096)), module: "../model/events.c", values: new Map([["emitted", BigInt(emitted)]]),
            ...(this.patches === undefined ? {} : { patches: this.patches }),
        });
    }

    private end(side: Side): SessionEnd {
        return {
            name: NAME[side], measurement: this.measurement, backend: "none", policyHash: new Uint8Array(32), appraise: async () => ({ assurance: "none" }),
            channel: {
                send: (type, body) => new Promise((resolve, reject) => {
                    if (this.running !== undefined) this.running.posted = { side, type, body, resolve, reject };
                }),
            },
        };
    }

    /** Waits until the driver has sent its next message, or has ended. */
    private async posted(): Promise<void> {
        const { running } = this;
        const deadline = Date.now() + 20_000;
        while (running !== undefined && !running.ended && running.posted === undefined) {
            assert.ok(Date.now() < deadline, "the driver neither sends nor ends");
            await new Promise((resolve) => setImmediate(resolve));
        }
        if (running?.ended === true) this.running = undefined;
    }

    /** Carries the driver's message to its kit and the reply back. */
    private async carry(expected: Side, types: readonly MessageType[]): Promise<void> {
        const posted = this.running?.posted;
        assert.ok(this.running !== undefined && posted !== undefined, "the driver waits for nothing");
        assert.deepEqual([posted.side, types.includes(posted.type)], [expected, true], `the driver sends ${posted.type} to ${posted.side}`);
        const reply = await this.send(posted);
        this.running.posted = undefined;
        posted.resolve(reply);
        await this.posted();
    }

    private async send({ side, type, body }: Pick<Posted, "side" | "type" | "body">): Promise<Reply> {
        const reply = await this.kits[side].send(type, body);
        this.settle(side);
        return reply;
    }

    /** Does what a host does with the records of its kit. */
    private settle(side: Side): void {
        for (const { kind, argument, body } of this.kits[side].records.splice(0)) {
            if (side === "to") {
                if (kind === OUT.frame) this.acks.push(body);
                if (kind === OUT.log) this.received.push(body.toString());
                continue;
            }
            if (kind === OUT.frame && argument === 1) this.keep(body);
            if (kind === OUT.acknowledged) this.kept = this.kept.filter(({ counter }) => counter > Number(body.readBigUInt64LE(4)));
            if (kind === OUT.reseal) this.beginReseal(Number(body.readBigUInt64LE(4)), Number(body.readBigUInt64LE(12)));
        }
    }

    private keep(body: Buffer): void {
        const frame = { body, counter: Number(decodeFrameBody(body).counter) };
        this.wire.push(body);
        if (this.giving !== undefined && frame.counter > this.giving.to) this.giving.after.push(frame);
        else this.kept.push(frame);
    }

    private beginReseal(from: number, to: number): void {
        const giving = this.giving ?? { to, frames: [], after: [] };
        giving.to = to;
        for (const frame of this.kept.splice(0)) {
            if (frame.counter > to) giving.after.push(frame);
            else if (frame.counter >= from) giving.frames.push(frame.body);
        }
        this.giving = giving;
    }

    private async deliver(frame: Buffer | undefined, before: World, index: number | undefined, faults: Faults): Promise<void> {
        assert.ok(frame !== undefined, "there is no such frame");
        const modelled = index === undefined ? before.kept[0] : before.wire[index];
        const entry = await this.kits.to.events(frame);
        const { refused } = eventReceive(structuredClone(before.to.connection), modelled ?? assert.fail(), faults);
        assert.deepEqual(refusals(entry), refused === undefined ? [] : [refused], "the receiver refuses as the model does");
        assert.equal(logs(entry).length <= 1, true);
        this.settle("to");
    }

    private async answer(ack: Buffer | undefined): Promise<void> {
        assert.ok(ack !== undefined, "there is no such ack");
        await this.kits.from.answers(ack);
        this.settle("from");
    }

    private async give(frame: Buffer | undefined): Promise<void> {
        if (frame !== undefined) await this.kits.from.reseal(frame);
        this.settle("from");
    }

    private async act(act: Act, before: World, faults: Faults): Promise<void> {
        switch (act.do) {
            case "start": {
                const running: NonNullable<typeof this.running> = { ended: false };
                this.running = running;
                const link = { ...LINK, from: { end: this.end("from"), endpoint: ENDPOINT.from }, to: { end: this.end("to"), endpoint: ENDPOINT.to } };
                void this.driver.connect(link, { previouslyKeyed: before.keyedBefore, ...(act.rotate === null ? {} : { rotate: act.rotate }) })
                    .catch((error: unknown) => assert.ok(error instanceof AuthenticError && error.code === "AE-AGENT-UNREACHABLE", String(error)))
                    .finally(() => (running.ended = true));
                return this.posted();
            }
            case "open":
                this.late[act.side] = undefined;
                return this.carry(act.side, ["m1"]);
            case "restart": return this.carry(this.running?.posted?.side ?? "to", ["m3", "activate"]);
            case "kill": {
                const posted = this.running?.posted;
                if (posted !== undefined && posted.type !== "m1") this.late[posted.side] = posted;
                posted?.reject(gone());
                const { running } = this;
                while (running?.ended === false) await new Promise((resolve) => setImmediate(resolve));
                this.running = undefined;
                return;
            }
            case "take": {
                const late = this.late[act.side];
                if (late === undefined) return this.carry(act.side, [act.message.type === "activate" ? "activate" : "m3"]);
                this.late[act.side] = undefined;
                await this.send({ side: act.side, ...late });
                return;
            }
            case "other": {
                this.late[act.side] = undefined;
                const { deployment, secretKey } = this.deployer;
                const m1 = encodeM1({ purpose: PURPOSE.attest, deployment, instance: instanceId(deployment, NAME[act.side]), nonceD: new Uint8Array(randomBytes(32)), policyHash: new Uint8Array(32) }, secretKey);
                await this.send({ side: act.side, type: "m1", body: m1 });
                return;
            }
            case "crash":
                this.late[act.side] = undefined;
                await this.kits[act.side].stop();
                if (act.side === "from") [this.kept, this.giving] = [[], undefined];
                this.kits[act.side] = await this.kit(act.side, before.oracle.emitted);
                return;
            case "emit":
                await this.kits.from.trigger(ENDPOINT.emit);
                this.settle("from");
                return;
            case "carry": {
                const known = this.acks.length;
                await this.deliver(this.kept[0]?.body, before, undefined, faults);
                if (this.acks.length > known) await this.answer(this.acks.at(-1));
                return;
            }
            case "give": {
                const { giving } = this;
                await this.give(giving?.frames.shift());
                if (giving === undefined || giving.frames.length > 0) return;
                this.giving = undefined;
                this.kept.push(...giving.after);
                return;
            }
            case "give any": return this.give(this.wire[act.index]);
            case "deliver": return this.deliver(this.wire[act.index], before, act.index, faults);
            case "answer": return this.answer(this.acks[act.index]);
            case "forge":
            case "forge ack": throw new Error("the replay has no keys to forge with");
        }
    }

    /** Does one step, and compares what can be seen with the model after it. */
    async step({ step: { act }, before, after }: Raw, faults: Faults): Promise<void> {
        this.received = [];
        await this.act(act, before, faults);
        for (const side of SIDES) this.compare(side, (await this.kits[side].status()).connections[0], after[side].connection);
        assert.equal(this.running !== undefined, after.ups[0] !== null, "the driver runs as long as in the model");
        assert.deepEqual(this.wire.map(shape), after.wire.map(({ epoch, counter }) => [epoch, counter]), "frames");
        assert.deepEqual(this.acks.map(shape), after.acks.map(({ epoch, counter }) => [epoch, counter]), "acks");
        assert.deepEqual(this.kept.map(({ counter }) => counter), after.kept.map(({ counter }) => counter), "what the host keeps");
        const processed = after.oracle.last !== before.oracle.last && after.oracle.last !== 0 ? [`received${before.to.connection?.reset === true || (before.to.connection?.pendingReset === true && after.to.connection?.pending === null) ? "!" : " "}${after.oracle.last}`] : [];
        assert.deepEqual(this.received, processed, "what the module received");
    }

    private compare(side: Side, real: ConnectionStatus | undefined, modelled: Connection | null): void {
        assert.equal(real !== undefined, modelled !== null, `whether the ${side} end has a record`);
        if (real === undefined || modelled === null) return;
        const flags = (modelled.active ? FLAG.active : 0) | (modelled.pending === null ? 0 : FLAG.pending) | (modelled.retired ? FLAG.retired : 0) | (modelled.reset ? FLAG.reset : 0);
        assert.deepEqual(
            [real.flags, Number(real.epoch), Number(real.pendingEpoch), Number(real.next), Number(real.acknowledged)],
            [flags, modelled.current?.epoch ?? 0, modelled.pending?.epoch ?? 0, modelled.next, modelled.acknowledged],
            `flags, epochs and counters of the ${side} end`,
        );
        for (const [key, id] of [[modelled.current?.id, real.keyId], [modelled.pending?.id, real.pendingKeyId]] as const) {
            if (key === undefined) continue;
            const known = this.keyIds.get(key);
            if (known === undefined) this.keyIds.set(key, hex(id));
            else assert.equal(hex(id), known, `the key of the ${side} end`);
        }
    }
}

/** A deployment in which the driver asks the sender first, as the model does: it goes by the instance ids. */
function senderFirst(): Deployer {
    for (;;) {
        const deployer = loadDeployer(generateDeployer());
        const [from, to] = SIDES.map((side) => hex(instanceId(deployer.deployment, NAME[side])));
        if ((from ?? "").localeCompare(to ?? "") < 0) return deployer;
    }
}

const shape = (body: Buffer): [number, number] => {
    const { epoch, counter } = decodeFrameBody(body);
    return [Number(epoch), Number(counter)];
};

const gone = (): AuthenticError => new AuthenticError("AE-AGENT-UNREACHABLE", "the agent does not answer", "start it");

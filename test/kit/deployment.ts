// The deployer and the other ends of a kit's connections: what a test needs to key a kit and to speak to it.
import { randomBytes } from "node:crypto";
import { activated, configurationTranscript, encodeActivate } from "../../provider/protocol/activate";
import { concat } from "../../provider/protocol/bytes";
import { type Operation, type Result, encodeCommand, openResult, resultKey, sealCommand } from "../../provider/protocol/command";
import { type Frame, decodeFrameBody, openFrame, sealFrame } from "../../provider/protocol/frame";
import { type ConnectionKey, KIND, type Kind, keyId } from "../../provider/protocol/keys";
import { PURPOSE, type Purpose, encodeM1 } from "../../provider/protocol/m1";
import { decodeM2Core, sessionHash } from "../../provider/protocol/m2";
import { confirmation, sealM3 } from "../../provider/protocol/m3";
import { instanceId } from "../../provider/protocol/names";
import { type SetRecord, type TableRecord, encodeUpdate } from "../../provider/protocol/records";
import { publicKeyOf } from "../../provider/protocol/signature";
import { type CipherSuite, type ConnectionStatus, DELIVERY, DIRECTION, type DirectionNumber, SUITE, type Status, decodeStatus } from "../../provider/protocol/status";
import { KitProcess, type KitOptions } from "./kit-process";

/** Endpoints of module.c. */
export const ENDPOINT = { input: 0, output: 1, device: 2, entry: 3, handler: 4, request: 5, burst: 6, large: 7, bulk: 8 } as const;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** An open session. */
export interface Session {
    readonly m1: Uint8Array;
    readonly m2Core: Uint8Array;
    readonly hash: Uint8Array;
    readonly pkE: Uint8Array;
    readonly nonceM: Uint8Array;
    readonly status: Status;
}

/** The other end of a connection under one epoch. */
export class Peer {
    constructor(readonly key: ConnectionKey, private readonly kind: "event" | "request" = "event") {}

    /** A frame to the kit, without its length prefix. */
    seal(counter: bigint | number, text: string | Uint8Array = "", kind: Kind = this.kind === "event" ? KIND.event : KIND.request): Uint8Array {
        return sealFrame(this.key, kind, BigInt(counter), Buffer.from(text as string)).subarray(4);
    }

    ack(counter: bigint | number): Uint8Array {
        return this.seal(counter, "", KIND.ack);
    }

    /** A handler's reply: status and data. */
    reply(counter: bigint | number, text: string, status = 0): Uint8Array {
        return this.seal(counter, Buffer.concat([Buffer.of(status), Buffer.from(text)]), KIND.reply);
    }

    /** Opens a frame of the kit; undefined where it is not authentic. */
    open(body: Uint8Array): { readonly frame: Frame; readonly text: string } | undefined {
        const frame = decodeFrameBody(body);
        const text = openFrame(this.key, frame);
        return text === undefined ? undefined : { frame, text: Buffer.from(text).toString("latin1") };
    }
}

/** A kit and its deployer. */
export class Rig {
    readonly measurement = new Uint8Array(32).fill(0x11);

    private constructor(readonly deployment: Uint8Array, readonly secretKey: Uint8Array, readonly instance: Uint8Array, readonly kit: KitProcess, readonly patches: NonNullable<KitOptions["patches"]>) {}

    static async start(options: Partial<KitOptions> = {}, owner?: Rig): Promise<Rig> {
        const deployment = owner?.deployment ?? new Uint8Array(randomBytes(16));
        const secretKey = owner?.secretKey ?? new Uint8Array(randomBytes(32));
        const instance = instanceId(deployment, "module");
        const entropy = new Uint8Array(randomBytes(4096));
        const kit = await KitProcess.start({ deployment, instance, deployerKey: publicKeyOf(secretKey), measurement: new Uint8Array(32).fill(0x11), entropy, ...options });
        return new Rig(deployment, secretKey, instance, kit, options.patches ?? []);
    }

    m1(purpose: Purpose): Uint8Array {
        return encodeM1({ purpose, deployment: this.deployment, instance: this.instance, nonceD: new Uint8Array(randomBytes(32)), policyHash: new Uint8Array(32) }, this.secretKey);
    }

    async challenge(purpose: Purpose): Promise<Session> {
        const m1 = this.m1(purpose);
        const reply = await this.kit.send("m1", m1);
        if (reply.type !== "m2") throw new Error(`M1 was refused: ${JSON.stringify(reply)}`);
        const { nonceM, pkE, status } = decodeM2Core(reply.body);
        return { m1, m2Core: reply.body, hash: sessionHash(m1, reply.body), pkE, nonceM, status: decodeStatus(status) };
    }

    async status(): Promise<Status> {
        return (await this.challenge(PURPOSE.attest)).status;
    }

    async connection(id: number): Promise<ConnectionStatus> {
        const found = (await this.status()).connections.find(({ connection }) => connection === id);
        if (found === undefined) throw new Error(`there is no connection ${id}`);
        return found;
    }

    /** A set record of a connection's first key. */
    set(connection: number, endpoint: number, direction: DirectionNumber, change: Partial<SetRecord> = {}): SetRecord {
        const deployer = direction === DIRECTION.deployer;
        return {
            type: "set", connection, endpoint, direction, delivery: DELIVERY.strict, suite: deployer ? SUITE.none : SUITE.chacha20Poly1305, reset: false, window: deployer ? 0 : 4,
            epoch: deployer ? 0n : 1n, key: deployer ? new Uint8Array(32) : new Uint8Array(randomBytes(32)), firstCounter: 1n, lastCounter: U64_MAX, ...change,
        };
    }

    /** The next key of a connection that exists. */
    async rotate(connection: number, change: Partial<SetRecord> = {}): Promise<SetRecord> {
        const { endpoint, direction, delivery, suite, window, epoch } = await this.connection(connection);
        return this.set(connection, endpoint, direction, { delivery, suite, window, epoch: epoch + 1n, firstCounter: 0n, ...change });
    }

    /** The other end of what a record keys. */
    peer(record: SetRecord): Peer {
        const { connection, epoch, suite, key: key32, direction } = record;
        return new Peer({ deployment: this.deployment, connection, epoch, suite: suite as CipherSuite, key32 }, direction === DIRECTION.client || direction === DIRECTION.handler ? "request" : "event");
    }

    /** Sends an M3; what it needs to be activated, or why it was refused. */
    async propose(records: readonly TableRecord[], change: { incarnation?: Uint8Array; generation?: bigint } = {}): Promise<{ readonly refused: number } | { readonly refused: undefined; readonly activate: Uint8Array; readonly expected: Uint8Array }> {
        const { m1, m2Core, hash, pkE, status } = await this.challenge(PURPOSE.configure);
        const update = encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records, ...change });
        const { message, context } = sealM3(hash, pkE, update, this.secretKey);
        const m4 = await this.kit.send("m3", message);
        if (m4.type === "refused") return { refused: m4.code };
        const expected = confirmation(context, m1, m2Core, message);
        if (m4.type !== "m4" || Buffer.compare(m4.body, expected) !== 0) throw new Error("M4 does not confirm M3");
        const keyed = records.filter((one): one is SetRecord => one.type === "set" && one.direction !== DIRECTION.deployer);
        const activations = keyed.map((record) => ({ connection: record.connection, keyId: keyId(record.suite as CipherSuite, record.key) }));
        const activate = encodeActivate(configurationTranscript(m1, m2Core, message, m4.body), activations, this.secretKey);
        return { refused: undefined, activate, expected: activated(context, activate) };
    }

    /** Changes the table and activates the change. */
    async configure(...records: readonly TableRecord[]): Promise<void> {
        const proposed = await this.propose(records);
        if (proposed.refused !== undefined) throw new Error(`M3 was refused with ${proposed.refused}`);
        if (!records.some((one) => one.type === "set" && one.direction !== DIRECTION.deployer)) return;
        const reply = await this.kit.send("activate", proposed.activate);
        if (reply.type !== "activated" || Buffer.compare(reply.body, proposed.expected) !== 0) throw new Error(`not activated: ${JSON.stringify(reply)}`);
    }

    /** A command; its result, or the code of its refusal. `undefined` counters are those of the status. */
    async command(operation: Operation, endpoint: number, connection: number, data: string, counter?: bigint): Promise<Result | number> {
        const { m1, m2Core, hash, pkE, status } = await this.challenge(PURPOSE.command);
        const next = counter ?? (connection === 0 ? status.commandNext : status.connections.find((one) => one.connection === connection)?.next ?? 1n);
        const { message, context } = sealCommand(hash, pkE, encodeCommand({ incarnation: status.incarnation, operation, endpoint, connection, counter: next, data: Buffer.from(data) }), this.secretKey);
        const reply = await this.kit.send("command", message);
        if (reply.type === "refused") return reply.code;
        return openResult(resultKey(context, m1, m2Core, message), reply.body);
    }

    grant(endpoint: number, incarnation: Uint8Array, measurement = this.measurement): TableRecord {
        return { type: "grant", endpoint, measurement, incarnation };
    }
}

/** Overwrites one byte. */
export const altered = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy[at < 0 ? copy.length + at : at]! ^= 1;
    return copy;
};

export { concat };

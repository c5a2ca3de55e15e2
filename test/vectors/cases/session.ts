// Vectors of whole sessions: M1, M2, report data, M3, M4, Activate, Command, Result (docs/protocol.md section 4).
import assert from "node:assert/strict";
import { sha256 } from "@noble/hashes/sha2";
import { activated, configurationTranscript, encodeActivate } from "../../../provider/protocol/activate";
import { concat, equalBytes } from "../../../provider/protocol/bytes";
import { encodeCommand, openResult, resultKey, sealCommand, type Command } from "../../../provider/protocol/command";
import { PURPOSE, encodeM1, type Purpose } from "../../../provider/protocol/m1";
import { decodeM2Core, encodeM2, reportData, sessionHash } from "../../../provider/protocol/m2";
import { confirmation, sealM3 } from "../../../provider/protocol/m3";
import { encodeUpdate, type SetRecord, type TableRecord } from "../../../provider/protocol/records";
import { keyId } from "../../../provider/protocol/keys";
import { decodeStatus } from "../../../provider/protocol/status";
import type { MessageType, Reply } from "../../../provider/session/session";
import { ReferenceModule, type Endpoint } from "../../protocol/reference-module/module";
import { deployerKey, deployerSecretKey, deployment, fixed, fixedPair, instance, measurement, policyHash } from "../fixed";

/** The interface of the module of the vectors. */
export const ENDPOINTS: readonly Endpoint[] = [
    { kind: "input", maximum: 64 },
    { kind: "output", maximum: 64 },
    { kind: "device" },
    { kind: "entry", maximum: 64, run: (data) => data.slice().reverse() },
    { kind: "handler", maximum: 64, run: (data) => (data.length === 0 ? undefined : data.slice().reverse()) },
    { kind: "request", maximum: 64 },
];

export const RECEIVER = 0x01020304;
export const SENDER = 0x05060708;
export const DEPLOYER = 0x090a0b0c;

/** A module whose random bytes are those of the session under way. */
export class VectorModule extends ReferenceModule {
    static readonly queue: Uint8Array[] = [];
    constructor() {
        VectorModule.queue.length = 0;
        VectorModule.queue.push(fixed("incarnation", 16));
        super({
            deployment,
            instance,
            deployerKey,
            measurement,
            endpoints: ENDPOINTS,
            random: (length) => {
                const next = VectorModule.queue.shift();
                assert.equal(next?.length, length, "the vectors draw another random value");
                return next;
            },
        });
    }
}

const bodyOf = (reply: Reply): Uint8Array => {
    if (reply.type === "refused") assert.fail(`refused with ${reply.code}`);
    return reply.body;
};

/** Opens a session named `name` with a module; every value of it is fixed. */
export function open(module: VectorModule, name: string, purpose: Purpose): { fields: Record<string, unknown>; m1: Uint8Array; m2Core: Uint8Array; session: Uint8Array; pkE: Uint8Array } {
    const nonceD = fixed(`${name}/nonceD`, 32);
    const m1 = encodeM1({ purpose, deployment, instance, nonceD, policyHash }, deployerSecretKey);
    const nonceM = fixed(`${name}/nonceM`, 32);
    const skE = fixed(`${name}/skE`, 32);
    VectorModule.queue.push(nonceM, skE.slice());
    const reply = module.handle("m1", m1);
    assert.equal(reply.type, "m2");
    const m2Core = bodyOf(reply);
    const core = decodeM2Core(m2Core);
    const evidence = reportData(m1, core);
    const session = sessionHash(m1, m2Core);
    return {
        m1,
        m2Core,
        session,
        pkE: core.pkE,
        fields: {
            purpose,
            nonceD,
            m1,
            nonceM,
            skE,
            pkE: core.pkE,
            status: core.status,
            statusDecoded: decodeStatus(core.status),
            m2Core,
            reportData: evidence,
            evidenceType: 0,
            m2: encodeM2({ core, evidenceType: 0, evidence }),
            sessionHash: session,
        },
    };
}

const set = (record: Partial<SetRecord> & Pick<SetRecord, "connection" | "endpoint" | "direction" | "epoch">, keyName: string): SetRecord => ({
    type: "set",
    delivery: 1,
    suite: 1,
    reset: false,
    window: 8,
    key: record.direction === 5 ? new Uint8Array(32) : fixed(keyName, 32),
    firstCounter: 1n,
    lastCounter: 0xffff_ffff_ffff_ffffn,
    ...record,
});

/** One configure session: keys, M3, M4, Activate and its reply. */
export function configure(module: VectorModule, name: string, notes: string, records: readonly TableRecord[]): { name: string; notes: string } & Record<string, unknown> {
    const { fields, m1, m2Core, session, pkE } = open(module, name, PURPOSE.configure);
    const plaintext = encodeUpdate({ incarnation: module.incarnation, generation: module.generation, records });
    const ephemeral = fixedPair(`${name}/ephemeral`);
    const ephemeralSecretKey = ephemeral.secretKey.slice();
    const { message: m3, context } = sealM3(session, pkE, plaintext, deployerSecretKey, ephemeral);
    const hpke = Object.fromEntries(Object.entries(context.intermediates).map(([k, v]) => [k, v.slice()]));
    const m4 = bodyOf(module.handle("m3", m3));
    assert.ok(equalBytes(m4, confirmation(context, m1, m2Core, m3)));
    const transcript = configurationTranscript(m1, m2Core, m3, m4);
    const activations = records.flatMap((r) => (r.type === "set" && r.suite !== 0 ? [{ connection: r.connection, keyId: keyId(r.suite, r.key) }] : []));
    const result = { name, notes, ...fields, records, plaintext, ephemeralSecretKey, hpke, m3, m4, statusAfterM3: module.status() };
    if (activations.length === 0) return result;
    const activate = encodeActivate(transcript, activations, deployerSecretKey);
    const reply = bodyOf(module.handle("activate", activate));
    assert.ok(equalBytes(reply, activated(context, activate)));
    return { ...result, transcript, activations, activate, activated: reply, statusAfterActivate: module.status() };
}

/** One command session. */
export function command(module: VectorModule, name: string, notes: string, content: Omit<Command, "incarnation">): { name: string; notes: string } & Record<string, unknown> {
    const { fields, m1, m2Core, session, pkE } = open(module, name, PURPOSE.command);
    const plaintext = encodeCommand({ ...content, incarnation: module.incarnation });
    const ephemeral = fixedPair(`${name}/ephemeral`);
    const ephemeralSecretKey = ephemeral.secretKey.slice();
    const { message, context } = sealCommand(session, pkE, plaintext, deployerSecretKey, ephemeral);
    const sealed = bodyOf(module.handle("command", message));
    const key = resultKey(context, m1, m2Core, message);
    return { name, notes, ...fields, operation: content, plaintext, ephemeralSecretKey, command: message, resultKey: key.slice(), result: sealed, resultDecoded: openResult(key, sealed) };
}

/** Keys of the records of the first session, by connection. */
export const firstKeys = { [RECEIVER]: "first keying/receiver", [SENDER]: "first keying/sender" } as const;

/** A module after the session `first keying`. */
export function keyedModule(): { module: VectorModule; vector: ReturnType<typeof configure> } {
    const module = new VectorModule();
    const vector = configure(module, "first keying", "a new module gets a receiver, a sender, a deployer connection and a device", [
        set({ connection: RECEIVER, endpoint: 0, direction: 2, epoch: 1n }, firstKeys[RECEIVER]),
        set({ connection: SENDER, endpoint: 1, direction: 1, epoch: 1n }, firstKeys[SENDER]),
        set({ connection: DEPLOYER, endpoint: 0, direction: 5, epoch: 0n, suite: 0, window: 0 }, ""),
        { type: "grant", endpoint: 2, measurement, incarnation: module.incarnation },
    ]);
    return { module, vector };
}

/** The sessions of the file, in order, with one module. */
export function sessions(): ReturnType<typeof configure>[] {
    const { module, vector } = keyedModule();
    return [
        vector,
        command(module, "send", "an event of the deployer to input 0", { operation: 1, endpoint: 0, connection: DEPLOYER, counter: 1n, data: fixed("send/data", 9) }),
        command(module, "call", "a call of entry 3, which answers with its argument reversed", { operation: 3, endpoint: 3, connection: 0, counter: 1n, data: fixed("call/data", 12) }),
        configure(module, "handler", "a deployer connection to handler 4", [set({ connection: 0x0d0e0f10, endpoint: 4, direction: 5, epoch: 0n, suite: 0, window: 0 }, "")]),
        command(module, "request", "a request to handler 4, which answers with its argument reversed", { operation: 2, endpoint: 4, connection: 0x0d0e0f10, counter: 1n, data: fixed("request/data", 7) }),
        command(module, "refused request", "handler 4 refuses an empty request: result status 2, and the counter is used up", { operation: 2, endpoint: 4, connection: 0x0d0e0f10, counter: 2n, data: new Uint8Array(0) }),
        configure(module, "rotation", "new keys for both connections; the old epochs may drain; the device is revoked", [
            set({ connection: RECEIVER, endpoint: 0, direction: 2, epoch: 2n, firstCounter: 0n }, "rotation/receiver"),
            set({ connection: SENDER, endpoint: 1, direction: 1, epoch: 2n, firstCounter: 0n, suite: 2, window: 4 }, "rotation/sender"),
            { type: "revoke", endpoint: 2 },
        ]),
        configure(module, "retire", "the receiver's peer is gone: it is retired before its counters are read", [{ type: "close", connection: RECEIVER, retire: true }]),
        configure(module, "restart", "the receiver gets a key with a peer that has lost its state (reset flag), at an epoch far ahead", [
            set({ connection: RECEIVER, endpoint: 0, direction: 2, epoch: 2n + (1n << 32n), firstCounter: 0n, reset: true }, "restart/receiver"),
        ]),
        configure(module, "close", "both connections are removed", [
            { type: "close", connection: RECEIVER, retire: false },
            { type: "close", connection: SENDER, retire: false },
        ]),
    ];
}

export { set, bodyOf };

/** A copy with one byte changed. */
export const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at < 0 ? bytes.length + at : at]! ^= 1;
    return copy;
};

/** Sends a message that must be refused to a module; returns the code. */
export function refusalOf(module: ReferenceModule, type: MessageType, message: Uint8Array): number {
    const reply = module.handle(type, message);
    assert.equal(reply.type, "refused", `a ${type} that must be refused was accepted`);
    return (reply as { code: number }).code;
}

export const transcriptOf = (...messages: readonly Uint8Array[]): Uint8Array => sha256(concat(...messages));

// Session messages that a module must refuse, each in a stated situation (docs/protocol.md section 4).
import assert from "node:assert/strict";
import { configurationTranscript, encodeActivate } from "../../../provider/protocol/activate";
import { Writer, concat } from "../../../provider/protocol/bytes";
import { encodeCommand, sealCommand, type Command } from "../../../provider/protocol/command";
import { setupSender } from "../../../provider/protocol/hpke";
import { keyId } from "../../../provider/protocol/keys";
import { PURPOSE, encodeM1 } from "../../../provider/protocol/m1";
import { sealM3 } from "../../../provider/protocol/m3";
import { encodeUpdate, type TableRecord } from "../../../provider/protocol/records";
import { REFUSAL, type RefusalCode } from "../../../provider/protocol/refusal";
import { sign, type SignatureType } from "../../../provider/protocol/signature";
import type { MessageType } from "../../../provider/session/session";
import { deployerSecretKey, deployment, fixed, fixedPair, instance, measurement, policyHash } from "../fixed";
import { DEPLOYER, RECEIVER, SENDER, VectorModule, bodyOf, flip, keyedModule, open, refusalOf, set } from "./session";

type Refused = { name: string; notes: string; expect: "refused" } & Record<string, unknown>;

/** The order of the Ed25519 group, little-endian arithmetic on the S half of a signature. */
const GROUP_ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;

/** The same signature with S + L: valid by the equation, refused by RFC 8032. */
export function addGroupOrder(message: Uint8Array): Uint8Array {
    const copy = message.slice();
    const s = copy.subarray(copy.length - 32);
    const value = s.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + GROUP_ORDER;
    for (let i = 0; i < 32; i++) s[i] = Number((value >> BigInt(8 * i)) & 0xffn);
    return copy;
}

/** The X25519 public key 0, whose every shared secret is zero. */
export const LOW_ORDER_X25519 = new Uint8Array(32);

const resign = (message: Uint8Array, type: SignatureType, prefix: Uint8Array = new Uint8Array(0), key = deployerSecretKey): Uint8Array => {
    const body = message.subarray(0, message.length - 64);
    return concat(body, sign(type, concat(prefix, body), key));
};

const m1Content = { purpose: PURPOSE.configure, deployment, instance, nonceD: fixed("refused/nonceD", 32), policyHash };

const patch = (message: Uint8Array, at: number, ...bytes: number[]): Uint8Array => {
    const copy = message.slice();
    copy.set(bytes, at);
    return copy;
};

function refusedM1(): Refused[] {
    const good = encodeM1(m1Content, deployerSecretKey);
    const cases: [string, Uint8Array, RefusalCode][] = [
        ["M1 cut by one byte", good.subarray(0, 167), REFUSAL.malformed],
        ["M1 with one more byte", concat(good, Uint8Array.of(0)), REFUSAL.malformed],
        ["M1 that is empty", new Uint8Array(0), REFUSAL.malformed],
        ["M1 with another magic", resign(patch(good, 3, 0x32), "m1"), REFUSAL.malformed],
        ["M1 of version 2", resign(patch(good, 4, 2), "m1"), REFUSAL.malformed],
        ["M1 of purpose 0", resign(patch(good, 5, 0), "m1"), REFUSAL.malformed],
        ["M1 of purpose 5", resign(patch(good, 5, 5), "m1"), REFUSAL.malformed],
        ["M1 of suite 2", resign(patch(good, 7, 2), "m1"), REFUSAL.malformed],
        ["M1 with an altered nonce", flip(good, 50), REFUSAL.signature],
        ["M1 with an altered signature", flip(good, -40), REFUSAL.signature],
        ["M1 signed as m3", resign(good, "m3"), REFUSAL.signature],
        ["M1 signed by another deployer", resign(good, "m1", undefined, fixed("another deployer", 32)), REFUSAL.signature],
        ["M1 whose S is not below the group order", addGroupOrder(good), REFUSAL.signature],
        ["M1 of another deployment", encodeM1({ ...m1Content, deployment: fixed("another deployment", 16) }, deployerSecretKey), REFUSAL.wrongInstance],
        ["M1 to another instance", encodeM1({ ...m1Content, instance: fixed("another instance", 16) }, deployerSecretKey), REFUSAL.wrongInstance],
    ];
    return cases.map(([name, message, code]) => {
        assert.equal(refusalOf(new VectorModule(), "m1", message), code, name);
        return { name, notes: "a new module", expect: "refused", type: "m1", message, code };
    });
}

/** A new module after the M1 of the session `first keying`, and what its M3 is made from. */
const opened = (): { module: VectorModule; session: Uint8Array; pkE: Uint8Array } => {
    const module = new VectorModule();
    return { module, ...open(module, "first keying", PURPOSE.configure) };
};

const sealed = (records: readonly TableRecord[], change: { incarnation?: Uint8Array; generation?: bigint; plaintext?: (good: Uint8Array) => Uint8Array } = {}): Uint8Array => {
    const { module, session, pkE } = opened();
    const plaintext = encodeUpdate({ incarnation: change.incarnation ?? module.incarnation, generation: change.generation ?? 0n, records });
    return sealM3(session, pkE, change.plaintext?.(plaintext) ?? plaintext, deployerSecretKey, fixedPair("refused M3/ephemeral")).message;
};

function refusedM3(): Refused[] {
    const receiver = set({ connection: RECEIVER, endpoint: 0, direction: 2, epoch: 1n }, "refused M3/key");
    const good = sealed([receiver]);
    const { session, pkE } = opened();
    const { context } = setupSender(pkE, session, fixedPair("refused M3/low order"));
    const ciphertext = context.seal(new Uint8Array(26));
    const lowOrder = new Writer().bytes(LOW_ORDER_X25519).u16(ciphertext.length).bytes(ciphertext).zeros(64).finish();
    const FLAGS = 26 + 3 + 9;
    const cases: [string, Uint8Array, RefusalCode][] = [
        ["M3 cut by one byte", good.subarray(0, good.length - 1), REFUSAL.malformed],
        ["M3 with one more byte", concat(good, Uint8Array.of(0)), REFUSAL.malformed],
        ["M3 shorter than its fixed fields", good.subarray(0, 33), REFUSAL.malformed],
        ["M3 whose length exceeds it", resign(patch(good, 32, 0xff, 0xff), "m3", session), REFUSAL.malformed],
        ["M3 with an altered ciphertext", flip(good, 40), REFUSAL.signature],
        ["M3 signed as command", resign(good, "command", session), REFUSAL.signature],
        ["M3 signed without the session", resign(good, "m3"), REFUSAL.signature],
        ["M3 signed by another deployer", resign(good, "m3", session, fixed("another deployer", 32)), REFUSAL.signature],
        ["M3 whose S is not below the group order", addGroupOrder(good), REFUSAL.signature],
        ["M3 with an altered ciphertext, signed again", resign(flip(good, 40), "m3", session), REFUSAL.decryption],
        ["M3 whose enc has a small order", resign(lowOrder, "m3", session), REFUSAL.decryption],
        ["update of another incarnation", sealed([receiver], { incarnation: fixed("another incarnation", 16) }), REFUSAL.changed],
        ["update of another generation", sealed([receiver], { generation: 1n }), REFUSAL.changed],
        ["update with one more byte", sealed([receiver], { plaintext: (p) => concat(p, Uint8Array.of(0)) }), REFUSAL.malformed],
        ["update cut by one byte", sealed([receiver], { plaintext: (p) => p.slice(0, -1) }), REFUSAL.malformed],
        ["update that counts more records than it has", sealed([receiver], { plaintext: (p) => patch(p, 24, 0xff, 0xff) }), REFUSAL.malformed],
        ["update that counts fewer records than it has", sealed([receiver], { plaintext: (p) => patch(p, 25, 0) }), REFUSAL.malformed],
        ["record of type 9", sealed([receiver], { plaintext: (p) => patch(p, 26, 9) }), REFUSAL.malformed],
        ["set with a reserved flag", sealed([receiver], { plaintext: (p) => patch(p, FLAGS, 2) }), REFUSAL.malformed],
        ["set of connection 0", sealed([receiver], { plaintext: (p) => patch(p, 29, 0, 0, 0, 0) }), REFUSAL.malformed],
        ["set with direction 6", sealed([receiver], { plaintext: (p) => patch(p, 35, 6) }), REFUSAL.malformed],
        ["set with suite 0 and a key", sealed([receiver], { plaintext: (p) => patch(p, 37, 0) }), REFUSAL.malformed],
        ["set with window 0", sealed([receiver], { plaintext: (p) => patch(p, FLAGS + 1, 0, 0) }), REFUSAL.malformed],
        ["close with mode 2", sealed([{ type: "close", connection: RECEIVER, retire: true }], { plaintext: (p) => patch(p, p.length - 1, 2) }), REFUSAL.malformed],
        ["two records of one connection", sealed([receiver, { ...receiver, epoch: 2n }]), REFUSAL.malformed],
        ["set of a new record at counter 0", sealed([{ ...receiver, firstCounter: 0n }]), REFUSAL.badRecord],
        ["set at epoch 0", sealed([{ ...receiver, epoch: 0n }]), REFUSAL.badRecord],
        ["set more than 2^32 epochs ahead", sealed([{ ...receiver, epoch: (1n << 32n) + 1n }]), REFUSAL.badRecord],
        ["set of an endpoint that does not exist", sealed([{ ...receiver, endpoint: 6 }]), REFUSAL.badRecord],
        ["set of a receiver at an output", sealed([{ ...receiver, endpoint: 1 }]), REFUSAL.badRecord],
        ["set of a handler that is not strict", sealed([{ ...receiver, endpoint: 4, direction: 4, delivery: 2 }]), REFUSAL.badRecord],
        ["close of an unknown connection", sealed([{ type: "close", connection: RECEIVER, retire: false }]), REFUSAL.badRecord],
        ["a good record before a bad one", sealed([receiver, { type: "close", connection: SENDER, retire: false }]), REFUSAL.badRecord],
        ["grant of an input", sealed([{ type: "grant", endpoint: 0, measurement, incarnation: fixed("incarnation", 16) }]), REFUSAL.badRecord],
        ["grant of another measurement", sealed([{ type: "grant", endpoint: 2, measurement: fixed("another measurement", 32), incarnation: fixed("incarnation", 16) }]), REFUSAL.badRecord],
        ["grant of another incarnation", sealed([{ type: "grant", endpoint: 2, measurement, incarnation: fixed("another incarnation", 16) }]), REFUSAL.badRecord],
    ];
    const refused: Refused[] = cases.map(([name, message, code]) => {
        const { module } = opened();
        const before = module.status();
        assert.equal(refusalOf(module, "m3", message), code, name);
        assert.deepEqual(module.status(), before, `${name}: the table has changed`);
        return { name, notes: "after the M1 of `first keying`; the table does not change", expect: "refused", type: "m3", message, code };
    });
    assert.equal(refusalOf(new VectorModule(), "m3", good), REFUSAL.noSession);
    refused.push({ name: "M3 without a session", notes: "a new module", expect: "refused", type: "m3", message: good, code: REFUSAL.noSession });
    return refused;
}

function refusedActivate(): Refused[] {
    const { vector } = keyedModule();
    const { m1, m2Core, m3, m4 } = vector as unknown as Record<"m1" | "m2Core" | "m3" | "m4", Uint8Array>;
    const transcript = configurationTranscript(m1, m2Core, m3, m4);
    const pair = (vector.activations as { connection: number; keyId: Uint8Array }[]).map((a) => ({ ...a }));
    const good = encodeActivate(transcript, pair, deployerSecretKey);
    const other = { connection: RECEIVER, keyId: keyId(1, fixed("another key", 32)) };
    const cases: [string, Uint8Array, RefusalCode][] = [
        ["Activate cut by one byte", good.subarray(0, good.length - 1), REFUSAL.malformed],
        ["Activate with one more byte", concat(good, Uint8Array.of(0)), REFUSAL.malformed],
        ["Activate that counts more than it names", resign(patch(good, 37, 0xff, 0xff), "activate"), REFUSAL.malformed],
        ["Activate with an altered key id", flip(good, 45), REFUSAL.signature],
        ["Activate signed as m1", resign(good, "m1"), REFUSAL.signature],
        ["Activate whose S is not below the group order", addGroupOrder(good), REFUSAL.signature],
        ["Activate of another transcript", encodeActivate(fixed("another transcript", 32), pair, deployerSecretKey), REFUSAL.noSession],
        ["Activate with another key id", encodeActivate(transcript, [other, pair[1]!], deployerSecretKey), REFUSAL.keyIds],
        ["Activate that leaves a connection out", encodeActivate(transcript, [pair[0]!], deployerSecretKey), REFUSAL.keyIds],
        ["Activate in another order", encodeActivate(transcript, [pair[1]!, pair[0]!], deployerSecretKey), REFUSAL.keyIds],
    ];
    return cases.map(([name, message, code]) => {
        const { module } = opened();
        bodyOf(module.handle("m3", m3));
        const before = module.status();
        assert.equal(refusalOf(module, "activate", message), code, name);
        assert.deepEqual(module.status(), before, `${name}: the table has changed`);
        return { name, notes: "after the M3 of `first keying`; the table does not change", expect: "refused", type: "activate", message, code };
    });
}

function refusedCommand(): Refused[] {
    const start = (purpose: 2 | 3 = PURPOSE.command): { module: VectorModule; session: Uint8Array; pkE: Uint8Array } => {
        const { module } = keyedModule();
        return { module, ...open(module, "send", purpose) };
    };
    const content: Omit<Command, "incarnation"> = { operation: 1, endpoint: 0, connection: DEPLOYER, counter: 1n, data: Uint8Array.of(1) };
    const make = (change: Partial<Command> = {}, plaintext?: (good: Uint8Array) => Uint8Array): Uint8Array => {
        const { module, session, pkE } = start();
        const encoded = encodeCommand({ ...content, incarnation: module.incarnation, ...change });
        return sealCommand(session, pkE, plaintext?.(encoded) ?? encoded, deployerSecretKey, fixedPair("refused command/ephemeral")).message;
    };
    const { session } = start();
    const good = make();
    const cases: [string, Uint8Array, RefusalCode][] = [
        ["command cut by one byte", good.subarray(0, good.length - 1), REFUSAL.malformed],
        ["command with one more byte", concat(good, Uint8Array.of(0)), REFUSAL.malformed],
        ["command whose length exceeds it", resign(patch(good, 32, 0xff, 0xff, 0xff, 0xff), "command", session), REFUSAL.malformed],
        ["command signed as m3", resign(good, "m3", session), REFUSAL.signature],
        ["command with an altered ciphertext, signed again", resign(flip(good, 40), "command", session), REFUSAL.decryption],
        ["command to another incarnation", make({ incarnation: fixed("another incarnation", 16) }), REFUSAL.changed],
        ["command with an earlier counter", make({ counter: 0n }), REFUSAL.changed],
        ["command with a later counter", make({ counter: 2n }), REFUSAL.changed],
        ["send to an output", make({ endpoint: 1 }), REFUSAL.badRecord],
        ["send on a connection between modules", make({ connection: RECEIVER }), REFUSAL.badRecord],
        ["send of more than the input takes", make({ data: new Uint8Array(65) }), REFUSAL.badRecord],
        ["command with operation 4", make({}, (p) => patch(p, 16, 4)), REFUSAL.malformed],
        ["command whose data is shorter than its length", make({}, (p) => p.slice(0, -1)), REFUSAL.malformed],
        ["call with a connection", make({}, (p) => patch(p, 16, 3)), REFUSAL.malformed],
    ];
    const refused: Refused[] = cases.map(([name, message, code]) => {
        const { module } = start();
        assert.equal(refusalOf(module, "command", message), code, name);
        assert.equal(module.processed.length, 0, name);
        return { name, notes: "after `first keying` and the M1 of `send`; nothing is processed", expect: "refused", type: "command", message, code };
    });
    const { module } = start();
    bodyOf(module.handle("command", good));
    assert.equal(refusalOf(module, "command", good), REFUSAL.noSession);
    refused.push({ name: "command a second time", notes: "as above, after the same command was accepted", expect: "refused", type: "command" satisfies MessageType, message: good, code: REFUSAL.noSession });
    return refused;
}

export const refusedSessions = (): Refused[] => [...refusedM1(), ...refusedM3(), ...refusedActivate(), ...refusedCommand()];

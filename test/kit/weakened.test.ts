// Each check of the kit, taken out: the attack that it stops must then succeed, and against the kit as it is it must fail.
// Otherwise the attack would be none, or the check would not be what stops it.
import assert from "node:assert/strict";
import { concat } from "../../provider/protocol/bytes";
import { encodeKeys, encodeState, keyCommitment, sealState } from "../../provider/protocol/exported-state";
import { CONFIRMATION_LENGTH, encodeAccept, encodeOffer, encodeRelease, makePrepare, sealKeys } from "../../provider/protocol/hand-over";
import { PURPOSE } from "../../provider/protocol/m1";
import { sealM3 } from "../../provider/protocol/m3";
import { encodeUpdate } from "../../provider/protocol/records";
import type { SetRecord } from "../../provider/protocol/records";
import { DIRECTION } from "../../provider/protocol/status";
import { OPERATION } from "../../provider/protocol/command";
import type { Program } from "./compile";
import { ENDPOINT, Peer, Rig, altered } from "./deployment";
import { OUT, OUTCOME, bodies, refusals } from "./kit-process";

type Patch = NonNullable<Program["patches"]>[number];
interface Stage {
    readonly rig: Rig;
    readonly input: SetRecord;
    readonly output: SetRecord;
    readonly sender: Peer;
    readonly receiver: Peer;
}
interface Attack {
    readonly name: string;
    readonly without: readonly Patch[];
    /** Whether it succeeded. */
    readonly run: (stage: Stage) => Promise<boolean>;
}

const IN = 1;
const OUTGOING = 2;
const patch = (file: string, from: string, to = ""): Patch => ({ file: `core/${file}.c`, from, to });
const delivered = async ({ rig }: Stage, frame: Uint8Array): Promise<boolean> => refusals(await rig.kit.events(frame)).length === 0;
const acknowledged = async ({ rig }: Stage): Promise<bigint> => (await rig.connection(OUTGOING)).acknowledged;

const attacks: readonly Attack[] = [
    { name: "forging an event", without: [patch("events", "if (!frame_open(bytes, &f, keys, keys->forward)) return FRAME_TAG;", "frame_open(bytes, &f, keys, keys->forward);")],
        run: (stage) => delivered(stage, altered(stage.sender.seal(1, "hello"), 24)) },
    { name: "replaying an event", without: [patch("events", "if (f.counter < c->next) {", "if (f.counter < c->next && 0) {"), patch("events", "if (c->delivery == STRICT && f.counter != c->next) return FRAME_GAP;")],
        run: async (stage) => await delivered(stage, stage.sender.seal(1, "hello")) && delivered(stage, stage.sender.seal(1, "hello")) },
    { name: "leaving an event out", without: [patch("events", "if (c->delivery == STRICT && f.counter != c->next) return FRAME_GAP;")],
        run: (stage) => delivered(stage, stage.sender.seal(2, "hello")) },
    { name: "sending under an old epoch", without: [patch("events", "if (keys == &c->current) crypto_wipe(&c->previous, sizeof c->previous);")],
        run: async (stage) => {
            const next = await stage.rig.rotate(IN);
            await stage.rig.configure(next);
            await stage.rig.kit.events(stage.rig.peer(next).seal(1, "new"));
            return delivered(stage, stage.sender.seal(2, "old"));
        } },
    { name: "sending more than an input takes", without: [patch("events", "if (f.length > target->maximum) return FRAME_TOO_LONG;")],
        run: (stage) => delivered(stage, stage.sender.seal(1, "x".repeat(65))) },
    { name: "sending on a connection of the other direction", without: [patch("events", "if (c->direction != (f.kind == EVENT ? RECEIVER : f.kind == REQUEST ? HANDLER : 0)) return FRAME_KIND;")],
        run: async (stage) => !refusals(await stage.rig.kit.events(stage.receiver.seal(9, "x"))).includes(7) },
    { name: "forging an ack", without: [patch("events", "if (!frame_open(bytes, &f, keys, keys->backward)) return FRAME_TAG;", "frame_open(bytes, &f, keys, keys->backward);")],
        run: async (stage) => {
            await stage.rig.kit.events(stage.sender.seal(1, "x"));
            await stage.rig.kit.answers(altered(stage.receiver.ack(1), -1));
            return await acknowledged(stage) === 1n;
        } },
    { name: "acknowledging what was not sent", without: [patch("events", "if (f.counter >= c->next) return FRAME_GAP;")],
        run: async (stage) => {
            await stage.rig.kit.answers(stage.receiver.ack(7));
            return await acknowledged(stage) === 7n;
        } },
    { name: "having a frame sealed again twice", without: [patch("events", "if (f.counter < c->reseal) return FRAME_OLD;")],
        run: async (stage) => {
            const sent = bodies(await stage.rig.kit.events(stage.sender.seal(1, "x")), OUT.frame).find((body) => stage.receiver.open(body) !== undefined)!;
            await stage.rig.configure(await stage.rig.rotate(OUTGOING));
            await stage.rig.kit.reseal(sent);
            return bodies(await stage.rig.kit.reseal(sent), OUT.frame).length > 0;
        } },
    { name: "filling a window beyond its size", without: [patch("events", "if (c->active && c->next - 1 - c->acknowledged + port_interface[c->endpoint].burst > c->window) return false;")],
        run: async (stage) => (await stage.rig.kit.events(...[1, 2, 3, 4, 5].map((counter) => stage.sender.seal(counter, "x")))).outcome !== OUTCOME.blocked },
    { name: "losing an output while its peer is replaced", without: [patch("events", "if (c->retired) return false;")],
        run: async (stage) => {
            await stage.rig.configure({ type: "close", connection: OUTGOING, retire: true });
            return (await stage.rig.kit.events(stage.sender.seal(1, "x"))).outcome !== OUTCOME.blocked;
        } },
    { name: "writing a device without a grant", without: [patch("task", "if (!(kit.table.grants >> endpoint & 1)) return AUTHENTIC_NOT_GRANTED;"), patch("task", "if (record.kind == OUT_DEVICE && !(kit.table.grants >> record.argument & 1)) continue; /* revoked meanwhile */")],
        run: async (stage) => bodies(await stage.rig.kit.events(stage.sender.seal(1, "d")), OUT.device).length > 0 },
    { name: "granting a device to another incarnation", without: [patch("table", "if (!crypto_equal(incarnation, kit.incarnation, 16)) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([rig.grant(ENDPOINT.device, new Uint8Array(16))])).refused === undefined },
    { name: "granting a device to another measurement", without: [patch("table", "if (port_measurement(own) && !crypto_equal(own, measurement, sizeof own)) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([rig.grant(ENDPOINT.device, (await rig.status()).incarnation, new Uint8Array(32))])).refused === undefined },
    { name: "opening a session without the deployer's signature", without: [patch("session", "if (!signed_by_deployer(PARTS(LABEL(\"aex/v1/m1\"), {m1, M1_LENGTH - SIGNATURE}), m1 + M1_LENGTH - SIGNATURE)) return BAD_SIGNATURE;")],
        run: async ({ rig }) => (await rig.kit.send("m1", altered(rig.m1(PURPOSE.attest), -1))).type === "m2" },
    { name: "keying a module without the deployer's signature", without: [patch("session", "if (!signed_by_deployer(PARTS(label, {session.binding, 32}, {message, length - SIGNATURE}), message + length - SIGNATURE)) return BAD_SIGNATURE;")],
        run: async ({ rig }) => {
            const { hash, pkE, status } = await rig.challenge(PURPOSE.configure);
            const update = encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records: [rig.set(77, ENDPOINT.input, DIRECTION.receiver)] });
            return (await rig.kit.send("m3", sealM3(hash, pkE, update, new Uint8Array(32).fill(9)).message)).type === "m4";
        } },
    { name: "keying an older state of a table", without: [patch("session", "if (generation != kit.table.generation) return CHANGED;")],
        run: async ({ rig }) => (await rig.propose([rig.set(77, ENDPOINT.input, DIRECTION.receiver)], { generation: 0n })).refused === undefined },
    { name: "keying another incarnation", without: [patch("session", "if (!crypto_equal(incarnation, kit.incarnation, 16)) return CHANGED;")],
        run: async ({ rig }) => (await rig.propose([rig.set(77, ENDPOINT.input, DIRECTION.receiver)], { incarnation: new Uint8Array(16) })).refused === undefined },
    { name: "setting an epoch back", without: [patch("table", "if (keys.epoch <= newest) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([await rig.rotate(IN, { epoch: 1n })])).refused === undefined },
    { name: "exhausting the epochs", without: [patch("table", "if (!handed_over && keys.epoch - newest > EPOCH_JUMP) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([await rig.rotate(IN, { epoch: 1n << 60n })])).refused === undefined },
    { name: "moving a connection to another endpoint", without: [patch("table", "if (c->endpoint != endpoint || c->direction != direction || c->delivery != delivery) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([await rig.rotate(IN, { endpoint: ENDPOINT.bulk })])).refused === undefined },
    { name: "setting counters back", without: [patch("table", "if (first != 0) return BAD_RECORD;")],
        run: async ({ rig }) => (await rig.propose([await rig.rotate(IN, { firstCounter: 1n })])).refused === undefined },
    { name: "activating another transcript", without: [patch("session", "if (!crypto_equal(transcript, session.transcript, 32)) return NO_SESSION;")],
        run: async ({ rig }) => {
            const first = await rig.propose([await rig.rotate(IN)]);
            const key = new Uint8Array(32).fill(5);
            const again = await rig.propose([await rig.rotate(IN, { epoch: 3n, key })]);
            const same = await rig.propose([await rig.rotate(IN, { epoch: 4n, key })]);
            assert.ok(first.refused === undefined && again.refused === undefined && same.refused === undefined);
            return (await rig.kit.send("activate", again.activate)).type === "activated";
        } },
    { name: "repeating a command", without: [patch("command", "if (counter != next || next == UINT64_MAX) return CHANGED;", "(void)next;")],
        run: async ({ rig }) => {
            await rig.configure(rig.set(9, ENDPOINT.input, DIRECTION.deployer));
            await rig.command(OPERATION.send, ENDPOINT.input, 9, "x", 1n);
            return typeof await rig.command(OPERATION.send, ENDPOINT.input, 9, "x", 1n) === "object";
        } },
    { name: "activating a receiver without its key", without: [patch("session", "if (!crypto_equal(key_id, session.keys[i].id, 8)) return KEY_IDS_DIFFER;"), patch("session", "if (!signed_by_deployer(PARTS(LABEL(\"aex/v1/activate\"), {activate, length - SIGNATURE}), activate + length - SIGNATURE)) return BAD_SIGNATURE;")],
        run: async ({ rig }) => {
            const proposed = await rig.propose([await rig.rotate(IN)]);
            assert.ok(proposed.refused === undefined);
            return (await rig.kit.send("activate", altered(proposed.activate, 45))).type === "activated";
        } },
    { name: "handing over a state that the old instance did not make", without: [patch("handover", "if (!signed_message((struct part)LABEL(\"aex/v1/offer\"), message, length)) return BAD_SIGNATURE;")],
        run: async ({ rig }) => {
            const { prepare, target, next, stop } = await handOver(rig);
            const forged = encodeState({ objects: [{ name: "memory", version: 3, bytes: new Uint8Array(16).fill(0x66) }], grants: [], connections: [], commitment: keyCommitment(new Uint8Array(0)) });
            return stop((await next.kit.send("offer", concat(prepare, sealState(prepare, target.pkE, forged), new Uint8Array(64)))).type === "offered");
        } },
    { name: "handing over keys that the attacker knows", without: [patch("handover", "if (!crypto_equal(commitment, handover.commitment, 32)) return NOT_DECRYPTED;")],
        run: async ({ rig, sender }) => {
            const { prepare, state, release, target, next, stop } = await handOver(rig);
            await next.kit.send("offer", encodeOffer(prepare, state, rig.secretKey));
            const known = new Uint8Array(32).fill(1);
            const released = sealKeys(prepare, release, target.pkE, encodeKeys([{ connection: IN, key: known }]));
            await next.kit.send("accept", encodeAccept({ release, released }));
            const attacker = new Peer({ ...sender.key, key32: known });
            return stop(!refusals(await next.kit.events(attacker.seal(1, "x"))).length && (await next.status()).connections.some(({ connection, next: counter }) => connection === IN && counter === 2n));
        } },
    { name: "releasing the keys to another instance", without: [patch("handover", "if (!crypto_equal(r.at + 32, p->target_hash, 32)) return WRONG_HANDOVER;")],
        run: async ({ rig }) => {
            const { h, stop } = await handOver(rig);
            return stop((await rig.kit.send("release", encodeRelease({ h, targetHash: new Uint8Array(32) }, rig.secretKey))).type === "released");
        } },
    { name: "living on after a release", without: [patch("handover", "kit.state = STATE_RELEASED;"), patch("handover", "crypto_wipe(&kit.table, sizeof kit.table);"), patch("handover", "kit.state = STATE_PREPARED;")],
        run: async (stage) => {
            const { release, stop } = await handOver(stage.rig);
            await stage.rig.kit.send("release", release);
            return stop(await delivered(stage, stage.sender.seal(1, "x")) && (await stage.rig.connection(IN).catch(() => undefined))?.next === 2n);
        } },
];

/** A kit that is prepared for another one with the same flaws. */
async function handOver(rig: Rig) {
    const next = await Rig.start({ patches: rig.patches }, rig);
    const [source, target] = [await rig.challenge(PURPOSE.handOver), await next.challenge(PURPOSE.handOver)];
    const { message: prepare } = makePrepare({
        h: source.nonceM, oldIncarnation: source.status.incarnation, oldMeasurement: rig.measurement, newIncarnation: target.status.incarnation, newMeasurement: next.measurement,
        targetHash: target.hash, targetKey: target.pkE,
    }, source.hash, source.pkE, rig.secretKey);
    const reply = await rig.kit.send("prepare", prepare);
    if (reply.type !== "prepared") throw new Error(`Prepare was answered with ${JSON.stringify(reply)}`);
    const release = encodeRelease({ h: source.nonceM, targetHash: target.hash }, rig.secretKey);
    return {
        prepare, release, target, next, h: source.nonceM, state: reply.body.subarray(0, -CONFIRMATION_LENGTH),
        /** Ends the new kit; the result is passed on. */
        stop: async (result: boolean): Promise<boolean> => {
            await next.kit.stop();
            return result;
        },
    };
}

describe("the kit without one of its checks", () => {
    const attempt = async ({ run }: Attack, patches: readonly Patch[]): Promise<boolean> => {
        const rig = await Rig.start({ patches });
        try {
            const [input, output] = [rig.set(IN, ENDPOINT.input, DIRECTION.receiver), rig.set(OUTGOING, ENDPOINT.output, DIRECTION.sender)];
            await rig.configure(input, output);
            return await run({ rig, input, output, sender: rig.peer(input), receiver: rig.peer(output) });
        } finally {
            await rig.kit.stop();
        }
    };

    for (const attack of attacks) {
        it(`gives way to ${attack.name}, which the whole kit stops`, async () => {
            assert.equal(await attempt(attack, []), false, "the kit as it is");
            assert.equal(await attempt(attack, attack.without), true, "the kit without the check");
        });
    }
});

// The deployer's side of a hand-over: the new instance gets the old one's state while that can still go on, then its keys
// (docs/protocol.md section 9). Every step can be interrupted; what is next follows from what both instances attest.
import { AuthenticError } from "../errors";
import { equalBytes, fromHex, hex } from "../protocol/bytes";
import { CONFIRMATION_LENGTH, decodeOffer, decodePrepare, encodeAbort, encodeAborted, encodeAccept, encodeOffer, encodeRelease, makePrepare, receipt, stateConfirmation, type Prepare } from "../protocol/hand-over";
import { REFUSAL } from "../protocol/refusal";
import { publicKeyOf } from "../protocol/signature";
import { STATE, type State } from "../protocol/status";
import { lockName, requireUsable } from "./connect";
import { ask, askPatiently, openSession, PURPOSE, SessionRestart, tooLarge, untrusted, withRestarts, type Session } from "./exchange";
import { withLocks } from "./lock";
import type { Deployer, End, HandOver, HandOverStatus, Intended } from "./session";

interface Sessions {
    readonly source: Session;
    readonly target: Session;
}

/** Prepare, which the module takes between two events. */
async function prepareOld(end: End, message: Uint8Array): Promise<Uint8Array> {
    try {
        const { body } = await askPatiently(end, "prepare", message, "prepared");
        return body;
    } catch (error) {
        if (!(error instanceof SessionRestart) || error.refusal !== REFUSAL.busy) throw error;
        throw new AuthenticError("AE-HANDOVER-BUSY", `module ${end.name} is busy: it waits for the reply to a request, or for room on a connection`, "see to it that its peers answer, then run `pulumi up` again; it goes on as before meanwhile", { cause: error });
    }
}

async function prepare(deployer: Deployer, { source, target }: Sessions): Promise<{ message: Uint8Array; state: Uint8Array }> {
    const content: Prepare = {
        h: source.core.nonceM, oldIncarnation: source.status.incarnation, oldMeasurement: source.end.measurement,
        newIncarnation: target.status.incarnation, newMeasurement: target.end.measurement, targetHash: target.hash, targetKey: target.core.pkE,
    };
    const { message, context } = makePrepare(content, source.hash, source.core.pkE, deployer.secretKey);
    try {
        const reply = await prepareOld(source.end, message);
        const state = reply.subarray(0, Math.max(0, reply.length - CONFIRMATION_LENGTH));
        if (!equalBytes(reply.subarray(state.length), stateConfirmation(context, message, state))) throw untrusted(source.end.name, "the state is not the module's");
        return { message, state };
    } finally {
        context.wipe();
    }
}

/** The new instance has taken the state, or says why it does not. */
async function offer(deployer: Deployer, { target }: Sessions, message: Uint8Array, state: Uint8Array): Promise<void> {
    const offered = encodeOffer(message, state, deployer.secretKey);
    if (target.end.messageRoom !== undefined && offered.length > target.end.messageRoom) {
        throw tooLarge(target.end, `its state, connections and kept replies make a message of ${offered.length} bytes, and the new instance takes ${target.end.messageRoom}`);
    }
    const { body } = await ask(target.end, "offer", offered, "offered");
    if (!equalBytes(body, receipt(offered))) throw untrusted(target.end.name, "the receipt of the state is wrong");
}

async function open(deployer: Deployer, old: End, next: End): Promise<Sessions> {
    const source = await openSession(deployer, old, PURPOSE.handOver);
    requireUsable(source);
    const target = await openSession(deployer, next, PURPOSE.handOver);
    if (target.status.state !== STATE.new) {
        throw new AuthenticError("AE-HANDOVER-TARGET", `the new instance of module ${next.name} is not fresh`, "run `pulumi up` again, which starts another one");
    }
    return { source, target };
}

/**
 * Hands over. Where this throws before the old instance has released its keys, that can go on: see `abortHandOver`.
 *
 * @throws AuthenticError; what both instances attest then says what is next
 */
export async function handOver(deployer: Deployer, { old, next, carry }: HandOver): Promise<void> {
    await withLocks([lockName(deployer, old)], () => withRestarts(async () => {
        const sessions = await open(deployer, old, next);
        const { message, state } = await prepare(deployer, sessions);
        await offer(deployer, sessions, message, state);
        await carry();
        const h = sessions.source.core.nonceM;
        // The last look before there is no way back: from here on the state lives only if the new instance does.
        await requireStanding(deployer, next, STATE.offered, h);
        const release = encodeRelease({ h, targetHash: sessions.target.hash }, deployer.secretKey);
        const { body: released } = await ask(old, "release", release, "released");
        await accept(deployer, next, h, release, released);
    }));
}

async function accept(deployer: Deployer, next: End, h: Uint8Array, release: Uint8Array, released: Uint8Array): Promise<void> {
    await ask(next, "accept", encodeAccept({ release, released }), "accepted");
    // A receipt proves nothing; only what is attested now does.
    await requireStanding(deployer, next, STATE.active, h);
}

/** The new instance attests that it stands where it should in this hand-over. */
async function requireStanding(deployer: Deployer, next: End, state: State, h: Uint8Array): Promise<void> {
    const { status } = await openSession(deployer, next, PURPOSE.attest);
    if (status.state !== state || status.handOver === undefined || !equalBytes(status.handOver.h, h)) throw untrusted(next.name, "it has not taken over");
}

/** Back to before: an old instance that is prepared goes on. Nothing to do where it is not. */
export async function abortHandOver(deployer: Deployer, old: End): Promise<void> {
    await withLocks([lockName(deployer, old)], () => withRestarts(async () => {
        const { status } = await openSession(deployer, old, PURPOSE.attest);
        if (status.state !== STATE.prepared || status.handOver === undefined) return;
        const { h } = status.handOver;
        const { body } = await ask(old, "abort", encodeAbort(h, deployer.secretKey), "aborted");
        if (!equalBytes(body, encodeAborted(h))) throw untrusted(old.name, "the answer to Abort is wrong");
    }));
}

/**
 * Completes a hand-over that was interrupted after the release.
 *
 * @param handOver - as the new instance attests it
 * @param released - the old instance's reply to Release, as somebody has kept it; undefined asks the old instance again
 */
export async function completeHandOver(deployer: Deployer, next: End, { h, targetHash }: HandOverStatus, from: { readonly old: End } | { readonly released: Uint8Array }): Promise<void> {
    await withLocks([lockName(deployer, next)], () => withRestarts(async () => {
        const content = { h: fromHex("h", h), targetHash: fromHex("target hash", targetHash) };
        // Signatures are deterministic, so this is the Release that was sent before.
        const release = encodeRelease(content, deployer.secretKey);
        const { body: released } = "old" in from ? await ask(from.old, "release", release, "released") : { body: from.released };
        await accept(deployer, next, content.h, release, released);
    }));
}

/**
 * What the deployer once wanted to hand over to: the measurement in a Prepare or an Offer that somebody has kept.
 *
 * @returns hexadecimal; undefined where the message is not the deployer's
 */
export function intendedTarget(deployer: Deployer, message: { readonly prepare: Uint8Array } | { readonly offer: Uint8Array }): Intended | undefined {
    const key = publicKeyOf(deployer.secretKey);
    try {
        const { h, oldIncarnation, newMeasurement, newIncarnation } = decodePrepare("offer" in message ? decodeOffer(message.offer, key).prepare : message.prepare, key);
        return { h: hex(h), measurement: hex(newMeasurement), incarnation: hex(newIncarnation), from: hex(oldIncarnation) };
    } catch {
        return undefined;
    }
}

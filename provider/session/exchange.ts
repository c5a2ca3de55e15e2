// The messages of one session with one module, each checked before anything follows from it
// (docs/protocol.md section 4).
import { randomBytes } from "node:crypto";
import { AuthenticError } from "../errors";
import { activated, configurationTranscript, encodeActivate, type Activation } from "../protocol/activate";
import { equalBytes } from "../protocol/bytes";
import { encodeCommand, openResult, resultKey, sealCommand, type Command, type Result } from "../protocol/command";
import type { HpkeContext } from "../protocol/hpke";
import { keyId } from "../protocol/keys";
import { encodeM1, PURPOSE, type Purpose } from "../protocol/m1";
import { decodeM2Core, EVIDENCE, reportData, sessionHash, type M2Core } from "../protocol/m2";
import { confirmation, sealM3 } from "../protocol/m3";
import { instanceId } from "../protocol/names";
import { encodeUpdate, type TableRecord } from "../protocol/records";
import { describeRefusal, ProtocolError, REFUSAL } from "../protocol/refusal";
import { decodeStatus, SUITE, type Status } from "../protocol/status";
import { activateBoard, configureBoard, openBoard, type Ask, type BoardContext, type BoardSession } from "./board";
import type { Appraisal, Deployer, End, MessageType, Reply } from "./session";

/** What another session in between may cause; a new session can succeed. */
const TRANSIENT: readonly number[] = [REFUSAL.noSession, REFUSAL.wrongPurpose, REFUSAL.changed, REFUSAL.busy];

/** The session has been overtaken: begin again from the attestation. */
export class SessionRestart extends Error {
    constructor(
        readonly instance: string,
        readonly refusal: number,
    ) {
        super(describeRefusal(refusal));
        this.name = "SessionRestart";
    }
}

const next = (instance: string): string => `see the logs of module ${instance}, then run \`pulumi up\` again`;

/** A reply that no genuine module makes, or that was altered on the way. */
export const untrusted = (instance: string, problem: string, cause?: unknown): AuthenticError =>
    new AuthenticError("AE-SESSION-REPLY", `the reply of module ${instance} is not authentic: ${problem}`, "find out who alters the traffic between this machine and the node's agent, then run `pulumi up` again", { cause });

/** Sends one message and requires a reply of its type. @throws SessionRestart where the session was overtaken, or the module is busy */
export async function ask<T extends Exclude<Reply["type"], "refused">>(end: End, type: MessageType, body: Uint8Array, expected: T): Promise<Extract<Reply, { type: T }>> {
    const reply = await end.channel.send(type, body);
    if (reply.type === "refused") {
        if (TRANSIENT.includes(reply.code)) throw new SessionRestart(end.name, reply.code);
        if (reply.code === REFUSAL.failed) throw failed(end.name);
        if (type === "prepare" && reply.code === REFUSAL.noRoom) throw tooLarge(end, "its state, connections and kept replies do not fit into one message");
        throw new AuthenticError("AE-SESSION-REFUSED", `module ${end.name} refused ${type} (${reply.code}): ${describeRefusal(reply.code)}`, next(end.name));
    }
    if (reply.type !== expected) throw untrusted(end.name, `${reply.type} in place of ${expected}`);
    return reply as Extract<Reply, { type: T }>;
}

/** A module that has failed; it has erased its keys. */
export const failed = (instance: string): AuthenticError =>
    new AuthenticError("AE-INSTANCE-FAILED", `module ${instance} has failed and erased its keys`, "see its logs for the reason and correct it; then `pulumi refresh` and `pulumi up` start it again");

/** What runs cannot hand over. */
export const tooLarge = (end: End, problem: string): AuthenticError =>
    new AuthenticError("AE-HANDOVER-SIZE", `module ${end.name} cannot hand over: ${problem}`, "it goes on as before: make its state or its handlers' replies smaller, or remove connections, where it runs; then run `pulumi up` again");

/** An attested session, good for one configuration or command. */
export interface Session {
    readonly end: End;
    readonly m1: Uint8Array;
    readonly m2Core: Uint8Array;
    readonly core: M2Core;
    /** `SHA-256(M1 ‖ M2core)`. */
    readonly hash: Uint8Array;
    readonly status: Status;
    readonly evidenceType: number;
    readonly appraisal: Appraisal;
    /** Of a module on a board: `m1` is S1 and `m2Core` is S2 then, and there is no public key. */
    readonly board?: BoardSession;
}

const asker = (end: End): Ask => async (type, body, expected) => (await ask(end, type, body, expected)).body;

async function openBoardSession(end: End, purpose: Purpose): Promise<Session | undefined> {
    if (end.board === undefined) return undefined;
    const { s1, s2, ...opened } = await openBoard(end, end.board, purpose, asker(end), (problem, cause) => untrusted(end.name, problem, cause));
    const nothing = new Uint8Array(0);
    return { ...opened, end, m1: s1, m2Core: s2, core: { nonceM: opened.board.nonceM, pkE: nothing, status: nothing }, hash: nothing };
}

/**
 * M1 and M2: challenges a module and has its evidence appraised.
 *
 * @throws AuthenticError when the reply or the evidence is not acceptable; SessionRestart when it was overtaken
 */
export async function openSession(deployer: Deployer, end: End, purpose: Purpose): Promise<Session> {
    const onBoard = await openBoardSession(end, purpose);
    if (onBoard !== undefined) return onBoard;
    const instance = instanceId(deployer.deployment, end.name);
    const m1 = encodeM1({ purpose, deployment: deployer.deployment, instance, nonceD: randomBytes(32), policyHash: end.policyHash }, deployer.secretKey);
    const reply = await ask(end, "m1", m1, "m2");
    let core: M2Core;
    let status: Status;
    try {
        core = decodeM2Core(reply.body);
        status = decodeStatus(core.status);
    } catch (error) {
        if (error instanceof ProtocolError) throw untrusted(end.name, error.message, error);
        throw error;
    }
    const expected = reportData(m1, core);
    const { type: evidenceType, body: evidence } = reply.evidence;
    if (evidenceType === EVIDENCE.none && !equalBytes(evidence, expected)) throw untrusted(end.name, "the report data is that of another session");
    const appraisal = await end.appraise({ instance: end.name, evidenceType, evidence, reportData: expected, measurement: end.measurement, backend: end.backend });
    return { end, m1, m2Core: reply.body, core, hash: sessionHash(m1, reply.body), status, evidenceType, appraisal };
}

/** A configuration that the module has confirmed and that waits for its activation. */
export interface Configured {
    readonly session: Session;
    readonly transcript: Uint8Array;
    readonly activations: readonly Activation[];
    readonly context: HpkeContext | BoardContext;
}

/**
 * M3 and M4: changes a module's table. The caller clears the keys in `records`, and wipes the context at the end.
 *
 * @throws AuthenticError when the confirmation is wrong or the module refuses; SessionRestart when it was overtaken
 */
export async function configure(deployer: Deployer, session: Session, records: readonly TableRecord[]): Promise<Configured> {
    const { end, m1, m2Core, core, hash, status } = session;
    if (session.board !== undefined) {
        const confirmed = await configureBoard(session.board, status, records, asker(end), (problem, cause) => untrusted(end.name, problem, cause));
        return { session, transcript: confirmed.confirmed, activations: [], context: confirmed };
    }
    const plaintext = encodeUpdate({ incarnation: status.incarnation, generation: status.generation, records });
    let sealed: { message: Uint8Array; context: HpkeContext };
    try {
        sealed = sealM3(hash, core.pkE, plaintext, deployer.secretKey);
    } catch (error) {
        if (error instanceof ProtocolError) throw untrusted(end.name, error.message, error);
        throw error;
    } finally {
        plaintext.fill(0);
    }
    const { message: m3, context } = sealed;
    try {
        const { body: m4 } = await ask(end, "m3", m3, "m4");
        if (!equalBytes(m4, confirmation(context, m1, m2Core, m3))) throw untrusted(end.name, "the confirmation of the keys is wrong");
        const activations = records.flatMap((record) =>
            record.type === "set" && record.suite !== SUITE.none ? [{ connection: record.connection, keyId: keyId(record.suite, record.key) }] : [],
        );
        return { session, transcript: configurationTranscript(m1, m2Core, m3, m4), activations, context };
    } catch (error) {
        context.wipe();
        throw error;
    }
}

/** A configuration without keys: it is in force at once. */
export async function configureAtOnce(deployer: Deployer, session: Session, records: readonly TableRecord[]): Promise<void> {
    const { context } = await configure(deployer, session, records);
    context.wipe();
}

/** How long a message waits for a module that is busy: with an event, a reply of a peer, or frames that its host gives back. */
const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 250;

/**
 * {@link ask}, the same message again as long as the module is busy.
 *
 * @param patienceMs - for how long
 * @throws SessionRestart where the session was overtaken, or the module stays busy
 */
export async function askPatiently<T extends Exclude<Reply["type"], "refused">>(end: End, type: MessageType, body: Uint8Array, expected: T, patienceMs = PATIENCE_MS): Promise<Extract<Reply, { type: T }>> {
    const deadline = performance.now() + patienceMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LAST_PAUSE_MS)) {
        try {
            return await ask(end, type, body, expected);
        } catch (error) {
            if (!(error instanceof SessionRestart) || error.refusal !== REFUSAL.busy || performance.now() + pause > deadline) throw error;
            await new Promise((resolve) => setTimeout(resolve, pause));
        }
    }
}

/**
 * Activate: both ends have confirmed, so the module may use the keys. A sender that was rotated a moment ago is busy until
 * its host has given back the frames of the epoch before; the same message is then sent again.
 *
 * @param patienceMs - for how long
 * @throws AuthenticError when the reply is wrong or the module refuses; SessionRestart when it was overtaken or stays busy
 */
export async function activate(deployer: Deployer, configured: Configured, patienceMs = PATIENCE_MS): Promise<void> {
    const { session, transcript, activations, context } = configured;
    if ("confirmed" in context) return activateBoard(context, asker(session.end), (problem, cause) => untrusted(session.end.name, problem, cause));
    const message = encodeActivate(transcript, activations, deployer.secretKey);
    const { body } = await askPatiently(session.end, "activate", message, "activated", patienceMs);
    if (!equalBytes(body, activated(context, message))) throw untrusted(session.end.name, "the confirmation of the activation is wrong");
}

/**
 * Command and Result, in a session of purpose command.
 *
 * @throws AuthenticError when the result is not authentic or the module refuses; SessionRestart when it was overtaken
 */
export async function execute(deployer: Deployer, session: Session, command: Omit<Command, "incarnation">): Promise<Result> {
    const { end, m1, m2Core, core, hash, status } = session;
    const plaintext = encodeCommand({ ...command, incarnation: status.incarnation });
    let key: Uint8Array | undefined;
    let context: HpkeContext | undefined;
    try {
        const sealed = sealCommand(hash, core.pkE, plaintext, deployer.secretKey);
        context = sealed.context;
        key = resultKey(context, m1, m2Core, sealed.message);
        const { body } = await ask(end, "command", sealed.message, "result");
        const result = openResult(key, body);
        if (result.counter !== command.counter) throw untrusted(end.name, "the result is of another command");
        return result;
    } catch (error) {
        if (error instanceof ProtocolError) throw untrusted(end.name, error.message, error);
        throw error;
    } finally {
        for (const secret of [plaintext, key]) secret?.fill(0);
        context?.wipe();
    }
}

/** Sessions that a call may begin again before it gives up. */
const ATTEMPTS = 5;
const PAUSE_MS = 50;

/**
 * Runs something that opens sessions, again from the start each time that it was overtaken.
 *
 * @throws AuthenticError `AE-SESSION-BUSY` when it was overtaken every time
 */
export async function withRestarts<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
        try {
            return await run();
        } catch (error) {
            if (!(error instanceof SessionRestart)) throw error;
            if (attempt === ATTEMPTS) {
                throw new AuthenticError("AE-SESSION-BUSY", `another session with module ${error.instance} came in between ${ATTEMPTS} times (${error.message})`, "let other `pulumi` or `authentic` commands of this deployment finish, then run this one again", { cause: error });
            }
            if (error.refusal === REFUSAL.busy) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
        }
    }
}

export { PURPOSE };

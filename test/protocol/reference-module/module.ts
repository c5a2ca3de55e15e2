// A module in plain TypeScript, written from docs/protocol.md: sessions here, frames in ./frames. Test-only: the oracle
// for the kits, the peer of the driver's tests and the other end of the vectors.
import { randomBytes } from "node:crypto";
import { x25519 } from "@noble/curves/ed25519";
import { activated, configurationTranscript, decodeActivate } from "../../../provider/protocol/activate";
import { equalBytes } from "../../../provider/protocol/bytes";
import { OPERATION, RESULT, decodeCommand, openCommand, resultKey, sealResult, type Command, type Result } from "../../../provider/protocol/command";
import type { HpkeContext, KeyPair } from "../../../provider/protocol/hpke";
import { PURPOSE, decodeM1, type Purpose } from "../../../provider/protocol/m1";
import { EVIDENCE, encodeM2Core, reportData, sessionHash } from "../../../provider/protocol/m2";
import { confirmation, openM3 } from "../../../provider/protocol/m3";
import { decodeUpdate, type TableRecord } from "../../../provider/protocol/records";
import { ProtocolError, REFUSAL, type RefusalCode } from "../../../provider/protocol/refusal";
import { DIRECTION, STATE, encodeStatus, type DirectionNumber, type State } from "../../../provider/protocol/status";
import type { MessageType, Reply } from "../../../provider/session/session";
import { Table, holds, type Connection } from "./table";

/** What an endpoint of the module is. */
export interface Endpoint {
    readonly kind: "input" | "output" | "entry" | "request" | "handler" | "device";
    readonly maximum?: number;
    /** Handlers and entries: computes the reply, or refuses with `undefined`. */
    readonly run?: (data: Uint8Array) => Uint8Array | undefined;
}

export interface ReferenceModuleOptions {
    readonly deployment: Uint8Array;
    readonly instance: Uint8Array;
    readonly deployerKey: Uint8Array;
    readonly measurement: Uint8Array;
    readonly endpoints: readonly Endpoint[];
    readonly capacity?: number;
    /** Fixed bytes for vectors. */
    readonly random?: (length: number) => Uint8Array;
}

interface Slot {
    readonly purpose: Purpose;
    readonly m1: Uint8Array;
    readonly m2Core: Uint8Array;
    keyPair?: KeyPair | undefined;
    configured?: { readonly context: HpkeContext; readonly transcript: Uint8Array; readonly connections: readonly number[]; reply?: { activate: Uint8Array; bytes: Uint8Array } };
}

const KIND_OF: Readonly<Record<DirectionNumber, readonly Endpoint["kind"][]>> = { 1: ["output"], 2: ["input"], 3: ["request"], 4: ["handler"], 5: ["input", "handler"] };
const refuse = (code: RefusalCode, problem: string): ProtocolError => new ProtocolError(code, problem);

export class ReferenceModule {
    readonly table: Table;
    readonly incarnation: Uint8Array;
    readonly kit: Uint8Array = new Uint8Array(32).fill(0x6b);
    readonly grants = new Set<number>();
    /** Events and requests that the module has processed, in order. */
    readonly processed: { readonly endpoint: number; readonly connection: number; readonly counter: bigint; readonly data: Uint8Array }[] = [];
    generation = 0n;
    commandNext = 1n;
    state: State = STATE.new;
    private slot: Slot | undefined;
    private readonly random: (length: number) => Uint8Array;

    constructor(readonly options: ReferenceModuleOptions) {
        this.random = options.random ?? ((length) => new Uint8Array(randomBytes(length)));
        this.table = new Table(options.capacity ?? 64);
        this.incarnation = this.random(16);
    }

    /** Answers one message as the agent would carry it. */
    handle(type: MessageType, body: Uint8Array): Reply {
        try {
            switch (type) {
                case "m1":
                    return this.challenge(body);
                case "m3":
                    return { type: "m4", body: this.configure(body) };
                case "activate":
                    return { type: "activated", body: this.activate(body) };
                case "command":
                    return { type: "result", body: this.command(body) };
                default:
                    throw refuse(REFUSAL.handOver, "the reference module does not hand over");
            }
        } catch (error) {
            if (error instanceof ProtocolError) return { type: "refused", code: error.refusal };
            throw error;
        }
    }

    /** Encoded status, as M2 carries it. */
    status(): Uint8Array {
        return encodeStatus({
            state: this.state,
            incarnation: this.incarnation,
            generation: this.generation,
            commandNext: this.commandNext,
            kit: this.kit,
            connections: this.table.status(),
            grants: [...this.grants],
        });
    }

    /** A fault in a handler. */
    fail(): void {
        this.table.erase();
        this.state = STATE.failed;
        this.slot = undefined;
    }

    private challenge(bytes: Uint8Array): Reply {
        const m1 = decodeM1(bytes, this.options.deployerKey);
        if (!equalBytes(m1.deployment, this.options.deployment) || !equalBytes(m1.instance, this.options.instance)) throw refuse(REFUSAL.wrongInstance, "M1 is for another instance");
        const nonceM = this.random(32);
        const secretKey = this.random(32);
        const keyPair = { secretKey, publicKey: x25519.getPublicKey(secretKey) };
        const core = { nonceM, pkE: keyPair.publicKey, status: this.status() };
        const m2Core = encodeM2Core(core);
        this.slot = { purpose: m1.purpose, m1: bytes.slice(), m2Core, keyPair };
        return { type: "m2", body: m2Core, evidence: { type: EVIDENCE.none, body: reportData(bytes, core) } };
    }

    /** The session's key pair, for the one message that it is good for. */
    private take(purpose: Purpose): { slot: Slot; session: Uint8Array; keyPair: KeyPair } {
        if (this.state === STATE.failed) throw refuse(REFUSAL.failed, "the instance has failed");
        const slot = this.slot;
        if (slot?.keyPair === undefined) throw refuse(REFUSAL.noSession, "there is no session");
        if (slot.purpose !== purpose) throw refuse(REFUSAL.wrongPurpose, "the session has another purpose");
        return { slot, session: sessionHash(slot.m1, slot.m2Core), keyPair: slot.keyPair };
    }

    private spend(slot: Slot): void {
        slot.keyPair?.secretKey.fill(0);
        slot.keyPair = undefined;
    }

    private configure(m3: Uint8Array): Uint8Array {
        const { slot, session, keyPair } = this.take(PURPOSE.configure);
        const { plaintext, context } = openM3(session, m3, keyPair, this.options.deployerKey);
        this.spend(slot);
        const update = decodeUpdate(plaintext);
        plaintext.fill(0);
        if (!equalBytes(update.incarnation, this.incarnation) || update.generation !== this.generation) throw refuse(REFUSAL.changed, "the table has changed");
        let added = 0;
        for (const record of update.records) {
            this.check(record, added);
            if (record.type === "set" && !this.table.connections.has(record.connection)) added++;
        }
        for (const record of update.records) this.apply(record);
        this.generation++;
        this.state = STATE.active;
        const m4 = confirmation(context, slot.m1, slot.m2Core, m3);
        const connections = update.records.flatMap((r) => (r.type === "set" && r.direction !== DIRECTION.deployer ? [r.connection] : []));
        slot.configured = { context, transcript: configurationTranscript(slot.m1, slot.m2Core, m3, m4), connections };
        return m4;
    }

    private check(record: TableRecord, added: number): void {
        const endpoint = record.type === "close" ? undefined : this.options.endpoints[record.endpoint];
        if (record.type !== "close" && endpoint === undefined) throw refuse(REFUSAL.badRecord, `endpoint ${record.endpoint} does not exist`);
        switch (record.type) {
            case "set":
                if (!KIND_OF[record.direction].includes(endpoint!.kind)) throw refuse(REFUSAL.badRecord, `endpoint ${record.endpoint} is an ${endpoint!.kind}`);
                this.table.checkSet(record, added);
                break;
            case "close":
                this.table.checkClose(record);
                break;
            case "grant":
                if (endpoint!.kind !== "device") throw refuse(REFUSAL.badRecord, `endpoint ${record.endpoint} is no device`);
                if (!equalBytes(record.measurement, this.options.measurement) || !equalBytes(record.incarnation, this.incarnation)) throw refuse(REFUSAL.badRecord, "the grant is another module's");
                break;
            case "revoke":
                if (endpoint!.kind !== "device") throw refuse(REFUSAL.badRecord, `endpoint ${record.endpoint} is no device`);
        }
    }

    private apply(record: TableRecord): void {
        switch (record.type) {
            case "set":
                this.table.set(record);
                record.key.fill(0);
                break;
            case "close":
                this.table.close(record);
                break;
            case "grant":
                this.grants.add(record.endpoint);
                break;
            case "revoke":
                this.grants.delete(record.endpoint);
        }
    }

    private activate(bytes: Uint8Array): Uint8Array {
        if (this.state === STATE.failed) throw refuse(REFUSAL.failed, "the instance has failed");
        const { transcript, activations } = decodeActivate(bytes, this.options.deployerKey);
        const configured = this.slot?.configured;
        if (configured === undefined || !equalBytes(configured.transcript, transcript)) throw refuse(REFUSAL.noSession, "the activation is of another session");
        if (configured.reply !== undefined && equalBytes(configured.reply.activate, bytes)) return configured.reply.bytes;
        const records = configured.connections.map((connection) => this.table.connections.get(connection));
        const fits =
            activations.length === records.length &&
            activations.every(({ connection, keyId }, i) => {
                const record = records[i];
                return record?.connection === connection && (holds(record.pending, keyId) || (record.pending === undefined && holds(record.current, keyId)));
            });
        if (!fits) throw refuse(REFUSAL.keyIds, "the key ids differ");
        for (const record of records) if (record!.pending !== undefined) this.table.activate(record!);
        const reply = activated(configured.context, bytes);
        configured.reply = { activate: bytes.slice(), bytes: reply };
        return reply;
    }

    private command(message: Uint8Array): Uint8Array {
        const { slot, session, keyPair } = this.take(PURPOSE.command);
        const { plaintext, context } = openCommand(session, message, keyPair, this.options.deployerKey);
        this.spend(slot);
        const command = decodeCommand(plaintext);
        if (!equalBytes(command.incarnation, this.incarnation)) throw refuse(REFUSAL.changed, "the module has restarted");
        const result = this.execute(command);
        const key = resultKey(context, slot.m1, slot.m2Core, message);
        context.wipe();
        const sealed = sealResult(key, result);
        key.fill(0);
        return sealed;
    }

    private execute(command: Command): Result {
        const endpoint = this.options.endpoints[command.endpoint];
        const wanted = { [OPERATION.send]: "input", [OPERATION.request]: "handler", [OPERATION.call]: "entry" } as const;
        if (endpoint?.kind !== wanted[command.operation]) throw refuse(REFUSAL.badRecord, `endpoint ${command.endpoint} does not fit`);
        if (command.data.length > (endpoint.maximum ?? 64)) throw refuse(REFUSAL.badRecord, "the data is too long");
        let record: Connection | undefined;
        if (command.operation !== OPERATION.call) {
            record = this.table.connections.get(command.connection);
            if (record?.direction !== DIRECTION.deployer || record.endpoint !== command.endpoint) throw refuse(REFUSAL.badRecord, "the connection does not fit");
        }
        if (command.counter !== (record?.next ?? this.commandNext)) throw refuse(REFUSAL.changed, "the counter is not the next");
        const data = endpoint.run?.(command.data);
        this.processed.push({ endpoint: command.endpoint, connection: command.connection, counter: command.counter, data: command.data });
        if (record === undefined) this.commandNext++;
        else {
            record.acknowledged = record.next;
            record.next++;
        }
        const answered = command.operation !== OPERATION.request || data !== undefined;
        return { status: answered ? RESULT.done : RESULT.refused, counter: command.counter, data: data ?? new Uint8Array(0) };
    }
}

// The data path of the reference module: events, requests, replies, acks and re-sealing (docs/protocol.md section 6).
import { decodeFrame, openFrame, sealFrame, type Frame } from "../../../provider/protocol/frame";
import { KIND } from "../../../provider/protocol/keys";
import { ProtocolError } from "../../../provider/protocol/refusal";
import { DELIVERY, DIRECTION, STATE } from "../../../provider/protocol/status";
import type { ReferenceModule } from "./module";
import { ACCEPTS, atEnd, connectionKey, type Connection, type EpochKey } from "./table";

/** Reasons of a refused frame (section 8). */
export const FRAME_REFUSAL = { malformed: 1, unknown: 2, epoch: 3, tag: 4, old: 5, gap: 6, kind: 7, long: 8, inactive: 9 } as const;

/** What became of a frame: the frames it made the module emit, and why it was refused, if it was. */
export interface Outcome {
    readonly frames: readonly Uint8Array[];
    readonly refused?: number;
}

const refused = (reason: number, ...frames: readonly Uint8Array[]): Outcome => ({ frames, refused: reason });
const accepted = (...frames: readonly Uint8Array[]): Outcome => ({ frames });

const keyFor = (module: ReferenceModule, record: Connection, key: EpochKey): ReturnType<typeof connectionKey> => connectionKey(module.options.deployment, record, key);

/**
 * Seals an event on every active connection of an output, all or nothing.
 *
 * @returns the frames with their length prefix, or `undefined` if a window is full
 */
export function emit(module: ReferenceModule, endpoint: number, data: Uint8Array): readonly Uint8Array[] | undefined {
    if (module.state !== STATE.active) return [];
    const records = [...module.table.connections.values()].filter((r) => r.endpoint === endpoint && r.direction === DIRECTION.sender && r.current !== undefined && !r.retired && !atEnd(r));
    if (records.some((r) => r.delivery === DELIVERY.strict && r.next - r.acknowledged > BigInt(r.window))) return undefined;
    return records.map((record) => sealFrame(keyFor(module, record, record.current!), KIND.event, record.next++, data));
}

/** Seals a request; `undefined` while one is outstanding or the connection is not active. */
export function request(module: ReferenceModule, connection: number, data: Uint8Array): Uint8Array | undefined {
    const record = module.table.connections.get(connection);
    if (record?.direction !== DIRECTION.client || record.current === undefined || record.retired || record.next - record.acknowledged > 1n || atEnd(record)) return undefined;
    record.requestFailed = false;
    return sealFrame(keyFor(module, record, record.current), KIND.request, record.next++, data);
}

/** Opens a frame that the host gave back and seals it again under the current epoch, with the same counter. */
export function reseal(module: ReferenceModule, bytes: Uint8Array): Uint8Array | undefined {
    const frame = decodeFrame(bytes);
    const record = module.table.connections.get(frame.connection);
    const previous = record?.previous;
    if (record?.current === undefined || previous?.epoch !== frame.epoch || record.retired) return undefined;
    if (frame.counter <= record.acknowledged || frame.counter > previous.resealUntil) return undefined;
    const plaintext = openFrame(keyFor(module, record, previous), frame);
    return plaintext === undefined ? undefined : sealFrame(keyFor(module, record, record.current), frame.kind, frame.counter, plaintext);
}

/** The plaintext of a reply: 0 and the data, or 1 if the handler refused. */
const answerOf = (data: Uint8Array | undefined): Uint8Array => (data === undefined ? Uint8Array.of(1) : Uint8Array.of(0, ...data));

/** Takes one frame with its length prefix. */
export function receive(module: ReferenceModule, bytes: Uint8Array): Outcome {
    let frame: Frame;
    try {
        frame = decodeFrame(bytes);
    } catch (error) {
        if (error instanceof ProtocolError) return refused(FRAME_REFUSAL.malformed);
        throw error;
    }
    const record = module.table.connections.get(frame.connection);
    if (record === undefined) return refused(FRAME_REFUSAL.unknown);
    if (frame.kind !== ACCEPTS[record.direction]) return refused(FRAME_REFUSAL.kind);
    if (record.retired) return refused(FRAME_REFUSAL.inactive);
    const data = frame.kind === KIND.event || frame.kind === KIND.request;
    const key = [record.current, record.previous, data ? record.pending : undefined].find((k) => k?.epoch === frame.epoch);
    if (key === undefined) return refused(record.current === undefined ? FRAME_REFUSAL.inactive : FRAME_REFUSAL.epoch);
    const plaintext = openFrame(keyFor(module, record, key), frame);
    if (plaintext === undefined) return refused(FRAME_REFUSAL.tag);
    return data ? takeData(module, record, key, frame, plaintext) : takeAnswer(record, key, frame, plaintext, module);
}

// Under the epoch of the frame that is answered: a sender that is not activated yet knows no other.
const ack = (module: ReferenceModule, record: Connection, key: EpochKey): Uint8Array => sealFrame(keyFor(module, record, key), KIND.ack, record.acknowledged, new Uint8Array(0));
const reply = (module: ReferenceModule, record: Connection, key: EpochKey): Uint8Array => sealFrame(keyFor(module, record, key), KIND.reply, record.cachedReply!.counter, record.cachedReply!.data);

const takeData = (module: ReferenceModule, record: Connection, key: EpochKey, frame: Frame, plaintext: Uint8Array): Outcome => {
    const old = key === record.previous;
    if (key === record.pending) module.table.activate(record);
    if (old && frame.counter > record.previous!.lastCounter) return refused(FRAME_REFUSAL.epoch);
    if (frame.counter < record.next) {
        if (record.direction === DIRECTION.handler) {
            const repeated = record.cachedReply?.counter === frame.counter;
            return repeated ? refused(FRAME_REFUSAL.old, reply(module, record, key)) : refused(FRAME_REFUSAL.old);
        }
        return record.delivery === DELIVERY.strict ? refused(FRAME_REFUSAL.old, ack(module, record, key)) : refused(FRAME_REFUSAL.old);
    }
    if (record.delivery === DELIVERY.strict && frame.counter > record.next) return refused(FRAME_REFUSAL.gap);
    const endpoint = module.options.endpoints[record.endpoint]!;
    if (plaintext.length > (endpoint.maximum ?? 64)) return refused(FRAME_REFUSAL.long);
    record.gaps += frame.counter - record.next;
    record.acknowledged = frame.counter;
    record.next = frame.counter + 1n;
    record.reset = false;
    module.processed.push({ endpoint: record.endpoint, connection: record.connection, counter: frame.counter, data: plaintext });
    if (record.direction === DIRECTION.handler) record.cachedReply = { counter: frame.counter, data: answerOf(endpoint.run?.(plaintext)) };
    const answer = record.direction === DIRECTION.handler ? [reply(module, record, key)] : record.delivery === DELIVERY.strict ? [ack(module, record, key)] : [];
    if (!old || frame.counter >= record.previous!.lastCounter) {
        record.previous?.key32.fill(0);
        record.previous = undefined;
    }
    return accepted(...answer);
};

const takeAnswer = (record: Connection, key: EpochKey, frame: Frame, plaintext: Uint8Array, module: ReferenceModule): Outcome => {
    const limit = key === record.previous ? record.previous.lastCounter : record.next - 1n;
    if (frame.counter > limit) return refused(FRAME_REFUSAL.gap);
    if (frame.counter <= record.acknowledged) return refused(FRAME_REFUSAL.old);
    const [status] = plaintext;
    if (frame.kind === KIND.reply && status !== 0 && !(status === 1 && plaintext.length === 1)) return refused(FRAME_REFUSAL.malformed);
    record.acknowledged = frame.counter;
    record.reset = false;
    if (frame.kind === KIND.reply) {
        if (status === 1) record.requestFailed = true;
        else module.processed.push({ endpoint: record.endpoint, connection: record.connection, counter: frame.counter, data: plaintext.subarray(1) });
    }
    if (record.previous !== undefined && record.acknowledged >= record.previous.resealUntil) {
        record.previous.key32.fill(0);
        record.previous = undefined;
    }
    return accepted();
};

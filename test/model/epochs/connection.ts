// One strict event connection inside a module, as the kit keeps it. Each function is the model of the function of the
// same purpose in runtime/kit/core that its comment names; conformance.test.ts compares the two, step by step.

/** Weaknesses that a kit could have. The tests put the same ones into the real kit. */
export interface KitFaults {
    /** The receiver forgets the keys of an epoch when the next one is activated. */
    readonly receiverForgetsEpoch?: boolean;
    /** The sender forgets, at activation, that frames of the epoch before were not acknowledged. */
    readonly senderForgetsFrames?: boolean;
    /** The receiver goes on accepting an epoch after a frame of the next one. */
    readonly receiverKeepsEpoch?: boolean;
    /** The sender takes acks of a closed epoch for frames beyond its last one. */
    readonly senderTakesLateAcks?: boolean;
    /** The receiver accepts a frame although one before it is missing. */
    readonly receiverTakesGaps?: boolean;
    /** A new epoch is activated while frames of the one before are still to be sealed again. */
    readonly activatesWhileResealing?: boolean;
}

/** `struct keys`: `id` stands for the key itself. */
export interface Keys {
    readonly id: number;
    readonly epoch: number;
    accepts: boolean;
}

/** `struct connection` */
export interface Connection {
    active: boolean;
    retired: boolean;
    reset: boolean;
    pendingReset: boolean;
    answerPrevious: boolean;
    next: number;
    acknowledged: number;
    previousLast: number;
    pendingLast: number;
    previousAcks: number;
    reseal: number;
    current: Keys | null;
    pending: Keys | null;
    previous: Keys | null;
}

/** What an M3 sets for one end: the part of a `set` record that matters here. */
export interface SetRecord {
    readonly key: number;
    readonly epoch: number;
    readonly first: number;
    readonly last: number;
    readonly reset: boolean;
}

/** A sealed event: the payload is the number that the event has in the world. */
export interface Frame {
    readonly key: number;
    readonly epoch: number;
    readonly counter: number;
    readonly payload: number;
}

/** A sealed ack. */
export interface Ack {
    readonly key: number;
    readonly epoch: number;
    readonly counter: number;
}

/** lastCounter of an epoch that may drain: 2^64−1. */
export const UNBOUNDED = 1_000_000;
/** Unacknowledged frames that the sender may have. */
export const WINDOW = 2;

/** table.c: `create` and `table_set`, for one record of an M3. Returns false where the kit refuses it. */
export function tableSet(c: Connection | null, record: SetRecord): Connection | false {
    if ((record.first === 0) === (c === null)) return false;
    const connection: Connection = c ?? {
        active: false, retired: false, reset: false, pendingReset: false, answerPrevious: false, next: record.first, acknowledged: record.first - 1,
        previousLast: 0, pendingLast: 0, previousAcks: 0, reseal: record.first, current: null, pending: null, previous: null,
    };
    if (record.epoch <= Math.max(connection.pending?.epoch ?? 0, connection.current?.epoch ?? 0)) return false;
    connection.pending = { id: record.key, epoch: record.epoch, accepts: true };
    connection.pendingLast = record.last;
    connection.pendingReset = record.reset;
    return connection;
}

/** table.c: `table_resealing` */
export const resealing = (c: Connection): boolean => c.previous !== null && c.reseal <= c.previousLast;

/** table.c: `table_activate`. Returns the frames, first and last, that the host is to give back. */
export function tableActivate(c: Connection, sends: boolean, faults: KitFaults): readonly [number, number] | undefined {
    const last = sends ? c.next - 1 : c.pendingLast;
    let needed = sends ? c.acknowledged < last : (c.current?.accepts ?? false) && c.next <= last;
    if (sends ? faults.senderForgetsFrames : faults.receiverForgetsEpoch) needed = false;
    c.previous = null;
    if (c.current !== null && needed) {
        c.previous = c.current;
        c.previousLast = last;
        c.previousAcks = Math.min(last, c.pendingLast);
    }
    c.reseal = c.acknowledged + 1;
    c.current = c.pending;
    c.pending = null;
    c.answerPrevious = false;
    c.active = true;
    c.retired = false;
    if (c.pendingReset) {
        c.reset = true;
        c.pendingReset = false;
    }
    return sends && resealing(c) ? [c.reseal, c.previousLast] : undefined;
}

/** table.c: `table_retire` */
export function tableRetire(c: Connection): void {
    for (const keys of [c.current, c.previous]) if (keys !== null) keys.accepts = false;
    c.pending = null;
    c.active = false;
    c.retired = true;
}

/** session.c: `receive_activate`, for this connection. `busy` where the kit refuses for now. */
export function activate(c: Connection, sends: boolean, faults: KitFaults): "busy" | readonly [number, number] | undefined {
    if (c.pending === null) return undefined; // a data frame has activated it, or this message before
    if (sends && resealing(c) && faults.activatesWhileResealing !== true) return "busy";
    return tableActivate(c, sends, faults);
}

/** events.c: `keys_for` */
function keysFor(c: Connection, epoch: number, data: boolean): Keys | null {
    if (c.active && c.current?.accepts === true && c.current.epoch === epoch) return c.current;
    if (c.active && c.previous?.accepts === true && c.previous.epoch === epoch) return c.previous;
    if (data && c.pending?.accepts === true && c.pending.epoch === epoch) return c.pending;
    return null;
}

/** Numbers of section 8: why a frame is refused. */
export const REFUSED = { unknown: 2, epoch: 3, tag: 4, old: 5, gap: 6, inactive: 9 } as const;

/** What became of an event that arrived: why it was refused, whether it was processed, and the ack that leaves. */
export interface Received {
    readonly refused?: number;
    readonly processed?: { readonly payload: number; readonly reset: boolean };
    readonly ack?: Ack;
}

/** events.c: `settle_connection`, the ack. */
function ack(c: Connection): { ack?: Ack } {
    if (!c.active || c.acknowledged === 0) return {};
    const keys = c.answerPrevious && c.previous?.accepts === true ? c.previous : c.current;
    return keys === null ? {} : { ack: { key: keys.id, epoch: keys.epoch, counter: c.acknowledged } };
}

/** events.c: `event_receive`; task.c: `connection_finish`. The handler always returns. */
export function eventReceive(c: Connection | null, frame: Frame, faults: KitFaults): Received {
    if (c === null) return { refused: REFUSED.unknown };
    let keys = keysFor(c, frame.epoch, true);
    if (keys === null) return { refused: c.active ? REFUSED.epoch : REFUSED.inactive };
    if (keys.id !== frame.key) return { refused: REFUSED.tag };
    if (keys === c.pending) { // the sender uses it already
        tableActivate(c, false, faults);
        keys = c.current;
    }
    c.answerPrevious = keys === c.previous;
    if (frame.counter < c.next) return { refused: REFUSED.old, ...ack(c) };
    if (frame.counter > c.next && faults.receiverTakesGaps !== true) return { refused: REFUSED.gap };
    if (keys === c.previous && frame.counter > c.previousLast) return { refused: REFUSED.epoch };
    if (keys === c.current && faults.receiverKeepsEpoch !== true) c.previous = null;

    const reset = c.reset;
    if (frame.counter >= c.next) {
        c.next = frame.counter + 1;
        c.acknowledged = frame.counter;
    }
    c.reset = false;
    if (c.previous !== null && c.acknowledged >= c.previousLast) c.previous = null;
    return { processed: { payload: frame.payload, reset }, ...ack(c) };
}

/** events.c: `answer_receive`, for an ack. Returns why it was refused. */
export function answerReceive(c: Connection | null, { key, epoch, counter }: Ack, faults: KitFaults): number | undefined {
    if (c === null) return REFUSED.unknown;
    const keys = keysFor(c, epoch, false);
    if (keys === null) return c.active ? REFUSED.epoch : REFUSED.inactive;
    if (keys.id !== key) return REFUSED.tag;
    if (counter <= c.acknowledged) return undefined;
    if (counter >= c.next) return REFUSED.gap;
    if (keys === c.previous && counter > c.previousAcks && faults.senderTakesLateAcks !== true) return REFUSED.epoch;
    c.acknowledged = counter;
    if (c.reseal <= counter) c.reseal = counter + 1;
    if (c.previous !== null && counter >= c.previousLast) c.previous = null;
    return undefined;
}

/** events.c: `reseal_receive`. Returns the frame under the new epoch, or why it was refused. */
export function resealReceive(c: Connection | null, frame: Frame): Frame | number {
    if (c === null) return REFUSED.unknown;
    if (!c.active && !c.retired) return REFUSED.inactive;
    if (c.previous?.epoch !== frame.epoch) return REFUSED.epoch;
    if (c.previous.id !== frame.key) return REFUSED.tag;
    if (frame.counter < c.reseal) return REFUSED.old;
    if (frame.counter > c.reseal) return REFUSED.gap;
    c.reseal++;
    const current = c.current;
    return current === null ? REFUSED.epoch : { ...frame, key: current.id, epoch: current.epoch };
}

/** task.c: `authentic_emit`, `outputs_ready` and `stage_commit`. Undefined where the module cannot emit now. */
export function emit(c: Connection | null, payload: number): Frame | undefined {
    if (!c?.current || !c.active || c.retired || c.next - 1 - c.acknowledged >= WINDOW) return undefined;
    return { key: c.current.id, epoch: c.current.epoch, counter: c.next++, payload };
}

// The connection table of the reference module: validation, activation, retirement (docs/protocol.md section 4 and
// "Rotation" in section 6). Written for clarity from the specification, as an oracle for the kits.
import { U64_MAX, equalBytes } from "../../../provider/protocol/bytes";
import { KIND, keyId, type ConnectionKey, type Kind } from "../../../provider/protocol/keys";
import type { CloseRecord, SetRecord } from "../../../provider/protocol/records";
import { ProtocolError, REFUSAL } from "../../../provider/protocol/refusal";
import { DELIVERY, DIRECTION, FLAG, type CipherSuite, type ConnectionStatus, type DeliveryNumber, type DirectionNumber, type SuiteNumber } from "../../../provider/protocol/status";

/** A key of a connection in one epoch. */
export interface EpochKey {
    readonly epoch: bigint;
    readonly suite: CipherSuite;
    readonly key32: Uint8Array;
}

interface Pending extends EpochKey {
    readonly window: number;
    readonly reset: boolean;
    /** Highest counter accepted under the epoch that ends. */
    readonly lastCounter: bigint;
}

/** The epoch that ended last, as far as it is still of use. */
interface Previous extends EpochKey {
    /** Receiver: events up to here; sender: acks up to here. */
    readonly lastCounter: bigint;
    /** Sender: frames up to here may be opened to be re-sealed. */
    readonly resealUntil: bigint;
}

export interface Connection {
    readonly connection: number;
    readonly endpoint: number;
    readonly direction: DirectionNumber;
    readonly delivery: DeliveryNumber;
    /** Of the current key, before the first activation of the pending one. */
    suite: SuiteNumber;
    window: number;
    current?: EpochKey | undefined;
    pending?: Pending | undefined;
    previous?: Previous | undefined;
    retired: boolean;
    reset: boolean;
    next: bigint;
    acknowledged: bigint;
    gaps: bigint;
    /** Handler: the reply to the last request, `status u8 | data`. */
    cachedReply?: { readonly counter: bigint; readonly data: Uint8Array } | undefined;
    /** Client: what a peer's reset did to the outstanding request. */
    requestFailed: boolean;
}

const EPOCH_JUMP = 1n << 32n;
const emitsData = (direction: DirectionNumber): boolean => direction === DIRECTION.sender || direction === DIRECTION.client;
const badRecord = (problem: string): ProtocolError => new ProtocolError(REFUSAL.badRecord, problem);

/** The kinds of frames that each direction takes. */
export const ACCEPTS: Readonly<Record<DirectionNumber, Kind | undefined>> = { 1: KIND.ack, 2: KIND.event, 3: KIND.reply, 4: KIND.request, 5: undefined };

export class Table {
    readonly connections = new Map<number, Connection>();

    constructor(private readonly capacity: number) {}

    /** Whether a `set` fits, before anything takes effect. */
    checkSet(set: SetRecord, added: number): void {
        if ((set.direction === DIRECTION.client || set.direction === DIRECTION.handler) && set.delivery !== DELIVERY.strict) throw badRecord("a request is strict");
        const existing = this.connections.get(set.connection);
        if (existing === undefined) {
            if (set.firstCounter === 0n) throw badRecord("a new record begins at 1 or later");
            if (this.connections.size + added >= this.capacity) throw new ProtocolError(REFUSAL.noRoom, "the table is full");
        } else {
            if (set.firstCounter !== 0n) throw badRecord("the counters of a record continue");
            if (set.endpoint !== existing.endpoint || set.direction !== existing.direction || set.delivery !== existing.delivery) {
                throw badRecord("endpoint, direction and delivery of a record cannot change");
            }
        }
        if (set.direction === DIRECTION.deployer) return;
        const known = [existing?.current?.epoch ?? 0n, existing?.pending?.epoch ?? 0n].reduce((a, b) => (a > b ? a : b));
        if (set.epoch <= known || set.epoch > known + EPOCH_JUMP) throw badRecord(`epoch ${set.epoch} after ${known}`);
    }

    checkClose(close: CloseRecord): void {
        if (!this.connections.has(close.connection)) throw badRecord(`connection ${close.connection} is unknown`);
    }

    set(set: SetRecord): void {
        const record: Connection = this.connections.get(set.connection) ?? {
            connection: set.connection,
            endpoint: set.endpoint,
            direction: set.direction,
            delivery: set.delivery,
            suite: set.suite,
            window: set.window,
            retired: false,
            reset: false,
            next: set.firstCounter,
            acknowledged: set.firstCounter - 1n,
            gaps: 0n,
            requestFailed: false,
        };
        this.connections.set(set.connection, record);
        if (set.direction === DIRECTION.deployer) return;
        record.pending?.key32.fill(0);
        record.pending = {
            epoch: set.epoch,
            suite: set.suite as CipherSuite,
            key32: set.key.slice(),
            window: set.window,
            reset: set.reset,
            lastCounter: set.lastCounter,
        };
    }

    close({ connection, retire }: CloseRecord): void {
        const record = this.connections.get(connection)!;
        record.pending?.key32.fill(0);
        record.pending = undefined;
        if (retire) {
            record.retired = true;
            return;
        }
        record.current?.key32.fill(0);
        record.previous?.key32.fill(0);
        this.connections.delete(connection);
    }

    /** Makes the pending key the current one. */
    activate(record: Connection): void {
        const pending = record.pending!;
        const ended = record.current;
        const fixed = record.next - 1n;
        record.previous?.key32.fill(0);
        record.previous = undefined;
        if (ended !== undefined) {
            if (emitsData(record.direction)) {
                const acksUntil = record.retired ? 0n : pending.lastCounter < fixed ? pending.lastCounter : fixed;
                if (record.acknowledged < fixed && record.delivery === DELIVERY.strict) record.previous = { ...ended, lastCounter: acksUntil, resealUntil: fixed };
            } else if (!record.retired && pending.lastCounter >= record.next) {
                record.previous = { ...ended, lastCounter: pending.lastCounter, resealUntil: 0n };
            }
            if (record.previous === undefined) ended.key32.fill(0);
        }
        record.current = { epoch: pending.epoch, suite: pending.suite, key32: pending.key32 };
        record.window = pending.window;
        record.suite = pending.suite;
        record.pending = undefined;
        record.retired = false;
        if (pending.reset) {
            record.reset = true;
            if (record.direction === DIRECTION.client && record.acknowledged < fixed) {
                record.requestFailed = true;
                record.acknowledged = fixed;
                record.previous?.key32.fill(0);
                record.previous = undefined;
            }
        }
    }

    /** Forgets every key: an instance that failed. */
    erase(): void {
        for (const record of this.connections.values()) {
            for (const key of [record.current, record.pending, record.previous]) key?.key32.fill(0);
            record.current = record.pending = record.previous = undefined;
        }
    }

    status(): readonly ConnectionStatus[] {
        const none = { epoch: 0n, id: new Uint8Array(8) };
        const name = (key: EpochKey | undefined): { epoch: bigint; id: Uint8Array } => (key === undefined ? none : { epoch: key.epoch, id: keyId(key.suite, key.key32) });
        return [...this.connections.values()].map((record) => {
            const current = name(record.current);
            const pending = name(record.pending);
            const deployer = record.direction === DIRECTION.deployer;
            const active = deployer || (record.current !== undefined && !record.retired);
            return {
                connection: record.connection,
                endpoint: record.endpoint,
                direction: record.direction,
                delivery: record.delivery,
                suite: record.suite,
                flags: (active ? FLAG.active : 0) | (record.pending === undefined ? 0 : FLAG.pending) | (record.retired ? FLAG.retired : 0) | (record.reset ? FLAG.reset : 0),
                window: record.window,
                epoch: current.epoch,
                keyId: current.id,
                pendingEpoch: pending.epoch,
                pendingKeyId: pending.id,
                next: record.next,
                acknowledged: record.acknowledged,
                gaps: record.gaps,
            };
        });
    }
}

/** What frames of a record and one of its keys are derived from. */
export const connectionKey = (deployment: Uint8Array, record: Connection, key: EpochKey): ConnectionKey => ({
    deployment,
    connection: record.connection,
    epoch: key.epoch,
    suite: key.suite,
    key32: key.key32,
});

/** Whether an activation names a record's pending or already active key. */
export const holds = (key: EpochKey | undefined, id: Uint8Array): boolean => key !== undefined && equalBytes(keyId(key.suite, key.key32), id);

/** No further counter exists. */
export const atEnd = (record: Connection): boolean => record.next === U64_MAX;

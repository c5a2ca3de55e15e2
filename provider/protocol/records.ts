// The plaintext of M3: a compare-and-swap of the connection table and a list of records (docs/protocol.md section 4).
import { Reader, Writer, isZero } from "./bytes";
import { malformed } from "./refusal";
import { DELIVERY, DIRECTION, SUITE, type DeliveryNumber, type DirectionNumber, type SuiteNumber } from "./status";

/** `set`: puts a key in the pending slot of a connection. */
export interface SetRecord {
    readonly type: "set";
    readonly connection: number;
    readonly endpoint: number;
    readonly direction: DirectionNumber;
    readonly delivery: DeliveryNumber;
    readonly suite: SuiteNumber;
    /** The peer is a new incarnation that lost its state. */
    readonly reset: boolean;
    readonly window: number;
    readonly epoch: bigint;
    /** 32 bytes, zero for direction 5. */
    readonly key: Uint8Array;
    /** Where a new record begins; 0 for one that exists. */
    readonly firstCounter: bigint;
    /** The highest counter that may still be accepted under the current epoch. */
    readonly lastCounter: bigint;
}

/** `close`: removes a connection, or retires it (keeps its counters). */
export interface CloseRecord {
    readonly type: "close";
    readonly connection: number;
    readonly retire: boolean;
}

/** `grant`: lets the module write a device. */
export interface GrantRecord {
    readonly type: "grant";
    readonly endpoint: number;
    /** 32 bytes. */
    readonly measurement: Uint8Array;
    /** 16 bytes. */
    readonly incarnation: Uint8Array;
}

/** `revoke`: takes a grant back. */
export interface RevokeRecord {
    readonly type: "revoke";
    readonly endpoint: number;
}

export type TableRecord = SetRecord | CloseRecord | GrantRecord | RevokeRecord;

/** An update of a module's table. */
export interface TableUpdate {
    /** Those of M2, 16 bytes and a counter: the module refuses others. */
    readonly incarnation: Uint8Array;
    readonly generation: bigint;
    readonly records: readonly TableRecord[];
}

const TYPE = { set: 1, close: 2, grant: 3, revoke: 4 } as const;
const RESET = 1;
/** Bytes of a set record's key: 32, on boards those of the suite. */
export type KeyLength = 8 | 16 | 32;

/** Encodes the body of a set record; hand-overs use it too, with other flags. */
export function writeSet(writer: Writer, set: Omit<SetRecord, "type" | "reset">, flags: number, keyLength: KeyLength = 32): void {
    writer
        .u32(set.connection, "connection")
        .u16(set.endpoint, "endpoint")
        .u8(set.direction)
        .u8(set.delivery)
        .u8(set.suite)
        .u8(flags)
        .u16(set.window, "window")
        .u64(set.epoch, "epoch")
        .field("key", set.key.slice(), keyLength)
        .u64(set.firstCounter, "firstCounter")
        .u64(set.lastCounter, "lastCounter");
}

/** Reads the body of a set record and its flags. */
export function readSet(reader: Reader, keyLength: KeyLength = 32): Omit<SetRecord, "type" | "reset"> & { flags: number } {
    const connection = reader.u32("connection");
    if (connection === 0) throw malformed("set: connection 0");
    const endpoint = reader.u16("endpoint");
    const direction = reader.oneOf(reader.u8("direction"), Object.values(DIRECTION), "direction");
    const delivery = reader.oneOf(reader.u8("delivery"), Object.values(DELIVERY), "delivery");
    const suite = reader.oneOf(reader.u8("suite"), Object.values(SUITE), "suite");
    if ((suite === SUITE.none) !== (direction === DIRECTION.deployer)) throw malformed(`set: suite ${suite} with direction ${direction}`);
    const flags = reader.u8("flags");
    const window = reader.u16("window");
    const epoch = reader.u64("epoch");
    const key = reader.bytes(keyLength, "key");
    const set = { connection, endpoint, direction, delivery, suite, flags, window, epoch, key, firstCounter: reader.u64("firstCounter"), lastCounter: reader.u64("lastCounter") };
    if (direction === DIRECTION.deployer) {
        if (epoch !== 0n || window !== 0 || delivery !== DELIVERY.strict || !isZero(key)) throw malformed("set: a deployer connection with epoch, window or key");
    } else if (window === 0) {
        throw malformed("set: window 0");
    }
    return set;
}

const writeRecord = (writer: Writer, record: TableRecord, keyLength: KeyLength): void => {
    const body = new Writer();
    switch (record.type) {
        case "set":
            writeSet(body, record, record.reset ? RESET : 0, keyLength);
            break;
        case "close":
            body.u32(record.connection, "connection").u8(record.retire ? 1 : 0);
            break;
        case "grant":
            body.u16(record.endpoint, "endpoint").field("measurement", record.measurement.slice(), 32).field("incarnation", record.incarnation.slice(), 16);
            break;
        case "revoke":
            body.u16(record.endpoint, "endpoint");
            break;
    }
    const bytes = body.finishAndWipe();
    writer.u8(TYPE[record.type]).u16(bytes.length).bytes(bytes);
};

/**
 * Encodes a table update.
 *
 * @param keyLength - bytes of a key: 32, on boards 16 or 8
 * @returns the plaintext of M3; it may hold keys, so the caller clears it after sealing
 * @throws RangeError naming a field beyond its width
 */
export function encodeUpdate(update: TableUpdate, keyLength: KeyLength = 32): Uint8Array {
    const writer = new Writer()
        .field("incarnation", update.incarnation.slice(), 16)
        .u64(update.generation, "generation")
        .u16(update.records.length, "number of records");
    for (const record of update.records) writeRecord(writer, record, keyLength);
    return writer.finishAndWipe();
}

const readRecord = (reader: Reader, keyLength: KeyLength): TableRecord => {
    const type = reader.u8("record type");
    const length = reader.u16("record length");
    const bytes = reader.bytes(length, "record");
    const body = new Reader(bytes, "record");
    const record = ((): TableRecord => {
        switch (type) {
            case TYPE.set: {
                const { flags, ...set } = readSet(body, keyLength);
                if ((flags & ~RESET) !== 0) throw malformed(`set: flags ${flags} has reserved bits`);
                return { type: "set", ...set, reset: flags === RESET };
            }
            case TYPE.close: {
                const connection = body.u32("connection");
                return { type: "close", connection, retire: body.oneOf(body.u8("mode"), [0, 1], "mode") === 1 };
            }
            case TYPE.grant:
                return { type: "grant", endpoint: body.u16("endpoint"), measurement: body.bytes(32, "measurement"), incarnation: body.bytes(16, "incarnation") };
            case TYPE.revoke:
                return { type: "revoke", endpoint: body.u16("endpoint") };
            default:
                throw malformed(`record type ${type} is unknown`);
        }
    })();
    body.end();
    bytes.fill(0);
    return record;
};

/**
 * Decodes a table update (the module's side).
 *
 * @throws ProtocolError for anything but exactly one well-formed update that names each connection at most once
 */
export function decodeUpdate(plaintext: Uint8Array, keyLength: KeyLength = 32): TableUpdate {
    const reader = new Reader(plaintext, "M3 plaintext");
    const incarnation = reader.bytes(16, "incarnation");
    const generation = reader.u64("generation");
    const count = reader.u16("number of records");
    const records: TableRecord[] = [];
    const seen = new Set<number>();
    for (let i = 0; i < count; i++) {
        const record = readRecord(reader, keyLength);
        if (record.type === "set" || record.type === "close") {
            if (seen.has(record.connection)) throw malformed(`M3 plaintext: connection ${record.connection} occurs twice`);
            seen.add(record.connection);
        }
        records.push(record);
    }
    // Boards: the body of a wrap has an even length (section 10).
    if (keyLength !== 32 && reader.position % 2 === 1 && reader.remaining === 1) reader.reserved(1);
    reader.end();
    return { incarnation, generation, records };
}

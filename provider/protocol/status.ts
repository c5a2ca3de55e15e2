// A module's status, the part of M2 that says what it holds (docs/protocol.md section 4, "Status").
import { Reader, Writer } from "./bytes";
import { malformed } from "./refusal";

export const STATE = { new: 0, active: 1, prepared: 2, released: 3, failed: 4, offered: 5 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

export const DIRECTION = { sender: 1, receiver: 2, client: 3, handler: 4, deployer: 5 } as const;
export type DirectionNumber = (typeof DIRECTION)[keyof typeof DIRECTION];

export const DELIVERY = { strict: 1, latest: 2 } as const;
export type DeliveryNumber = (typeof DELIVERY)[keyof typeof DELIVERY];

export const SUITE = { none: 0, chacha20Poly1305: 1, aes128Gcm: 2, spongeWrap128: 3, spongeWrap64: 4 } as const;
export type SuiteNumber = (typeof SUITE)[keyof typeof SUITE];
/** A suite that has keys. */
export type CipherSuite = Exclude<SuiteNumber, 0>;

/** Bits of a connection's flags. */
export const FLAG = { active: 1, pending: 2, retired: 4, reset: 8 } as const;
const ALL_FLAGS = 15;

/** One record of a module's connection table, as it is attested. */
export interface ConnectionStatus {
    readonly connection: number;
    readonly endpoint: number;
    readonly direction: DirectionNumber;
    readonly delivery: DeliveryNumber;
    readonly suite: SuiteNumber;
    readonly flags: number;
    readonly window: number;
    /** 0 if the connection was never active. */
    readonly epoch: bigint;
    readonly keyId: Uint8Array;
    /** 0 if there is no pending key. */
    readonly pendingEpoch: bigint;
    readonly pendingKeyId: Uint8Array;
    /** The counter that will be sealed, or is expected, next. */
    readonly next: bigint;
    /** Highest acknowledged (sender, client) or processed (receiver, handler). */
    readonly acknowledged: bigint;
    readonly gaps: bigint;
}

export interface Status {
    readonly state: State;
    /** 16 bytes. */
    readonly incarnation: Uint8Array;
    readonly generation: bigint;
    readonly commandNext: bigint;
    /** Digest of the kit's sources and the compiler version, 32 bytes. */
    readonly kit: Uint8Array;
    readonly connections: readonly ConnectionStatus[];
    /** Endpoints of the devices that may be written. */
    readonly grants: readonly number[];
    /** The hand-over that the instance is in, or came from. */
    readonly handOver?: HandOverStatus;
}

export interface HandOverStatus {
    /** `nonceM` of the old instance's session, 32 bytes. */
    readonly h: Uint8Array;
    /** 32 bytes. */
    readonly targetHash: Uint8Array;
}

const HEADER = 72;
const CONNECTION = 68;
const GRANT = 2;
const HAND_OVER = 64;

const DIRECTIONS = Object.values(DIRECTION);
const DELIVERIES = Object.values(DELIVERY);
const SUITES = Object.values(SUITE);
const STATES = Object.values(STATE);

/**
 * Encodes a status (the module's side).
 *
 * @returns 72 + 68·n + 2·g bytes, and 64 where there is a hand-over
 * @throws RangeError for a field beyond its width
 */
export function encodeStatus(status: Status): Uint8Array {
    const writer = new Writer()
        .u8(1)
        .u8(status.state, "state")
        .u16(status.handOver === undefined ? 0 : 1)
        .field("incarnation", status.incarnation, 16)
        .u64(status.generation, "generation")
        .u64(status.commandNext, "commandNext")
        .field("kit", status.kit, 32)
        .u16(status.connections.length, "number of connections")
        .u16(status.grants.length, "number of grants");
    for (const c of status.connections) {
        writer
            .u32(c.connection, "connection")
            .u16(c.endpoint, "endpoint")
            .u8(c.direction)
            .u8(c.delivery)
            .u8(c.suite)
            .u8(c.flags)
            .u16(c.window, "window")
            .u64(c.epoch, "epoch")
            .field("keyId", c.keyId, 8)
            .u64(c.pendingEpoch, "pendingEpoch")
            .field("pendingKeyId", c.pendingKeyId, 8)
            .u64(c.next, "next")
            .u64(c.acknowledged, "acknowledged")
            .u64(c.gaps, "gaps");
    }
    for (const endpoint of status.grants) writer.u16(endpoint, "grant");
    if (status.handOver !== undefined) writer.field("h", status.handOver.h, 32).field("targetHash", status.handOver.targetHash, 32);
    return writer.finish();
}

const decodeConnection = (reader: Reader): ConnectionStatus => {
    const connection = reader.u32("connection");
    if (connection === 0) throw malformed("status: connection 0");
    const endpoint = reader.u16("endpoint");
    const direction = reader.oneOf(reader.u8("direction"), DIRECTIONS, "direction");
    const delivery = reader.oneOf(reader.u8("delivery"), DELIVERIES, "delivery");
    const suite = reader.oneOf(reader.u8("suite"), SUITES, "suite");
    if ((suite === SUITE.none) !== (direction === DIRECTION.deployer)) throw malformed(`status: suite ${suite} with direction ${direction}`);
    const flags = reader.u8("flags");
    if ((flags & ~ALL_FLAGS) !== 0) throw malformed(`status: flags ${flags} has reserved bits`);
    return {
        connection,
        endpoint,
        direction,
        delivery,
        suite,
        flags,
        window: reader.u16("window"),
        epoch: reader.u64("epoch"),
        keyId: reader.bytes(8, "keyId"),
        pendingEpoch: reader.u64("pendingEpoch"),
        pendingKeyId: reader.bytes(8, "pendingKeyId"),
        next: reader.u64("next"),
        acknowledged: reader.u64("acknowledged"),
        gaps: reader.u64("gaps"),
    };
};

/**
 * Decodes a status.
 *
 * @param bytes - from outside; the evidence vouches for it later
 * @throws ProtocolError for anything but exactly one well-formed status, connections being unique
 * @example
 * const status = decodeStatus(core.status);
 */
export function decodeStatus(bytes: Uint8Array): Status {
    const reader = new Reader(bytes, "status");
    reader.version();
    const state = reader.oneOf(reader.u8("state"), STATES, "state");
    const handOver = reader.oneOf(reader.u16("hand-over"), [0, 1] as const, "hand-over");
    const incarnation = reader.bytes(16, "incarnation");
    const generation = reader.u64("generation");
    const commandNext = reader.u64("commandNext");
    const kit = reader.bytes(32, "kit");
    const connections = reader.u16("number of connections");
    const grants = reader.u16("number of grants");
    const expected = HEADER + CONNECTION * connections + GRANT * grants + HAND_OVER * handOver;
    if (bytes.length !== expected) {
        throw malformed(`status: ${connections} connections and ${grants} grants make ${expected} bytes, not ${bytes.length}`);
    }
    const seen = new Set<number>();
    const table = Array.from({ length: connections }, () => {
        const record = decodeConnection(reader);
        if (seen.has(record.connection)) throw malformed(`status: connection ${record.connection} occurs twice`);
        seen.add(record.connection);
        return record;
    });
    return {
        state,
        incarnation,
        generation,
        commandNext,
        kit,
        connections: table,
        grants: Array.from({ length: grants }, () => reader.u16("grant")),
        ...(handOver === 0 ? {} : { handOver: { h: reader.bytes(32, "h"), targetHash: reader.bytes(32, "targetHash") } }),
    };
}

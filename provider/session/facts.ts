// An attested status as plain JSON, for the outputs of resources.
import { hex } from "../protocol/bytes";
import { FLAG, type ConnectionStatus, type DeliveryNumber, type DirectionNumber, type State, type Status, type SuiteNumber } from "../protocol/status";
import type { Assurance, ConnectionFacts, Delivery, Direction, InstanceState, StatusFacts, SuiteName } from "./session";

const STATES: Readonly<Record<State, InstanceState>> = { 0: "new", 1: "active", 2: "prepared", 3: "released", 4: "failed", 5: "offered" };
const DIRECTIONS: Readonly<Record<DirectionNumber, Direction>> = { 1: "sender", 2: "receiver", 3: "client", 4: "handler", 5: "deployer" };
const DELIVERIES: Readonly<Record<DeliveryNumber, Delivery>> = { 1: "strict", 2: "latest" };
const SUITES: Readonly<Record<SuiteNumber, SuiteName>> = { 0: "none", 1: "chacha20-poly1305", 2: "aes-128-gcm", 3: "spongewrap-128", 4: "spongewrap-64" };
/** Names of the suites, by their numbers. */
export const SUITE_NAMES: readonly SuiteName[] = Object.values(SUITES);

const connectionFacts = (record: ConnectionStatus): ConnectionFacts => ({
    connection: record.connection,
    endpoint: record.endpoint,
    direction: DIRECTIONS[record.direction],
    delivery: DELIVERIES[record.delivery],
    suite: SUITES[record.suite],
    active: (record.flags & FLAG.active) !== 0,
    pending: (record.flags & FLAG.pending) !== 0,
    retired: (record.flags & FLAG.retired) !== 0,
    reset: (record.flags & FLAG.reset) !== 0,
    window: record.window,
    epoch: record.epoch.toString(),
    keyId: hex(record.keyId),
    pendingEpoch: record.pendingEpoch.toString(),
    pendingKeyId: hex(record.pendingKeyId),
    next: record.next.toString(),
    acknowledged: record.acknowledged.toString(),
    gaps: record.gaps.toString(),
});

/** A status as plain JSON; 64-bit integers become decimal strings. */
export const statusFacts = (status: Status): StatusFacts => ({
    state: STATES[status.state],
    incarnation: hex(status.incarnation),
    generation: status.generation.toString(),
    commandNext: status.commandNext.toString(),
    kit: hex(status.kit),
    connections: status.connections.map(connectionFacts),
    grants: [...status.grants],
    ...(status.handOver === undefined ? {} : { handOver: { h: hex(status.handOver.h), targetHash: hex(status.handOver.targetHash) } }),
});

const ORDER: readonly Assurance[] = ["none", "emulated", "hardware"];

/** The weaker of two assurances: what a connection between them has. */
export const weaker = (a: Assurance, b: Assurance): Assurance => (ORDER.indexOf(a) <= ORDER.indexOf(b) ? a : b);

/** Whether an assurance is at least a required one. */
export const atLeast = (assurance: Assurance, required: Assurance): boolean => ORDER.indexOf(assurance) >= ORDER.indexOf(required);

// The state of the epoch model: a sender, a receiver, the sender's host, the deployers, everything that was ever on the
// wire, and what an oracle outside of all of them remembers.
import type { Ack, Connection, Frame, SetRecord } from "./connection";

export type Side = "from" | "to";
export const NOBODY = -1;
export const SIDES: readonly Side[] = ["from", "to"];

/** A message of the deployer that a module has not taken yet. It can be lost, or arrive late. */
export type Message = { readonly type: "set"; readonly record: SetRecord } | { readonly type: "retire" } | { readonly type: "forget" } | { readonly type: "activate" };

/** The one pending slot of a module (session.c: `session`): a new M1 replaces what is in it. */
export interface Slot {
    /** Which deployer waits for the answers. */
    by: number;
    message: Message | null;
    /** The key that M3 has set. */
    keyed: number | null;
}

/** A module. */
export interface End {
    connection: Connection | null;
    slot: Slot | null;
}

/** What M2 attested of the connection; null where the module has no record of it. */
export type Attested = Pick<Connection, "active" | "retired" | "reset" | "next" | "acknowledged" | "current" | "pending"> | null;

export type Rotation = "drain" | "compromise" | null;

/** A running `up`: what it waits for, and what it knows. */
export interface Up {
    readonly rotate: Rotation;
    step: "open first" | "open second" | "open first again" | "close" | "set to" | "set from" | "activate to" | "activate from";
    attested: Partial<Record<Side, Attested>>;
    /** The end whose record is being retired or removed. */
    retiring: Side | null;
    /** For the sender, once the receiver has taken its own. */
    fromRecord: SetRecord | null;
}

export interface World {
    from: End;
    to: End;
    /** The sender's host: frames until they are acknowledged (runtime/host/src/outgoing.rs). */
    kept: Frame[];
    giving: { to: number; frames: Frame[]; after: Frame[] } | null;
    /** Events and acks that were ever sent and that a key opens which someone has or may get. */
    wire: Frame[];
    acks: Ack[];
    ups: (Up | null)[];
    /** Whether an `up` has ended before: the provider then says `previouslyKeyed`. */
    keyedBefore: boolean;
    /** A rotation that was begun: until an `up` has ended with it, the next one is asked for the same. */
    due: Rotation;
    /** How often each may still happen. */
    left: { events: number; rotations: number; crashes: number; interruptions: number };
    oracle: Oracle;
}

/** What an observer outside of the code under test knows. Payloads number the events of the world from 1. */
export interface Oracle {
    /** Keys that were ever drawn, so that the next one is fresh. */
    drawn: number;
    /** Events that the sender's incarnations emitted. */
    emitted: number;
    /** Payload less counter, in the sender's present incarnation. */
    offset: number;
    /** The last event that the receiver's present incarnation processed; 0 none. */
    last: number;
    /** The highest that any of its incarnations processed. */
    highest: number;
    /** The newest epoch that the receiver's present incarnation processed an event under. */
    newest: number;
    restarted: { from: boolean; to: boolean };
    /** The last event of a sender that was lost, until the receiver has processed a later one; 0 none. */
    lostUpTo: number;
    /** Keys that the attacker knows, and the ends that are not to accept them any more. */
    burnt: { key: number; epoch: number; from: boolean; to: boolean }[];
}

export interface Budget {
    readonly events: number;
    readonly rotations: number;
    readonly compromise: boolean;
    readonly crashes: number;
    readonly interruptions: number;
    readonly deployers: number;
    /** The attacker runs the sender's host: frames are given back, and others pushed in, in any order. */
    readonly hostileHost?: boolean;
    /** A host that does not wait with messages until it has given all frames back. */
    readonly messagesOvertake?: boolean;
}

/** Two modules that were just started, and no deployer. */
export const initialWorld = ({ events, rotations, crashes, interruptions, deployers }: Budget): World => ({
    from: { connection: null, slot: null },
    to: { connection: null, slot: null },
    kept: [], giving: null, wire: [], acks: [],
    ups: Array.from({ length: deployers }, () => null),
    keyedBefore: false, due: null,
    left: { events, rotations, crashes, interruptions },
    oracle: { drawn: 0, emitted: 0, offset: 0, last: 0, highest: 0, newest: 0, restarted: { from: false, to: false }, lostUpTo: 0, burnt: [] },
});

/** Everything is as an `up` leaves it, and all events are through. */
export const converged = ({ from, to, ups }: World): boolean =>
    ups.every((up) => up === null) && from.connection !== null && to.connection !== null && from.connection.active && to.connection.active
    && from.connection.current?.id === to.connection.current?.id && from.connection.pending === null && to.connection.pending === null
    && from.connection.acknowledged === from.connection.next - 1 && to.connection.next === from.connection.next;

type Mutable<T> = { -readonly [P in keyof T]: T[P] };
type Named = Mutable<{ epoch: number; id?: number; key?: number }>;

/** Everything by which someone holds a key, or may get one. */
function holders(world: World): Named[] {
    const all: (Named | null | undefined)[] = [];
    for (const { connection, slot } of [world.from, world.to]) {
        if (connection !== null) all.push(connection.current, connection.pending, connection.previous);
        if (slot?.message?.type === "set") all.push(slot.message.record);
    }
    for (const up of world.ups) {
        if (up === null) continue;
        all.push(up.fromRecord, up.attested.from?.current, up.attested.from?.pending, up.attested.to?.current, up.attested.to?.pending);
    }
    return [...new Set(all.filter((one) => one !== undefined && one !== null))];
}

const order = (a: Ack & { readonly payload?: number }, b: Ack & { readonly payload?: number }): number => a.key - b.key || a.counter - b.counter || (a.payload ?? 0) - (b.payload ?? 0);

/** In order, each once. */
const distinct = <F extends Ack>(frames: F[]): F[] => frames.sort(order).filter((frame, index) => index === 0 || order(frame, frames[index - 1] ?? frame) !== 0);

/** Numbers from 1 in the order of what they stand for; 0 stays. */
function ranks(values: Iterable<number>): ReadonlyMap<number, number> {
    const ranked = new Map([...new Set(values)].filter((value) => value !== 0).sort((a, b) => a - b).map((value, index) => [value, index + 1]));
    return ranked.set(0, 0);
}

/**
 * Brings a state into its canonical form: frames that nobody can open any more are gone, sets are in order, fields
 * without meaning are zero, and keys and epochs are numbered by their order, which is all that anything depends on.
 */
export function canonical(world: World): void {
    for (const end of [world.from, world.to]) {
        const { connection: c, slot } = end;
        if (c?.previous === null) [c.previousLast, c.previousAcks, c.reseal, c.answerPrevious] = [0, 0, 0, false];
        if (c?.pending === null) [c.pendingLast, c.pendingReset] = [0, false];
        // A slot whose deployer is gone matters only for a message that may still arrive.
        if (slot?.message === null && slot.by === NOBODY) end.slot = null;
    }
    const held = holders(world);
    const keys = ranks(held.map(({ id, key }) => id ?? key ?? 0));
    const frames: Named[] = [...new Set([...world.wire, ...world.acks, ...world.kept, ...(world.giving?.frames ?? []), ...(world.giving?.after ?? []), ...world.oracle.burnt])];
    for (const frame of frames) if (!keys.has(frame.key ?? 0)) [frame.key, frame.epoch] = [0, 0];
    const epochs = ranks([...held, ...frames, { epoch: world.oracle.newest }].map(({ epoch }) => epoch));
    for (const one of [...held, ...frames]) {
        one.epoch = epochs.get(one.epoch) ?? 0;
        if (one.id !== undefined) one.id = keys.get(one.id) ?? 0;
        if (one.key !== undefined) one.key = keys.get(one.key) ?? 0;
    }
    // A sender that starts anew gets a fresh key.
    const acknowledged = world.from.connection?.acknowledged ?? Infinity;
    world.wire = distinct(world.wire.filter(({ key }) => key !== 0));
    world.acks = distinct(world.acks.filter(({ key, counter }) => key !== 0 && counter > acknowledged));
    world.oracle.burnt = world.oracle.burnt.filter(({ key }) => key !== 0);
    for (const { slot } of [world.from, world.to]) if (slot !== null && slot.keyed !== null) slot.keyed = keys.get(slot.keyed) ?? 0;
    world.oracle.newest = epochs.get(world.oracle.newest) ?? 0;
    world.oracle.drawn = keys.size - 1;
}

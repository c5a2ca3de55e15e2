// What a connection needs, from what both ends attest: nothing, a retirement first, or a new key
// (docs/protocol.md sections 4 and 6, "Restart of an end"). Pure: no message is sent here.
import { AuthenticError } from "../errors";
import { U64_MAX, equalBytes } from "../protocol/bytes";
import { DELIVERY, DIRECTION, FLAG, type CipherSuite, type ConnectionStatus, type DirectionNumber, type Status } from "../protocol/status";
import { SUITE_NAMES } from "./facts";
import type { ConnectOptions, Connected, Link, LinkEnd } from "./session";

/** What one end is told with the new key. */
export interface EndPlan {
    readonly direction: DirectionNumber;
    /** 0 if the end continues its counters. */
    readonly firstCounter: bigint;
    /** Its peer has lost its state. */
    readonly reset: boolean;
}

export type Plan =
    | { readonly kind: "unchanged"; readonly epoch: bigint; readonly keyId: Uint8Array }
    /** The surviving end, whose counters must stand still before they are read. */
    | { readonly kind: "retire"; readonly end: "from" | "to" }
    /** An end whose record was made from counters that were out of date, and that never was active. */
    | { readonly kind: "forget"; readonly end: "from" | "to" }
    | { readonly kind: "key"; readonly outcome: Exclude<Connected["outcome"], "unchanged">; readonly epoch: bigint; readonly lastCounter: bigint; readonly from: EndPlan; readonly to: EndPlan };

type Table = ConnectionStatus | undefined;

const EPOCH_JUMP = 1n << 32n;

/** The number of a link's suite. */
export const suiteOf = (link: Link): CipherSuite => SUITE_NAMES.indexOf(link.suite) as CipherSuite;
/** The number of a link's delivery. */
export const deliveryOf = (link: Link): 1 | 2 => (link.delivery === "strict" ? DELIVERY.strict : DELIVERY.latest);

const has = (record: Table, flag: number): boolean => record !== undefined && (record.flags & flag) !== 0;
/** Whether an end has ever used a key of the connection. */
const wasActive = (record: Table): record is ConnectionStatus => record !== undefined && record.epoch > 0n;
const knownEpoch = (record: Table): bigint => (record === undefined ? 0n : record.epoch > record.pendingEpoch ? record.epoch : record.pendingEpoch);

/** An end's record of a link, which must be of the same kind. */
function recordOf(link: Link, status: Status, side: "from" | "to", direction: DirectionNumber): Table {
    const { end, endpoint } = link[side];
    const record = status.connections.find((c) => c.connection === link.connection);
    if (record !== undefined && (record.endpoint !== endpoint || record.direction !== direction || record.delivery !== deliveryOf(link))) throw numberTaken(link, link[side], record);
    // Frames of a board name a connection by the low half of its number.
    const alike = end.board === undefined ? undefined : status.connections.find((c) => c.connection !== link.connection && ((c.connection ^ link.connection) & 0xffff) === 0);
    if (alike !== undefined) throw numberTaken(link, link[side], alike);
    return record;
}

/** That an end has a connection's number for another connection. */
export const numberTaken = (link: { readonly connection: number; readonly name: string }, { end }: LinkEnd, record: ConnectionStatus): AuthenticError =>
    new AuthenticError(
        "AE-SESSION-LINK",
        `module ${end.name} has number ${link.connection} of connection ${link.name} in use for another, number ${record.connection} at endpoint ${record.endpoint}`,
        "give the connection another name, so that it is made anew",
    );

/** An interrupted activation: one end already uses the key that the other holds pending. Nothing was lost. */
const isAhead = (active: ConnectionStatus, other: Table): boolean =>
    !has(active, FLAG.retired) && other?.pendingEpoch === active.epoch && equalBytes(other.pendingKeyId, active.keyId);

/** Whether `other` has lost the state that `record` shared with it. */
const lostBy = (other: Table, record: Table): boolean =>
    has(record, FLAG.retired) || (wasActive(record) && !wasActive(other) && !isAhead(record, other));

/** What the end that was asked first had attested, where it was asked again because events went on in between. */
export interface Earlier {
    readonly side: "from" | "to";
    readonly status: Status;
}

/**
 * Events go on while two ends are asked one after the other, so each bound holds only in the order in which its two
 * counters were read: what was acknowledged had been processed, and what is processed now has been sent by then.
 */
function counterBounds(link: Link, from: ConnectionStatus, to: ConnectionStatus, earlier: Earlier | undefined): boolean {
    const before = earlier?.status.connections.find((c) => c.connection === link.connection);
    const acknowledged = earlier?.side === "from" && before !== undefined ? before.acknowledged : from.acknowledged;
    const processed = earlier?.side === "to" && before !== undefined ? before.next : to.next;
    return to.next >= (link.delivery === "strict" ? acknowledged + 1n : 1n) && processed <= from.next;
}

/** Whether what two ends attest of a connection can be of the same moment; else the one asked first is to be asked again. */
export function countersFit(link: Link, from: Status, to: Status): boolean {
    const [a, b] = [from, to].map((status) => status.connections.find((c) => c.connection === link.connection));
    return a === undefined || b === undefined || counterBounds(link, a, b, undefined);
}

const countersDoNotFit = (link: Link, from: ConnectionStatus, to: ConnectionStatus): AuthenticError =>
    new AuthenticError(
        "AE-SESSION-COUNTERS",
        `the counters of connection ${link.name} do not fit: ${link.from.end.name} has sent up to ${from.next - 1n} and had ${from.acknowledged} acknowledged, ${link.to.end.name} expects ${to.next}`,
        "give the connection another name, so that it begins anew; its history cannot be continued",
    );

/** Where an end without a record begins, by what the other end attests. */
function firstCounter(link: Link, mine: Table, other: Table, otherSide: "from" | "to"): bigint {
    if (mine !== undefined) return 0n;
    if (other === undefined) return 1n;
    const replayed = otherSide === "from" && link.kind === "event" && link.delivery === "strict";
    return replayed ? other.acknowledged + 1n : other.next;
}

/** The record of the sender if both ends hold one active key as the link declares it. */
const unchanged = (link: Link, from: Table, to: Table): ConnectionStatus | undefined =>
    wasActive(from) &&
    wasActive(to) &&
    from.epoch === to.epoch &&
    equalBytes(from.keyId, to.keyId) &&
    [from, to].every((r) => has(r, FLAG.active) && !has(r, FLAG.pending) && !has(r, FLAG.retired) && r.suite === suiteOf(link) && r.window === link.window)
        ? from
        : undefined;

/**
 * Plans the next step for a connection.
 *
 * @param from - status of the sender or client
 * @param to - status of the receiver or handler
 * @param earlier - what the end that was asked first had attested before it was asked again
 * @throws AuthenticError when the connection cannot be continued
 */
export function planLink(link: Link, from: Status, to: Status, options: ConnectOptions = {}, earlier?: Earlier): Plan {
    const [fromDirection, toDirection] = link.kind === "event" ? ([DIRECTION.sender, DIRECTION.receiver] as const) : ([DIRECTION.client, DIRECTION.handler] as const);
    const a = recordOf(link, from, "from", fromDirection);
    const b = recordOf(link, to, "to", toDirection);
    if (a !== undefined && b !== undefined && !counterBounds(link, a, b, earlier)) {
        // Another deployer may have changed one end between this one's look at it and its keys for the other.
        if (!wasActive(a)) return { kind: "forget", end: "from" };
        if (!wasActive(b)) return { kind: "forget", end: "to" };
        throw countersDoNotFit(link, a, b);
    }
    const same = options.rotate === undefined ? unchanged(link, a, b) : undefined;
    if (same !== undefined) return { kind: "unchanged", epoch: same.epoch, keyId: same.keyId };

    const resetFrom = lostBy(b, a);
    const resetTo = lostBy(a, b) || (options.previouslyKeyed === true && !wasActive(a) && !wasActive(b));
    for (const [end, record, reset] of [["from", a, resetFrom], ["to", b, resetTo]] as const) {
        if (reset && has(record, FLAG.active)) return { kind: "retire", end };
    }

    const epoch = [knownEpoch(a), knownEpoch(b)].reduce((x, y) => (x > y ? x : y)) + 1n;
    if (epoch > U64_MAX || [a, b].some((record) => epoch - knownEpoch(record) > EPOCH_JUMP)) {
        throw new AuthenticError("AE-SESSION-EPOCH", `the ends of connection ${link.name} are more than 2^32 epochs apart`, "give the connection another name, so that it is made anew");
    }
    return {
        kind: "key",
        outcome: resetFrom || resetTo ? "restarted" : wasActive(a) && wasActive(b) ? "rotated" : "keyed",
        epoch,
        lastCounter: options.rotate === "compromise" ? 0n : U64_MAX,
        from: { direction: fromDirection, firstCounter: firstCounter(link, a, b, "to"), reset: resetFrom },
        to: { direction: toDirection, firstCounter: firstCounter(link, b, a, "from"), reset: resetTo },
    };
}


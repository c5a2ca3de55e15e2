// The state of the hand-over model: a module between two peers, its instances, their hosts, the deployer, every message
// that was ever sent, and an oracle. The module answers each event with one output, so one number counts both.

/** An instance of the module; handover.c keeps the same. */
export interface Instance {
    state: "new" | "active" | "prepared" | "released" | "offered";
    /** Made from the planned image. */
    readonly planned: boolean;
    /** The nonce of the pending slot; 0 none. */
    session: number;
    /** Keys that it can use; 0 none. */
    keys: number;
    /** Events processed and outputs emitted. */
    count: number;
    acknowledged: number;
    /** The hand-over that it is in or came from. */
    handOver: { readonly h: number; readonly target: number } | null;
    /** Whether it still has the key that the new keys are sealed to (from Offer to Accept). */
    secret: boolean;
    /** Outputs that its host keeps: those above this one, up to `keptTo`. */
    keptFrom: number;
    keptTo: number;
}

/** A message of the deployer; it can be lost, repeated, or arrive at any later time. */
export type Message =
    | { readonly type: "prepare" | "release"; readonly h: number; readonly target: number }
    | { readonly type: "abort"; readonly h: number }
    | { readonly type: "offer" | "accept"; readonly h: number; readonly target: number; readonly keys: number; readonly count: number; readonly acknowledged: number };

export type Place = "old" | "next";

/** A running `up`. */
export interface Up {
    step: "look" | "start" | "challenge old" | "challenge next" | "prepare" | "offer" | "carry" | "release" | "accept" | "abort" | "promote" | "undo" | "remove" | "lose";
    h: number;
    target: number;
    /** What Prepare answered, and then Release. */
    state: { readonly keys: number; readonly count: number; readonly acknowledged: number } | null;
}

export interface World {
    old: Instance | null;
    next: Instance | null;
    up: Up | null;
    wire: Message[];
    /** The old node's agent has kept the reply to Release. */
    released: Message | null;
    /** And the outputs that its host kept at Prepare. */
    exported: [from: number, to: number] | null;
    /** Events that the peer before has sent, and outputs that the peer behind has received. */
    peer: { sent: number; received: number; keys: number };
    left: { events: number; crashes: number; kills: number; challenges: number };
    oracle: {
        nonces: number;
        /** Events processed, by whatever instance. */
        processed: number;
        /** An instance has crashed, so that state may be lost; then it was reported. */
        crashed: boolean;
        lost: boolean;
    };
}

export interface Budget {
    readonly events: number;
    readonly crashes: number;
    readonly kills: number;
    /** Challenges by others: a refresh, another deployer, a replayed M1. */
    readonly challenges: number;
}

export const fresh = (planned: boolean): Instance =>
    ({ state: "new", planned, session: 0, keys: 0, count: 0, acknowledged: 0, handOver: null, secret: false, keptFrom: 0, keptTo: 0 });

/** A module that runs, and an `up` with a changed image. */
export const initialWorld = ({ events, crashes, kills, challenges }: Budget): World => ({
    old: { ...fresh(false), state: "active", keys: 1 }, next: null, up: null, wire: [], released: null, exported: null,
    peer: { sent: 0, received: 0, keys: 1 },
    left: { events, crashes, kills, challenges },
    oracle: { nonces: 0, processed: 0, crashed: false, lost: false },
});

/** The planned image is the module, alone, and everything sent went through it. */
export const converged = ({ old, next, up, peer }: World): boolean =>
    up === null && next === null && old?.state === "active" && old.planned && old.count === peer.sent && peer.received === peer.sent && old.acknowledged === old.count;

/** Messages that no instance can take any more are gone, and nonces are numbered by their order. */
export function canonical(world: World, releasesUnprepared: boolean): void {
    const instances = [world.old, world.next].filter((one) => one !== null);
    const takes = (message: Message): boolean => instances.some(({ state, session, handOver }) => {
        switch (message.type) {
            case "prepare": return session === message.h || (state === "prepared" && handOver?.h === message.h);
            case "abort":
            case "release":
                return (releasesUnprepared && message.type === "release" && state === "active") || (handOver?.h === message.h && (state === "prepared" || state === "released"));
            case "offer": return session === message.target;
            case "accept": return state === "offered" && handOver?.target === message.target;
        }
    });
    world.wire = [...new Map(world.wire.filter(takes).map((message) => [JSON.stringify(message), message])).values()];
    const nonces = new Set([0]);
    const note = (...values: (number | undefined)[]): void => values.forEach((value) => value !== undefined && nonces.add(value));
    for (const { session, handOver } of instances) note(session, handOver?.h, handOver?.target);
    for (const message of [...world.wire, ...(world.released === null ? [] : [world.released])]) note(message.h, "target" in message ? message.target : 0);
    if (world.up !== null) note(world.up.h, world.up.target);
    const rank = new Map([...nonces].sort((a, b) => a - b).map((nonce, index) => [nonce, index]));
    const of = (nonce: number): number => rank.get(nonce) ?? 0;
    const renamed = <M extends Message>(message: M): M => ({ ...message, h: of(message.h), ...("target" in message ? { target: of(message.target) } : {}) });
    for (const instance of instances) {
        instance.session = of(instance.session);
        if (instance.handOver !== null) instance.handOver = { h: of(instance.handOver.h), target: of(instance.handOver.target) };
    }
    world.wire = world.wire.map(renamed).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    world.released = world.released && renamed(world.released);
    if (world.up !== null) [world.up.h, world.up.target] = [of(world.up.h), of(world.up.target)];
    world.oracle.nonces = nonces.size - 1;
}

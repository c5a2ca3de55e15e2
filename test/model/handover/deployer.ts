// The deployer's way through a hand-over: succession.ts decides by what both instances attest, session/hand-over.ts sends.
// Each function names its counterpart in the code. Nothing replays this model on the code yet.
import { Violation } from "../explorer";
import { challenge, take, type KitFaults } from "./instance";
import { fresh, type Message, type Place, type Up, type World } from "./world";

/** Weaknesses that a deployer could have. */
export interface DeployerFaults {
    /** Release is asked for once. */
    readonly releasesOnce?: boolean;
    /** The outputs that were not acknowledged are left behind. */
    readonly leavesFrames?: boolean;
    /** The new instance is started again although the old one may have released its keys to it. */
    readonly restartsTarget?: boolean;
}

export type Faults = KitFaults & DeployerFaults;

const go = (up: Up, step: Up["step"], change: Partial<Up> = {}): void => void Object.assign(up, change, { step });
const again = (up: Up): void => go(up, "look", { h: 0, target: 0, state: null });

/** What both attest decides what is next: the old instance is the arbiter. succession.ts: `step` */
function look(world: World, up: Up, faults: Faults): void {
    const { old, next } = world;
    if (old === null) { // `orphan`
        challenge(world, "next", faults);
        if (next?.state === "active") {
            go(up, "promote");
            return;
        }
        go(up, next?.state === "offered" && next.secret && world.released !== null ? "accept" : "lose");
        return;
    }
    challenge(world, "old", faults);
    switch (old.state) {
        case "active": // `begin`
            go(up, old.planned ? "promote" : "start");
            return;
        case "prepared":
            go(up, "abort", { h: old.handOver?.h ?? 0 });
            return;
        case "released": // `finish`
            challenge(world, "next", faults);
            if (faults.restartsTarget === true && next?.state === "offered") {
                go(up, "start");
                return;
            }
            if (next?.state === "active") {
                go(up, "promote");
                return;
            }
            if (next?.state !== "offered" || !next.secret || next.handOver?.h !== old.handOver?.h) {
                go(up, "lose");
                return;
            }
            go(up, faults.releasesOnce === true ? "lose" : "release", { ...next.handOver });
            return;
        default:
            go(up, "lose");
    }
}

/** The state is gone: a new incarnation, under new keys, and everyone is told. */
function lose(world: World): void {
    if (!world.oracle.crashed) throw new Violation("no state is given up unless an instance was lost");
    world.oracle.lost = true;
    const keys = world.peer.keys + 1;
    world.peer.keys = keys;
    const counters = { count: world.peer.sent, acknowledged: world.peer.sent, keptFrom: world.peer.sent, keptTo: world.peer.sent };
    world.peer.received = world.peer.sent;
    world.old = { ...fresh(true), state: "active", keys, ...counters };
    world.next = null;
    world.released = null;
    world.exported = null;
}

/** The message that an `up` sends next, and to whom; none in other steps. */
export function posted({ up, released }: World): { readonly to: Place; readonly message: Message } | undefined {
    if (up === null) return undefined;
    const { h, target, state } = up;
    switch (up.step) {
        case "prepare":
        case "release": return { to: "old", message: { type: up.step, h, target } };
        case "abort":
        case "undo": return { to: "old", message: { type: "abort", h } };
        case "offer": return { to: "next", message: { type: "offer", h, target, ...(state ?? { keys: 0, count: 0, acknowledged: 0 }) } };
        case "accept": return released === null ? undefined : { to: "next", message: released };
        default: return undefined;
    }
}

/** One message of an `up`, its reply included; without the reply it is one that was killed afterwards. */
export function proceed(world: World, faults: Faults): void {
    const { up } = world;
    if (up === null) return;
    const sent = posted(world);
    const say = (): boolean => {
        if (sent === undefined) return false;
        world.wire.push(sent.message);
        return take(world, sent.to, sent.message, faults);
    };
    switch (up.step) {
        case "look":
            look(world, up, faults);
            return;
        case "start":
            world.next = fresh(true);
            go(up, "challenge old");
            return;
        case "challenge old": // hand-over.ts: `open`
            if (world.old?.state !== "active") go(up, "undo");
            else go(up, "challenge next", { h: challenge(world, "old", faults) });
            return;
        case "challenge next":
            if (world.next?.state !== "new") go(up, "undo");
            else go(up, "prepare", { target: challenge(world, "next", faults) });
            return;
        case "prepare": {
            const { old } = world;
            if (say()) go(up, "offer", { state: { keys: old?.keys ?? 0, count: old?.count ?? 0, acknowledged: old?.acknowledged ?? 0 } });
            else go(up, old === null ? "undo" : "challenge old"); // another session came in between: `withRestarts`
            return;
        }
        case "offer": // where another session came in between, the old one is found prepared
            go(up, say() ? "carry" : "undo");
            return;
        case "carry":
            if (world.next === null) {
                go(up, "undo");
                return;
            }
            if (world.exported !== null) [world.next.keptFrom, world.next.keptTo] = faults.leavesFrames === true ? [world.next.count, world.next.count] : world.exported;
            go(up, "release");
            return;
        case "release": { // before it, the last look at the new instance
            const stands = world.next?.state === "offered" && world.next.handOver?.h === up.h;
            go(up, stands && say() ? "accept" : "undo");
            return;
        }
        case "accept":
            go(up, say() ? "promote" : "undo");
            return;
        case "abort":
            if (say()) again(up);
            else world.up = null;
            return;
        case "undo": // succession.ts
            if (world.old === null) {
                world.up = null;
                return;
            }
            if (world.old.state === "prepared") {
                up.h = world.old.handOver?.h ?? 0;
                world.wire.push({ type: "abort", h: up.h });
                take(world, "old", { type: "abort", h: up.h }, faults);
            }
            go(up, "remove");
            return;
        case "remove":
            if (world.old?.state === "active") world.next = null;
            world.up = null;
            return;
        case "promote":
            if (world.next?.state === "active") {
                world.old = world.next;
                world.next = null;
                world.released = null;
                world.exported = null;
            }
            world.up = null;
            return;
        case "lose":
            lose(world);
            world.up = null;
    }
}

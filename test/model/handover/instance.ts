// What an instance of the module does with each message, as runtime/kit/core/handover.c does, and what its host does.
import { Violation } from "../explorer";
import type { Instance, Message, Place, World } from "./world";

/** Weaknesses that a kit could have. */
export interface KitFaults {
    /** `receive_release` does not ask whether the instance is prepared. */
    readonly releasesUnprepared?: boolean;
    /** `receive_abort` takes back a release. */
    readonly abortsReleased?: boolean;
    /** A prepared instance goes on processing (`can_process`). */
    readonly preparedProcesses?: boolean;
    /** The keys are in the Offer, and the new instance is live with it. */
    readonly offerHasKeys?: boolean;
    /** A challenge erases the key that Accept needs (`receive_m1` after Offer). */
    readonly challengeErasesSecret?: boolean;
}

/** Whether it can act for the module. */
export const isLive = (instance: Instance | null): boolean => instance !== null && instance.keys !== 0 && (instance.state === "active" || instance.state === "prepared");

/** handover.c: one message, to one instance. @returns whether it was accepted, or had been */
export function take(world: World, place: Place, message: Message, faults: KitFaults): boolean {
    const it = world[place];
    if (it === null) return false;
    switch (message.type) {
        case "prepare": // receive_prepare
            if (it.state === "prepared") return it.handOver?.h === message.h && it.handOver.target === message.target;
            if (it.state !== "active" || it.session !== message.h) return false;
            Object.assign(it, { state: "prepared", session: 0, handOver: { h: message.h, target: message.target } });
            if (place === "old") world.exported = [it.keptFrom, it.keptTo]; // agent: `record`
            return true;
        case "abort": // receive_abort
            if (it.handOver?.h !== message.h || !(it.state === "prepared" || (faults.abortsReleased === true && it.state === "released"))) return false;
            if (it.state === "released") it.keys = world.peer.keys;
            Object.assign(it, { state: "active", handOver: null });
            return true;
        case "release": { // receive_release
            if (it.state === "released") return it.handOver?.h === message.h && it.handOver.target === message.target;
            const unprepared = faults.releasesUnprepared === true && it.state === "active" && it.keys !== 0;
            if (!unprepared && (it.state !== "prepared" || it.handOver?.h !== message.h || it.handOver.target !== message.target)) return false;
            const reply: Message = { type: "accept", h: message.h, target: message.target, keys: it.keys, count: 0, acknowledged: 0 };
            Object.assign(it, { state: "released", keys: 0, handOver: { h: message.h, target: message.target } });
            if (place === "old") world.released = reply;
            return true;
        }
        case "offer": // receive_offer
            if (it.state === "offered") return it.handOver?.h === message.h && it.handOver.target === message.target;
            if (it.state !== "new" || it.session !== message.target) return false;
            Object.assign(it, { state: "offered", session: 0, handOver: { h: message.h, target: message.target }, secret: true, count: message.count, acknowledged: message.acknowledged });
            if (faults.offerHasKeys === true) Object.assign(it, { state: "active", keys: message.keys });
            return true;
        case "accept": // receive_accept
            if (it.state !== "offered" || !it.secret || it.handOver?.target !== message.target) return false;
            Object.assign(it, { state: "active", keys: message.keys, secret: false });
            return true;
    }
}

/** session.c: `receive_m1` */
export function challenge(world: World, place: Place, faults: KitFaults): number {
    const it = world[place];
    if (it === null) return 0;
    it.session = ++world.oracle.nonces;
    if (faults.challengeErasesSecret === true) it.secret = false;
    return it.session;
}

/** An instance processes the next event and emits its output, under keys that the peers still take. */
export function processEvent(world: World, place: Place): void {
    const it = world[place];
    if (it === null) return;
    it.count++;
    it.keptTo = it.count;
    if (it.count <= world.oracle.processed && !world.oracle.lost) throw new Violation("no event is processed twice, nor a counter used twice");
    world.oracle.processed = Math.max(world.oracle.processed, it.count);
}

/** Whether an instance processes the next event. */
export const canProcess = (it: Instance, { peer }: World, { preparedProcesses = false }: KitFaults): boolean =>
    (it.state === "active" || (preparedProcesses && it.state === "prepared")) && it.keys === peer.keys && it.count < peer.sent;

/** The host sends the output that the peer expects, or else its oldest; where the instance lives, the ack comes back (queue.rs: `acknowledge`). */
export function sendOutput(world: World, place: Place): void {
    const it = world[place];
    if (it === null) return;
    if (world.peer.received >= it.keptFrom && world.peer.received < it.keptTo) world.peer.received++;
    if (it.state !== "active") return;
    it.acknowledged = Math.max(it.acknowledged, Math.min(world.peer.received, it.count));
    it.keptFrom = Math.max(it.keptFrom, it.acknowledged);
}

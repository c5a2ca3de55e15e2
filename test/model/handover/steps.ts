// Hand-over (docs/protocol.md section 9) step by step: what instances do with each message, as runtime/kit/core/handover.c
// does; how an `up` continues from what both attest; and what the attacker and accidents do.
import { Violation, type Kind, type Model, type Step } from "../explorer";
import { canonical, converged, fresh, initialWorld, type Budget, type Instance, type Message, type Place, type Up, type World } from "./world";

/** Weaknesses to be found. */
export interface Faults {
    /** `receive_release` does not ask whether the instance is prepared. */
    readonly releasesUnprepared?: boolean;
    /** `receive_abort` takes back a release. */
    readonly abortsReleased?: boolean;
    /** A prepared instance goes on processing (`events_step`). */
    readonly preparedProcesses?: boolean;
    /** The keys are in the Offer, and the new instance is live with it. */
    readonly offerHasKeys?: boolean;
    /** A challenge erases the key that Accept needs (`receive_m1` after Offer). */
    readonly challengeErasesSecret?: boolean;
    /** Release is answered once (`receive_release` of a released instance). */
    readonly releasesOnce?: boolean;
    /** The deployer leaves the outputs behind that were not acknowledged. */
    readonly leavesFrames?: boolean;
    /** The deployer starts the new instance again although the old one may have released its keys to it. */
    readonly restartsTarget?: boolean;
}

const PLACES: readonly Place[] = ["old", "next"];
const isLive = (instance: Instance | null): boolean => instance !== null && instance.keys !== 0 && (instance.state === "active" || instance.state === "prepared");

/** handover.c: one message, to one instance. */
function take(world: World, place: Place, message: Message, faults: Faults): void {
    const it = world[place];
    if (it === null) return;
    switch (message.type) {
        case "prepare": // receive_prepare
            if (it.state !== "active" || it.session !== message.h) return;
            Object.assign(it, { state: "prepared", session: 0, handOver: { h: message.h, target: message.target } });
            return;
        case "abort": // receive_abort
            if (it.handOver?.h !== message.h || !(it.state === "prepared" || (faults.abortsReleased === true && it.state === "released"))) return;
            if (it.state === "released") it.keys = world.peer.keys;
            Object.assign(it, { state: "active", handOver: null });
            return;
        case "release": { // receive_release
            const unprepared = faults.releasesUnprepared === true && it.state === "active" && it.keys !== 0;
            if (!unprepared && (it.state !== "prepared" || it.handOver?.h !== message.h || it.handOver.target !== message.target)) return;
            const reply: Message = { type: "accept", h: message.h, target: message.target, keys: it.keys, count: 0, acknowledged: 0 };
            Object.assign(it, { state: "released", keys: 0, handOver: { h: message.h, target: message.target } });
            if (place === "old") world.released = reply;
            return;
        }
        case "offer": // receive_offer
            if (it.state !== "new" || it.session !== message.target) return;
            Object.assign(it, { state: "offered", session: 0, handOver: { h: message.h, target: message.target }, secret: true, count: message.count, acknowledged: message.acknowledged });
            if (faults.offerHasKeys === true) Object.assign(it, { state: "active", keys: message.keys });
            return;
        case "accept": // receive_accept
            if (it.state !== "offered" || !it.secret || it.handOver?.target !== message.target) return;
            Object.assign(it, { state: "active", keys: message.keys, secret: false });
    }
}

/** session.c: `receive_m1` */
function challenge(world: World, place: Place, faults: Faults): number {
    const it = world[place];
    if (it === null) return 0;
    it.session = ++world.oracle.nonces;
    if (faults.challengeErasesSecret === true) it.secret = false;
    return it.session;
}

/** An instance processes the next event and emits its output, under keys that the peers still take. */
function processEvent(world: World, place: Place): void {
    const it = world[place];
    if (it === null) return;
    it.count++;
    it.keptTo = it.count;
    if (it.count <= world.oracle.processed && !world.oracle.lost) throw new Violation("no event is processed twice, nor a counter used twice");
    world.oracle.processed = Math.max(world.oracle.processed, it.count);
}

/** The host sends the output that the peer expects, and the ack comes back; queue.rs: `acknowledge`. */
function sendOutput(world: World, place: Place): void {
    const it = world[place];
    if (it === null) return;
    if (world.peer.received >= it.keptFrom && world.peer.received < it.keptTo) world.peer.received++;
    it.acknowledged = Math.max(it.acknowledged, Math.min(world.peer.received, it.count));
    it.keptFrom = Math.max(it.keptFrom, it.acknowledged);
}

const go = (up: Up, step: Up["step"], change: Partial<Up> = {}): void => void Object.assign(up, change, { step });
const goIf = (done: boolean, up: Up, step: Up["step"]): void => (done ? go(up, step) : later(up));
const later = (up: Up): void => go(up, "look", { h: 0, target: 0, state: null });

/** What both attest decides what is next: the old instance is the arbiter. */
function look(world: World, up: Up, faults: Faults): void {
    const { old, next } = world;
    for (const place of PLACES) challenge(world, place, faults);
    if (old === null) { // orphan
        if (next?.state === "active") {
            go(up, "promote");
            return;
        }
        go(up, next?.state === "offered" && next.secret && world.released !== null ? "accept" : "lose");
        return;
    }
    switch (old.state) {
        case "active":
            go(up, old.planned ? "promote" : "start");
            return;
        case "prepared":
            go(up, "abort", { h: old.handOver?.h ?? 0 });
            return;
        case "released": // finish
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
            return;
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
}

/** One message of an `up`, its reply included; without the reply it is one that was killed afterwards. */
function proceed(world: World, faults: Faults): void {
    const { up } = world;
    if (up === null) return;
    const say = (place: Place, message: Message): Instance | null => {
        world.wire.push(message);
        take(world, place, message, faults);
        return world[place];
    };
    const { h, target, state } = up;
    switch (up.step) {
        case "look":
            look(world, up, faults);
            return;
        case "start":
            world.next = fresh(true);
            go(up, "challenge old");
            return;
        case "challenge old":
            go(up, "challenge next", { h: challenge(world, "old", faults) });
            return;
        case "challenge next":
            go(up, "prepare", { target: challenge(world, "next", faults) });
            return;
        case "prepare": {
            const old = say("old", { type: "prepare", h, target });
            if (old?.state !== "prepared" || old.handOver?.h !== h) {
                later(up);
                return;
            }
            go(up, "offer", { state: { keys: old.keys, count: old.count, acknowledged: old.acknowledged } });
            return;
        }
        case "offer": {
            const next = say("next", { type: "offer", h, target, ...(state ?? { keys: 0, count: 0, acknowledged: 0 }) });
            goIf(next?.handOver?.target === target, up, "carry");
            return;
        }
        case "carry":
            if (world.next !== null && world.old !== null && faults.leavesFrames !== true) [world.next.keptFrom, world.next.keptTo] = [world.old.keptFrom, world.old.keptTo];
            if (world.next !== null && faults.leavesFrames === true) world.next.keptFrom = world.next.keptTo = world.next.count;
            go(up, "release");
            return;
        case "release": {
            const old = say("old", { type: "release", h, target });
            goIf(old?.state === "released" && old.handOver?.target === target, up, "accept");
            return;
        }
        case "accept": {
            if (world.released === null) {
                later(up);
                return;
            }
            const next = say("next", world.released);
            goIf(next?.state === "active", up, "promote");
            return;
        }
        case "abort":
            say("old", { type: "abort", h });
            later(up);
            return;
        case "promote":
            if (world.next?.state === "active") {
                world.old = world.next;
                world.next = null;
                world.released = null;
            }
            world.up = null;
            return;
        case "lose":
            lose(world);
            world.up = null;
    }
}

function crash(world: World, place: Place): void {
    world.left.crashes--;
    world.oracle.crashed = true;
    world[place] = null;
}

const WHO: Readonly<Record<Place, string>> = { old: "the old instance", next: "the new instance" };

function* steps(world: World, faults: Faults): Generator<Step<World>> {
    const can = (name: string, kind: Kind, run: (world: World) => void): Step<World> => ({ name, kind, run });
    const { up, left, peer } = world;
    if (up === null && !(world.old?.planned === true && world.old.state === "active" && world.next === null)) {
        yield can("up begins", "deployer", (w) => void (w.up = { step: "look", h: 0, target: 0, state: null }));
    }
    if (up !== null) yield can(`up: ${up.step}`, "deployer", (w) => proceed(w, faults));
    if (left.events > 0) yield can("the peer sends an event", "fault", (w) => { w.left.events--; w.peer.sent++; });
    for (const place of PLACES) {
        const it = world[place];
        if (it === null) continue;
        const runs = it.state === "active" || (faults.preparedProcesses === true && it.state === "prepared");
        if (runs && it.keys === peer.keys && it.count < peer.sent) yield can(`${WHO[place]} processes event ${it.count + 1}`, "flow", (w) => processEvent(w, place));
        // What an instance under former keys emits is refused by the peer.
        if (it.keys === peer.keys || it.state === "released") yield can(`the host of ${WHO[place]} sends an output`, "flow", (w) => sendOutput(w, place));
        for (const message of world.wire) yield can(`${WHO[place]} gets ${message.type} once more, or late`, "fault", (w) => take(w, place, message, faults));
        if (left.crashes > 0) yield can(`${WHO[place]} crashes`, "fault", (w) => crash(w, place));
        if (left.challenges > 0) yield can(`somebody challenges ${WHO[place]}`, "fault", (w) => { w.left.challenges--; challenge(w, place, faults); });
    }
    if (left.kills > 0 && up !== null) {
        yield can("up is killed", "fault", (w) => { w.left.kills--; w.up = null; });
        const sent: Message | undefined = up.step === "prepare" || up.step === "release" ? { type: up.step, h: up.h, target: up.target } : up.step === "abort" ? { type: "abort", h: up.h }
            : up.step === "offer" && up.state !== null ? { type: "offer", h: up.h, target: up.target, ...up.state } : up.step === "accept" ? world.released ?? undefined : undefined;
        if (sent !== undefined) yield can(`up is killed with ${sent.type} under way`, "fault", (w) => { w.left.kills--; w.up = null; w.wire.push(sent); });
    }
}

/** The model, with the weaknesses of `faults`. */
export const handOverModel = (budget: Budget, faults: Faults = {}): Model<World> => ({
    initial: initialWorld(budget),
    steps: (world) => [...steps(world, faults)],
    canonical: (world) => canonical(world, faults.releasesUnprepared === true),
    invariant: ({ old, next, peer }) => {
        if (isLive(old) && isLive(next)) throw new Violation("never two live instances");
        for (const it of [old, next]) if (it?.state === "released" && it.keys === peer.keys) throw new Violation("a released instance has no keys");
    },
    reachable: [{ name: "an `up` can always make the planned image the module, with nothing lost", by: ["deployer", "flow"], goal: converged }],
});

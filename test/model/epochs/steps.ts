// Everything that can happen: modules take messages and frames, the deployer works, hosts carry, and the attacker and
// accidents do what they like within a budget.
import { Violation, type Kind, type Model, type Step } from "../explorer";
import { activate, answerReceive, emit, eventReceive, resealReceive, resealing, tableRetire, tableSet, type Ack, type Frame, type KitFaults } from "./connection";
import { decide, fits, type DeployerFaults } from "./deployer";
import { NOBODY, SIDES, canonical, converged, initialWorld, type Budget, type Message, type Rotation, type Side, type Slot, type Up, type World } from "./world";

export type Faults = KitFaults & DeployerFaults;

const MODULE: Readonly<Record<Side, string>> = { from: "the sender", to: "the receiver" };

/** What happens in a step. A replay does the same to real kits; `index` is the place on the wire. */
export type Act =
    | { readonly do: "start"; readonly up: number; readonly rotate: Rotation }
    | { readonly do: "open"; readonly up: number; readonly side: Side; readonly again: boolean }
    | { readonly do: "restart" | "kill"; readonly up: number }
    | { readonly do: "take"; readonly side: Side; readonly message: Message }
    | { readonly do: "other" | "crash"; readonly side: Side }
    | { readonly do: "emit" | "carry" | "give" }
    | { readonly do: "deliver" | "give any"; readonly index: number; readonly frame: Frame }
    | { readonly do: "answer"; readonly index: number; readonly ack: Ack }
    | { readonly do: "forge"; readonly epoch: number }
    | { readonly do: "forge ack"; readonly epoch: number; readonly counter: number };

export interface EpochStep extends Step<World> {
    readonly act: Act;
}

const MESSAGE = { retire: "its retirement", forget: "the removal of its record", activate: "its activation" } as const;

function describe(act: Act): string {
    switch (act.do) {
        case "start": return `up ${act.up} begins${act.rotate === null ? "" : ` to rotate (${act.rotate})`}`;
        case "open": return `up ${act.up}: ${MODULE[act.side]} attests its table${act.again ? " again" : ""}`;
        case "restart": return `up ${act.up} was overtaken and begins again`;
        case "kill": return `up ${act.up} is killed`;
        case "take": return `${MODULE[act.side]} takes ${act.message.type === "set" ? `a key of epoch ${act.message.record.epoch}` : MESSAGE[act.message.type]}`;
        case "other": return `another session is opened with ${MODULE[act.side]}`;
        case "crash": return `${MODULE[act.side]} crashes and starts anew`;
        case "emit": return "the sender emits an event";
        case "carry": return "the host sends its oldest frame, and the ack comes back";
        case "give": return "the host gives a frame back to be sealed again";
        case "give any": return `the host gives back frame ${act.frame.counter} of epoch ${act.frame.epoch}`;
        case "deliver": return `the network delivers event ${act.frame.payload} (epoch ${act.frame.epoch}, counter ${act.frame.counter})`;
        case "answer": return `the network delivers the ack of ${act.ack.counter} (epoch ${act.ack.epoch})`;
        case "forge": return `the attacker forges the next event under the compromised epoch ${act.epoch}`;
        case "forge ack": return `the attacker forges the ack of ${act.counter} under the compromised epoch ${act.epoch}`;
    }
}

const can = (act: Act, kind: Kind, run: (world: World) => void): EpochStep => ({ act, name: describe(act), kind, run });

const FORGED = 0;

/** What the receiver's module sees is compared with what happened in the world. */
function processed(world: World, { payload, reset }: { readonly payload: number; readonly reset: boolean }, epoch: number): void {
    const oracle = { ...world.oracle };
    Object.assign(world.oracle, { last: payload, highest: Math.max(oracle.highest, payload), newest: epoch, lostUpTo: payload > oracle.lostUpTo ? 0 : oracle.lostUpTo });
    if (payload === FORGED) throw new Violation("no key of a compromised epoch is accepted once its successor is active");
    if (epoch < oracle.newest) throw new Violation("no epoch is accepted after a later one");
    if (payload <= oracle.last) throw new Violation("no event is duplicated or reordered");
    // A receiver that is itself a new incarnation has been reported as lost; a survivor must see the reset.
    const isNew = oracle.restarted.to && oracle.last === 0;
    const skips = payload > (isNew ? oracle.highest : oracle.last) + 1;
    if (skips && !reset && !(isNew && oracle.lostUpTo > 0)) throw new Violation("no event is lost unless the loss is reported");
    // After a first keying that was interrupted nobody knows what went through: the provider reports too much there, never too little.
    if (reset && oracle.last > 0 && !oracle.restarted.from && !oracle.restarted.to) throw new Violation("a loss is reported only where there was one");
}

/** A frame goes onto the wire, where it stays for ever. */
function seal(world: World, frame: Frame): void {
    if (world.wire.some(({ key, counter, payload }) => key === frame.key && counter === frame.counter && payload !== frame.payload)) {
        throw new Violation("no counter is used twice under one key");
    }
    world.wire.push(frame);
}

/** host: `emitted` */
function keep(world: World, frame: Frame): void {
    seal(world, frame);
    if (world.giving !== null && frame.counter > world.giving.to) world.giving.after.push(frame);
    else world.kept.push(frame);
}

/** host: `begin_reseal` */
function beginReseal(world: World, [from, to]: readonly [number, number]): void {
    const giving = world.giving ?? { to, frames: [], after: [] };
    giving.to = to;
    for (const frame of world.kept.splice(0)) {
        if (frame.counter > to) giving.after.push(frame);
        else if (frame.counter >= from) giving.frames.push(frame);
    }
    world.giving = giving;
}

/** A frame reaches the receiver; returns the ack that leaves. */
function receive(world: World, frame: Frame, faults: Faults): Ack | undefined {
    const before = world.to.connection?.pending?.id;
    const closes = world.to.connection?.pendingLast === 0;
    const { processed: event, ack } = eventReceive(world.to.connection, frame, faults);
    if (closes && before !== undefined && world.to.connection?.current?.id === before) closed(world, "to");
    if (ack !== undefined) world.acks.push(ack);
    if (event !== undefined) processed(world, event, frame.epoch);
    return ack;
}

/** An ack reaches the sender; host: `acknowledged`. */
function acknowledge(world: World, ack: Ack, faults: Faults): void {
    const { connection } = world.from;
    answerReceive(connection, ack, faults);
    if (connection === null) return;
    const payload = connection.acknowledged + world.oracle.offset;
    // What a receiver had processed before it lost its state counts: its loss has been reported.
    if (payload > world.oracle.highest && !world.oracle.restarted.from) throw new Violation("no event is acknowledged that was not processed");
    world.kept = world.kept.filter(({ counter }) => counter > connection.acknowledged);
}

/** An end has activated a key that closes the epoch before: from now on it must not accept one that is compromised. */
function closed(world: World, side: Side): void {
    const { connection } = world[side];
    for (const burnt of world.oracle.burnt) if ((connection?.current?.epoch ?? 0) > burnt.epoch) burnt[side] = true;
}

const owns = (world: World, side: Side, i: number): boolean => world[side].slot?.by === i;

/** The next message of an `up`, into the session that it opened, unless that is gone. */
function post(world: World, i: number, side: Side, step: Up["step"], message: NonNullable<Slot["message"]>): void {
    const up = world.ups[i];
    if (!up) return;
    up.step = step;
    const { slot } = world[side];
    if (slot?.by === i) slot.message = message;
}

function finish(world: World, i: number): void {
    const up = world.ups[i];
    leave(world, i);
    if (up?.rotate === "compromise") for (const burnt of world.oracle.burnt) [burnt.from, burnt.to] = [true, true];
    if (up?.rotate === world.due) world.due = null;
    world.ups[i] = null;
    world.keyedBefore = true;
}

function kill(world: World, i: number): void {
    world.left.interruptions--;
    leave(world, i);
    world.ups[i] = null;
    world.keyedBefore = true;
}

/** Both ends are known: `step` of connect.ts. */
function proceed(world: World, i: number, up: Up, earlier: Up["attested"]["from"], faults: Faults): void {
    const decision = decide(world, up, earlier, faults);
    up.attested = {};
    if (decision.kind === "unchanged") {
        finish(world, i);
        return;
    }
    if (decision.kind !== "key") {
        up.retiring = decision.end;
        post(world, i, decision.end, "close", { type: decision.kind });
        return;
    }
    world.oracle.drawn++;
    up.fromRecord = decision.from ?? null;
    if (decision.to !== undefined) post(world, i, "to", "set to", { type: "set", record: decision.to });
    else if (decision.from !== undefined) post(world, i, "from", "set from", { type: "set", record: decision.from });
}

/** The keys in use are compromised: that is why they are rotated. */
function burn(world: World): void {
    for (const side of SIDES) {
        const current = world[side].connection?.current;
        if (current && !world.oracle.burnt.some(({ key }) => key === current.id)) world.oracle.burnt.push({ key: current.id, epoch: current.epoch, from: false, to: false });
    }
}

/** Nothing but what is given back enters the sender while its host gives back (host: `feed`), unless the host is the attacker's. */
const held = (world: World, { hostileHost }: Budget): boolean => world.giving !== null && !hostileHost;

/** Which end an `up` waits for. */
const waitsFor = (up: Up): Side => (up.step === "close" ? up.retiring ?? "to" : up.step.endsWith("to") ? "to" : "from");

function startUp(world: World, i: number, rotate: Rotation, others: boolean): void {
    if (others) world.left.interruptions--;
    if (rotate !== null && rotate !== world.due) {
        world.left.rotations--;
        if (rotate === "compromise") burn(world);
    }
    world.due ??= rotate;
    world.ups[i] = { rotate, step: "open first", attested: {}, retiring: null, fromRecord: null };
}

function open(world: World, i: number, side: Side, faults: Faults): void {
    const up = world.ups[i];
    if (!up) return;
    world[side].slot = { by: i, message: null, keyed: null };
    const earlier = up.attested.from;
    const c = world[side].connection;
    up.attested[side] = c === null ? null : structuredClone({ active: c.active, retired: c.retired, reset: c.reset, next: c.next, acknowledged: c.acknowledged, current: c.current, pending: c.pending });
    if (up.step === "open first") up.step = "open second";
    else if (up.step === "open second" && !fits(up)) up.step = "open first again";
    else proceed(world, i, up, up.step === "open first again" ? earlier : undefined, faults);
}

/** A module takes the message in its slot; session.c: `receive_m3`, `receive_activate`. */
function take(world: World, side: Side, faults: Faults): void {
    const { slot, connection } = world[side];
    if (!slot?.message) return;
    const { message, by } = slot;
    const up = world.ups[by];
    if (message.type === "activate") {
        const closes = connection !== null && connection.pending !== null && connection.pendingLast === 0;
        const busy = connection === null ? undefined : activate(connection, side === "from", faults);
        if (busy === "busy") return;
        if (closes) closed(world, side);
        if (busy !== undefined) beginReseal(world, busy);
        slot.message = null;
        if (!up) return;
        if (side === "to" && up.fromRecord !== null) post(world, by, "from", "activate from", { type: "activate" });
        else finish(world, by);
        return;
    }
    slot.message = null;
    if (message.type === "retire" || message.type === "forget") {
        if (connection !== null && message.type === "retire") tableRetire(connection);
        if (message.type === "forget") world[side].connection = null;
        startAgain(world, by);
        return;
    }
    const set = tableSet(connection, message.record);
    if (set === false) throw new Violation("no module refuses what an honest deployer sends");
    if (connection === null && side === "from") world.oracle.offset = world.oracle.emitted - (set.next - 1);
    world[side].connection = set;
    slot.keyed = message.record.key;
    if (!up) return;
    if (side === "to" && up.fromRecord !== null) post(world, by, "from", "set from", { type: "set", record: up.fromRecord });
    else if (world.to.slot?.by === by && world.to.slot.keyed === message.record.key) post(world, by, "to", "activate to", { type: "activate" });
    else if (side === "from" && up.step === "set from" && !owns(world, "to", by)) up.step = "activate to";
    else post(world, by, side, side === "to" ? "activate to" : "activate from", { type: "activate" });
}

/** Nobody waits for answers in these sessions any more; what was sent in them can still arrive. */
function leave(world: World, i: number): void {
    for (const side of SIDES) {
        const { slot } = world[side];
        if (slot?.by === i) slot.by = NOBODY;
    }
}

function startAgain(world: World, i: number): void {
    const up = world.ups[i];
    leave(world, i);
    if (!up) return;
    up.step = "open first";
    up.attested = {};
    up.retiring = null;
    up.fromRecord = null;
}

/** A crash erases a module and its host; both start anew at once. */
function crash(world: World, side: Side): void {
    world.left.crashes--;
    world[side] = { connection: null, slot: null };
    const { oracle } = world;
    oracle.restarted[side] = true;
    if (side === "to") {
        oracle.last = 0;
        oracle.newest = 0;
        for (const burnt of oracle.burnt) burnt.to = true;
    } else {
        world.kept = [];
        world.giving = null;
        oracle.lostUpTo = oracle.emitted;
        for (const burnt of oracle.burnt) burnt.from = true;
    }
}

/** A host of the attacker gives back what and when it likes. */
function giveAny(world: World, frame: Frame): void {
    const sealed = resealReceive(world.from.connection, frame);
    if (typeof sealed !== "number") keep(world, sealed);
}

function giveBack(world: World): void {
    const { giving } = world;
    const frame = giving?.frames.shift();
    if (giving === null) return;
    if (frame !== undefined) {
        const sealed = resealReceive(world.from.connection, frame);
        if (typeof sealed !== "number") keep(world, sealed);
    }
    if (giving.frames.length > 0) return;
    world.giving = null; // host: `end_reseal`
    world.kept.push(...giving.after);
}

/** The deployer's steps. */
function* deployerSteps(world: World, budget: Budget, faults: Faults): Generator<EpochStep> {
    for (const [i, up] of world.ups.entries()) {
        if (up === null) {
            const others = world.ups.some((other) => other !== null);
            if (others && world.left.interruptions === 0) continue;
            const due: Rotation[] = world.due !== null ? [world.due] : converged(world) ? [] : [null];
            if (world.due === null && world.left.rotations > 0 && world.keyedBefore) due.push("drain", ...(budget.compromise ? ["compromise" as const] : []));
            for (const rotate of due) yield can({ do: "start", up: i, rotate }, "deployer", (w) => startUp(w, i, rotate, others));
            continue;
        }
        if (up.step.startsWith("open")) {
            const side: Side = up.step === "open second" ? "to" : "from";
            if (side === "to" || !held(world, budget) || budget.messagesOvertake === true) {
                yield can({ do: "open", up: i, side, again: up.step === "open first again" }, "deployer", (w) => open(w, i, side, faults));
            }
        } else if (!owns(world, waitsFor(up), i)) {
            yield can({ do: "restart", up: i }, "deployer", (w) => startAgain(w, i));
        }
    }
}

/** What the modules, their hosts and the honest network do. */
function* flowSteps(world: World, budget: Budget, faults: Faults): Generator<EpochStep> {
    for (const side of SIDES) {
        const message = world[side].slot?.message;
        if (!message || (side === "from" && held(world, budget) && budget.messagesOvertake !== true)) continue;
        const busy = message.type === "activate" && side === "from" && world.from.connection !== null && resealing(world.from.connection) && faults.activatesWhileResealing !== true;
        if (!busy) yield can({ do: "take", side, message }, "deployer", (w) => take(w, side, faults));
    }
    if (world.left.events > 0 && emit(world.from.connection && { ...world.from.connection }, 0) !== undefined) {
        yield can({ do: "emit" }, "fault", (w) => {
            w.left.events--;
            const frame = emit(w.from.connection, ++w.oracle.emitted);
            if (frame !== undefined) keep(w, frame);
        });
    }
    if (world.kept.length > 0 && world.from.connection?.retired !== true && !held(world, budget)) {
        yield can({ do: "carry" }, "flow", (w) => {
            const [frame] = w.kept;
            const ack = frame && receive(w, frame, faults);
            if (ack !== undefined) acknowledge(w, ack, faults);
        });
    }
    if (world.giving !== null) yield can({ do: "give" }, "flow", giveBack);
}

/** What the attacker and accidents do. */
function* faultSteps(world: World, budget: Budget, faults: Faults): Generator<EpochStep> {
    for (const [index, frame] of world.wire.entries()) yield can({ do: "deliver", index, frame }, "fault", (w) => void receive(w, frame, faults));
    if (!held(world, budget)) for (const [index, ack] of world.acks.entries()) yield can({ do: "answer", index, ack }, "fault", (w) => acknowledge(w, ack, faults));
    for (const { key, epoch, from, to } of world.oracle.burnt) {
        const counter = world.to.connection?.next ?? 1;
        if (to) yield can({ do: "forge", epoch }, "fault", (w) => void receive(w, { key, epoch, counter, payload: FORGED }, faults));
        const last = (world.from.connection?.next ?? 1) - 1;
        if (from && last > 0 && !held(world, budget)) yield can({ do: "forge ack", epoch, counter: last }, "fault", (w) => acknowledge(w, { key, epoch, counter: last }, faults));
    }
    if (budget.hostileHost === true) for (const [index, frame] of world.wire.entries()) yield can({ do: "give any", index, frame }, "fault", (w) => giveAny(w, frame));
    if (world.left.crashes > 0) {
        for (const side of SIDES) if (world[side].connection !== null || world[side].slot !== null) yield can({ do: "crash", side }, "fault", (w) => crash(w, side));
    }
    if (world.left.interruptions === 0) return;
    for (const [i, up] of world.ups.entries()) if (up !== null) yield can({ do: "kill", up: i }, "fault", (w) => kill(w, i));
    for (const side of SIDES) {
        if (world[side].slot === null) continue;
        yield can({ do: "other", side }, "fault", (w) => {
            w.left.interruptions--;
            w[side].slot = null;
        });
    }
}

/** Everything that can happen next. */
export const stepsOf = (world: World, budget: Budget, faults: Faults): EpochStep[] =>
    [...deployerSteps(world, budget, faults), ...flowSteps(world, budget, faults), ...faultSteps(world, budget, faults)];

/** The model, with the weaknesses of `faults`. */
export const epochModel = (budget: Budget, faults: Faults = {}): Model<World> => ({
    initial: initialWorld(budget),
    steps: (world) => stepsOf(world, budget, faults),
    invariant: () => undefined,
    canonical,
    // A host of the attacker can stop everything.
    reachable: budget.hostileHost ? [] : [
        { name: "an `up` can always make everything whole", by: ["deployer", "flow"], goal: converged },
        // Of two deployers one may take the other's first keys for a restart: then its own `up` goes on to repair that.
        ...(budget.deployers > 1 ? [] : [{
            // A receiver remembers one epoch besides its current one: after two interruptions in a row the events may wait for the next `up`.
            name: "an interrupted rotation never stops the events",
            by: ["flow"] as const,
            when: ({ from, to, due, oracle }: World) => from.connection?.active === true && to.connection !== null && !oracle.restarted.from && !oracle.restarted.to && oracle.burnt.length === 0 && due !== "compromise"
                && (to.connection.current?.epoch ?? 0) <= (from.connection.current?.epoch ?? 0) + 1,
            goal: ({ from }: World) => from.connection !== null && from.connection.acknowledged === from.connection.next - 1,
        }]),
    ],
});

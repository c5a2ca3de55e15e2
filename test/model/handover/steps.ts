// Everything that can happen in a hand-over (docs/protocol.md section 9): the deployer works, instances process, hosts send, and
// the attacker and accidents do what they like within a budget.
import { Violation, type Kind, type Model, type Step } from "../explorer";
import { posted, proceed, type Faults } from "./deployer";
import { canProcess, challenge, isLive, processEvent, sendOutput, take } from "./instance";
import { canonical, converged, initialWorld, type Budget, type Message, type Place, type Up, type World } from "./world";

export type { Faults };

/** What happens in a step. A replay does the same to real kits; `index` is the place on the wire. */
export type Act =
    | { readonly do: "begin" | "kill" | "event" }
    | { readonly do: "up"; readonly step: Up["step"] }
    | { readonly do: "kill under way"; readonly type: Message["type"] }
    | { readonly do: "process" | "send" | "crash" | "challenge"; readonly place: Place }
    | { readonly do: "late"; readonly place: Place; readonly index: number; readonly type: Message["type"] };

export interface HandOverStep extends Step<World> {
    readonly act: Act;
}

const PLACES: readonly Place[] = ["old", "next"];
const WHO: Readonly<Record<Place, string>> = { old: "the old instance", next: "the new instance" };

function describe(act: Act): string {
    switch (act.do) {
        case "begin": return "up begins";
        case "up": return `up: ${act.step}`;
        case "kill": return "up is killed";
        case "kill under way": return `up is killed with ${act.type} under way`;
        case "event": return "the peer sends an event";
        case "process": return `${WHO[act.place]} processes the next event`;
        case "send": return `the host of ${WHO[act.place]} sends an output`;
        case "crash": return `${WHO[act.place]} crashes`;
        case "challenge": return `somebody challenges ${WHO[act.place]}`;
        case "late": return `${WHO[act.place]} gets ${act.type} once more, or late`;
    }
}

const can = (act: Act, kind: Kind, run: (world: World) => void): HandOverStep => ({ act, name: describe(act), kind, run });

function crash(world: World, place: Place): void {
    world.left.crashes--;
    world.oracle.crashed = true;
    world[place] = null;
}

function* steps(world: World, faults: Faults): Generator<HandOverStep> {
    const { up, left, peer } = world;
    if (up === null && !(world.old?.planned === true && world.old.state === "active" && world.next === null)) {
        yield can({ do: "begin" }, "deployer", (w) => void (w.up = { step: "look", h: 0, target: 0, state: null }));
    }
    if (up !== null) yield can({ do: "up", step: up.step }, "deployer", (w) => proceed(w, faults));
    if (left.events > 0) yield can({ do: "event" }, "fault", (w) => { w.left.events--; w.peer.sent++; });
    for (const place of PLACES) {
        const it = world[place];
        if (it === null) continue;
        if (canProcess(it, world, faults)) yield can({ do: "process", place }, "flow", (w) => processEvent(w, place));
        // What an instance under former keys emits is refused by the peer.
        if (it.keptTo > it.keptFrom && (it.keys === peer.keys || it.state === "released")) yield can({ do: "send", place }, "flow", (w) => sendOutput(w, place));
        for (const [index, message] of world.wire.entries()) yield can({ do: "late", place, index, type: message.type }, "fault", (w) => void take(w, place, message, faults));
        if (left.crashes > 0) yield can({ do: "crash", place }, "fault", (w) => crash(w, place));
        if (left.challenges > 0) yield can({ do: "challenge", place }, "fault", (w) => { w.left.challenges--; challenge(w, place, faults); });
    }
    if (left.kills > 0 && up !== null) {
        yield can({ do: "kill" }, "fault", (w) => { w.left.kills--; w.up = null; });
        const sent = up.step === "undo" && world.old?.state !== "prepared" ? undefined : posted(world);
        if (sent !== undefined) yield can({ do: "kill under way", type: sent.message.type }, "fault", (w) => { w.left.kills--; w.up = null; w.wire.push(sent.message); });
    }
}

/** Everything that can happen next. */
export const stepsOf = (world: World, faults: Faults): HandOverStep[] => [...steps(world, faults)];

/** The model, with the weaknesses of `faults`. */
export const handOverModel = (budget: Budget, faults: Faults = {}): Model<World> => ({
    initial: initialWorld(budget),
    steps: (world) => stepsOf(world, faults),
    canonical: (world) => canonical(world, faults.releasesUnprepared === true),
    invariant: ({ old, next, peer }) => {
        if (isLive(old) && isLive(next)) throw new Violation("never two live instances");
        for (const it of [old, next]) if (it?.state === "released" && it.keys === peer.keys) throw new Violation("a released instance has no keys");
    },
    reachable: [{ name: "an `up` can always make the planned image the module, with nothing lost", by: ["deployer", "flow"], goal: converged }],
});

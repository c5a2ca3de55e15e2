// What became of the events of one step, told by the two modules at the ends, and which of it is promised. Knows nothing of agents.
import type { StreamCounts } from "../lifecycle/stream-checker";
import { RECORD } from "./modules";

/** One event, as the sink processed it. */
export interface Delivered {
    readonly tag: number;
    readonly n: number;
    /** Count of the module in the middle: begins anew with its state. */
    readonly passed: number;
    /** Counters under which it arrived at the module in the middle, and at the sink. */
    readonly counterIn: number;
    readonly counter: number;
}

export function decode(bytes: Uint8Array): Delivered[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.byteLength / RECORD }, (_, index) => {
        const at = (field: number) => view.getUint16(index * RECORD + 2 * field, true);
        return { tag: at(0), n: at(1), passed: at(2), counterIn: at(3), counter: at(4) };
    });
}

/** A series as its source told of it. */
export interface Series {
    readonly tag: number;
    /** How many events were sent; undefined where the source died with that number. */
    readonly sent: number | undefined;
}

/** Which modules have reported the loss of their state. */
export type Module = "source" | "worker" | "sink";

/** What surviving modules attested after a kill and before anything was repaired: counters of acknowledged events. */
export interface Attested {
    /** Of the source: what the module in the middle had taken. */
    readonly taken?: number;
    /** Of the module in the middle: what the sink had processed. */
    readonly processed?: number;
}

/** What became of the events; `lost` are those that a party held. */
export interface Verdict extends StreamCounts {
    /** Gone with the state of a module that was killed and has reported it. */
    readonly promised: number;
    /** What does not fit, for people; empty where all of it was promised. */
    readonly problems: readonly string[];
}

/**
 * @param series - in the order in which they were begun
 * @param segments - what the sink processed, one list for each of its states that was read
 * @param reported - whose loss was reported
 */
export function judge(series: readonly Series[], segments: readonly (readonly Delivered[])[], reported: ReadonlySet<Module>, attested: Attested = {}): Verdict {
    const problems: string[] = [];
    const counts = { duplicated: 0, reordered: 0, foreign: 0, lost: 0, promised: 0 };
    const order = new Map(series.map(({ tag }, index) => [tag, index]));
    const seen = new Map<number, Set<number>>(series.map(({ tag }) => [tag, new Set()]));
    const say = (what: string, { tag, n, passed, counterIn, counter }: Delivered) => problems.length < 20 && problems.push(`${what}: event ${n} of series ${tag} (passed ${passed}, counters ${counterIn} and ${counter})`);

    let before: Delivered | undefined;
    let segment = 0;
    for (const [index, delivered] of segments.flatMap((events, number) => events.map((event) => [number, event] as const))) {
        const events = seen.get(delivered.tag);
        const sent = series.find(({ tag }) => tag === delivered.tag)?.sent;
        if (events === undefined || (sent !== undefined && delivered.n >= sent)) {
            counts.foreign++;
            say("never sent", delivered);
        } else if (events.has(delivered.n)) {
            counts.duplicated++;
            say("delivered twice", delivered);
        } else {
            events.add(delivered.n);
            if (before !== undefined) follow(before, delivered, index !== segment);
        }
        before = delivered;
        segment = index;
    }

    function follow(last: Delivered, next: Delivered, sinkBegan: boolean): void {
        const sameSeries = last.tag === next.tag;
        if (order.get(next.tag)! < order.get(last.tag)! || (sameSeries && next.n < last.n)) {
            counts.reordered++;
            say("delivered late", next);
            return;
        }
        const workerBegan = next.passed <= last.passed;
        if (sinkBegan && !reported.has("sink")) say("the sink has lost what it knew, and said nothing", next);
        if (workerBegan && !reported.has("worker")) say("the module in the middle has lost its count, and said nothing", next);
        if (!workerBegan && !sinkBegan && next.passed !== last.passed + 1) say("the module in the middle has counted what did not arrive", next);
        // What the sink is told under the next counter is next; only one that began anew may have forgotten some.
        if (!sinkBegan && next.counter !== last.counter + 1) say("the counters of the sink are not contiguous", next);
        if (sinkBegan && attested.processed !== undefined && !workerBegan && next.counter !== attested.processed + 1) {
            say(`the sink went on elsewhere than after ${attested.processed}, what it had acknowledged`, next);
        }
        if (workerBegan && attested.taken !== undefined && !sinkBegan && next.counterIn !== attested.taken + 1) {
            say(`the module in the middle went on elsewhere than after ${attested.taken}, what it had acknowledged`, next);
        }
        // A source that lives numbers as its connection counts.
        if (sameSeries && next.n - last.n !== next.counterIn - last.counterIn) say("numbers and counters part", next);
    }

    // Losses: promised only in one run where a state ended, or at the end of a series whose source died.
    let sent = 0;
    for (const { tag, sent: told } of series) {
        const events = seen.get(tag)!;
        const known = told ?? (events.size === 0 ? 0 : Math.max(...events) + 1);
        sent += known;
        const missing = Array.from({ length: known }, (_, n) => n).filter((n) => !events.has(n));
        if (missing.length === 0) continue;
        const runs = missing.filter((n, index) => n !== missing[index - 1]! + 1).length;
        const excusable = (reported.has("worker") ? 1 : 0) + (reported.has("sink") ? 1 : 0);
        if (runs > excusable) {
            counts.lost += missing.length;
            if (problems.length < 20) problems.push(`series ${tag}: ${missing.length} of ${known} events are lost in ${runs} runs, ${missing[0]!} first${excusable === 0 ? ", and no module reported a loss" : ""}`);
        } else counts.promised += missing.length;
    }
    const delivered = segments.reduce((sum, events) => sum + events.length, 0);
    return { sent, delivered, ...counts, problems };
}

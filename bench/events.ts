// Events between two modules of one machine, through real agents and module hosts: round trips and throughput, beside
// the same bytes and the same framing between two plain processes, taken in turn.
import { Baseline, type Kind, type Processors } from "./baseline";
import { EventStack, type Place, PLACES } from "./event-stack";
import type { Options } from "./main";
import { duration, median, quantile, ratio, whole } from "./statistics";
import { print } from "./table";

type Subject = Kind | Place;
type Stacks = Readonly<Record<Place, EventStack>>;

const SUBJECTS: readonly (readonly [Subject, string])[] = [["bare", "bare TCP"], ["framed", "same framing, no crypto or enclave"], ["plain", "native modules without cryptography"], ["native", "native modules"], ["sgx", "emulated SGX enclaves"]];
const SIZES = [64, 1024];

const isPlace = (subject: Subject): subject is Place => (PLACES as readonly string[]).includes(subject);

/** Prints both tables. */
export async function events({ quick }: Options): Promise<void> {
    const baseline = await Baseline.compile();
    try {
        // Two, because a kit is chosen for everything that is built.
        const [plain, real] = [await EventStack.start(["plain"]), await EventStack.start(["native", "sgx"])];
        const stacks: Stacks = { plain, native: real, sgx: real };
        try {
            await latency(baseline, stacks, quick ? 3 : 7, quick ? 2000 : 10_000);
            await throughput(baseline, stacks, quick ? 3 : 7, quick ? 1000 : 3000);
        } finally {
            await plain.end();
            await real.end();
        }
    } finally {
        await baseline.remove();
    }
}

/** Round trips where both ends share a processor, and where each has its own: waking another one costs more than all else. */
const PLACEMENTS: readonly (readonly [string, Processors])[] = [["one", [0, 0]], ["two", [0, 1]]];

/** Medians over the rounds of each round's figures. */
async function latency(baseline: Baseline, stacks: Stacks, rounds: number, trips: number): Promise<void> {
    const rows: string[][] = [];
    for (const [cores, processors] of PLACEMENTS) {
        for (const place of PLACES) await stacks[place].place(place, ["ping", "pong"], processors);
        for (const size of SIZES) {
            const found = new Map<Subject, { half: number; most: number }[]>(SUBJECTS.map(([subject]) => [subject, []]));
            for (let round = 0; round < rounds; round++) {
                for (const [subject] of SUBJECTS) {
                    const cycles = isPlace(subject) ? await stacks[subject].roundTrips(subject, size, trips) : await baseline.roundTrips(subject, size, trips, processors);
                    const times = cycles.slice(trips / 10).map((count) => count / baseline.hertz * 1000);
                    found.get(subject)?.push({ half: median(times), most: quantile(times, 0.99) });
                }
            }
            const middle = (subject: Subject, of: "half" | "most") => median((found.get(subject) ?? []).map((figures) => figures[of]));
            for (const [subject, name] of SUBJECTS) {
                const ratios = (found.get(subject) ?? []).map(({ half }, round) => half / (found.get("bare")?.[round]?.half ?? NaN));
                rows.push([`${size} B`, cores, name, duration(middle(subject, "half")), duration(middle(subject, "most")), ratio(median(ratios))]);
            }
        }
    }
    print(`Round trip A → B → A (${rounds} × ${whole(trips)}, in turn)`, ["event", "cores", "between", "median", "p99", "to bare TCP"], rows);
}

async function throughput(baseline: Baseline, stacks: Stacks, rounds: number, milliseconds: number): Promise<void> {
    const found = new Map<Subject, number[]>(SUBJECTS.map(([subject]) => [subject, []]));
    for (const place of PLACES) await stacks[place].place(place, ["source", "sink"], [0, 1]);
    for (let round = 0; round < rounds; round++) {
        for (const [subject] of SUBJECTS) {
            found.get(subject)?.push(isPlace(subject) ? await rate(stacks[subject], subject, milliseconds, baseline.hertz) : await baseline.flow(subject, milliseconds, [0, 1]));
        }
    }
    const rows = SUBJECTS.map(([subject, name]) => {
        const rates = found.get(subject) ?? [];
        const share = (of: Subject) => `${median(rates.map((value, round) => value / (found.get(of)?.[round] ?? NaN) * 100)).toFixed(1)} %`;
        return [name, whole(median(rates)), duration(1000 / median(rates)), share("framed"), share("plain")];
    });
    print(`Events of 64 bytes from one module to another (${rounds} × ${duration(milliseconds)}, in turn)`, ["between", "events/s", "an event", "of the same framing", "of the same without cryptography"], rows);
}

async function rate(stack: EventStack, place: Place, milliseconds: number, hertz: number): Promise<number> {
    const [first, last] = await stack.flow(place, milliseconds);
    return (last.count - first.count) / ((last.time - first.time) / hertz);
}

// Three modules under load, of which the one in the middle is updated and moved. The first numbers what it sends, the last
// publishes what it hears: two modules that nobody touches say whether anything was lost, doubled or reordered.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import { driverOf, endOf } from "../../provider/lifecycle/ends";
import * as ae from "../../resources";
import { Stack, type Step } from "./stack";
import { compareStreams, type StreamCounts } from "./stream-checker";

/** For modules: publishes a word and numbers. */
export const PRINT = `
#include <authentic.h>
static void say(const char *what, const uint64_t *numbers, int count) {
    char text[128];
    size_t at = 0;
    while (*what) text[at++] = *what++;
    for (int i = 0; i < count; i++) {
        char digits[20];
        int length = 0;
        uint64_t value = numbers[i];
        do digits[length++] = (char)('0' + value % 10);
        while ((value /= 10) > 0);
        text[at++] = ' ';
        while (length > 0) text[at++] = digits[--length];
    }
    text[at] = 0;
    authentic_log(text);
}
`;
const SOURCE = `${PRINT}
static uint64_t number;
AUTHENTIC_OUTPUT(numbers, 8)
AUTHENTIC_ENTRY(tick, 0) {
    uint64_t next = number + 1;
    if (numbers(&next, sizeof next) != AUTHENTIC_OK) return;
    number = next;
    say("sent", &number, 1);
}
`;
/** Counts in its state what it passes on; with schema 2 it keeps more, and numbers its declarations in another way. */
const WORKER = `
#include <authentic.h>
#ifdef BROKEN
BROKEN
#endif
#ifdef LARGE
#ifdef DROPPED
AUTHENTIC_DROP(large)
#else
struct large { uint8_t bytes[LARGE]; };
AUTHENTIC_STATE(struct large, large, 1)
#endif
#endif
#if SCHEMA > 1
AUTHENTIC_DROP(spare)
AUTHENTIC_ENTRY(added, 0) {}
struct seen { uint64_t before, now; };
AUTHENTIC_STATE(struct seen, seen, 2)
struct seen_1 { uint64_t count; };
AUTHENTIC_MIGRATE(seen, 1, struct seen_1) {
#ifdef FAULTY
    *(volatile int *)8 = 1;
#endif
#ifdef REFUSING
    return false;
#endif
    seen.before = old->count;
    return true;
}
#define COUNT (++seen.now + seen.before)
#else
struct seen { uint64_t count; };
AUTHENTIC_STATE(struct seen, seen, 1)
#define COUNT (++seen.count)
#endif
AUTHENTIC_OUTPUT(out, 24)
AUTHENTIC_INPUT(in, 8) {
    uint64_t passed[3] = {0, COUNT, VERSION};
    memcpy(passed, data, 8);
    out(passed, sizeof passed);
}
`;
/** The same in Rust, which numbers its declarations by their names; with schema 1 it also keeps what is forgotten later. */
const workerInRust = (version: number, schema: 1 | 2, defines: Readonly<Record<string, string>>): string => `
#![no_std]
#![forbid(unsafe_code)]
use authentic::*;
#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Seen1 { count: u64 }
${schema === 1 ? `
#[state(1)]
static SEEN: State<Seen1> = State::new(Seen1 { count: 0 });
#[state(1)]
static SPARE: State<[u32; 3]> = State::new([1, 2, 3]);
fn count() -> u64 { SEEN.with(|seen| { seen.count += 1; seen.count }) }
` : `
#[entry]
fn added() {}
#[derive(Clone, Copy, Plain)]
#[repr(C)]
struct Seen { before: u64, now: u64 }
#[state(2)]
static SEEN: State<Seen> = State::new(Seen { before: 0, now: 0 });
#[migrate(1)]
fn seen(old: &Seen1) -> bool {
    ${"FAULTY" in defines ? "assert!(old.count == u64::MAX);" : ""}
    SEEN.with(|seen| seen.before = old.count);
    ${"REFUSING" in defines ? "false" : "true"}
}
#[drop]
static SPARE: Dropped;
fn count() -> u64 { SEEN.with(|seen| { seen.now += 1; seen.now + seen.before }) }
`}
${defines["BROKEN"] ?? ""}
#[output(24)]
fn out(data: &[u8]) -> Result;
#[input(8, name = "in")]
fn passes(data: &[u8]) {
    let mut passed = [0; 24];
    passed[..8].copy_from_slice(data);
    passed[8..16].copy_from_slice(&count().to_le_bytes());
    passed[16..].copy_from_slice(&${version}u64.to_le_bytes());
    let _ = out(&passed);
}
`;
const SINK = `${PRINT}
AUTHENTIC_INPUT(heard, 24) {
    uint64_t numbers[3];
    memcpy(numbers, data, sizeof numbers);
    say("heard", numbers, 3);
}
`;

type Tee = "native" | "sgx" | "trustzone";
/** Nodes of the module in the middle, besides the first: those of other kinds are declared where a variant names them. */
const PLACES = { second: "native", enclaves: "sgx", board: "trustzone", "other board": "trustzone" } as const;
type Place = keyof typeof PLACES;

/** What is declared. */
export interface Variant {
    readonly tee?: Tee;
    /** Passed on with each event. */
    readonly version?: number;
    readonly schema?: 1 | 2;
    /** Of the module in the middle; C by default. */
    readonly language?: "c" | "rust";
    /** The node of the module in the middle. */
    readonly on?: "first" | Place;
    /** Which nodes there are; those that `on` may name where it is given. */
    readonly places?: readonly Place[];
    readonly defines?: Record<string, string>;
    readonly onStateLoss?: "fail" | "restart";
    /** Of the connection into the module in the middle. */
    readonly rotate?: number;
}

const PATIENCE_MS = Number(process.env["PATIENCE"] ?? 60_000);

/** Lines that a module has published since its instance began, as numbers. */
export function published(stack: Stack, module: string, word: string): number[][] {
    const { nodeFolder, instance } = stack.outs("Module", module) as { nodeFolder: string; instance: string };
    const log = fs.readFileSync(path.join(nodeFolder, "instances", instance, "host.log"), "utf8");
    return [...log.matchAll(new RegExp(`"${word}((?: \\d+)+)"`, "g"))].map(([, numbers = ""]) => numbers.trim().split(" ").map(Number));
}

/** The program, its stack and its load. */
export class Scene {
    readonly stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });

    /** @param base - of a scene that another process has begun; undefined begins one */
    constructor(readonly base: string = fs.mkdtempSync(path.join(os.tmpdir(), "scene-"))) {
        process.env["AUTHENTIC_STATE"] = path.join(this.base, "nodes");
        for (const [name, text] of Object.entries({ source: SOURCE, worker: WORKER, sink: SINK })) fs.writeFileSync(path.join(this.base, `${name}.c`), text);
    }

    program(variant: Variant): () => void {
        const { tee = "native", version = 1, schema = 1, on = "first", places = variant.on === undefined ? [] : ["second", "enclaves"], defines = {}, onStateLoss = "fail", language = "c" } = variant;
        if (language === "rust") fs.writeFileSync(path.join(this.base, "worker.rs"), workerInRust(version, schema, defines));
        return () => {
            const deployment = new ae.Deployment("d");
            const node = (name: string, kind: Tee) => new ae.Node(name.replace(" ", "-"), { deployment, tee: kind, ...(kind === "native" ? {} : { backend: "emulated" as const }) });
            const ends = node("ends", "native");
            const nodes = new Map<string, ae.Node>([["first", node("first", tee)], ...places.map((name) => [name, node(name, PLACES[name])] as const)]);
            const of = (name: string) => path.join(this.base, `${name}.c`);
            const source = new ae.Module("source", { node: ends, source: of("source") });
            const written = language === "c" ? { source: of("worker"), defines: { VERSION: String(version), SCHEMA: String(schema), ...defines } } : { source: path.join(this.base, "worker.rs") };
            const worker = new ae.Module("worker", { node: nodes.get(on)!, ...written, onStateLoss });
            const sink = new ae.Module("sink", { node: ends, source: of("sink") });
            // From the end to the beginning, so that nothing is sent that cannot be passed on yet.
            const b = new ae.Connection("b", { from: worker.output("out"), to: sink.input("heard") });
            const { rotate } = variant;
            new ae.Connection("a", { from: source.output("numbers"), to: worker.input("in"), ...(rotate === undefined ? {} : { rotate }) }, { dependsOn: [b] });
            new ae.Trigger("tick", { module: source, entry: "tick", every: "10ms" });
        };
    }

    up(variant: Variant): Promise<Step[]> {
        return this.stack.up(this.program(variant));
    }

    preview(variant: Variant): Promise<Step[]> {
        return this.stack.preview(this.program(variant));
    }

    folder(module: string): string {
        return this.stack.outs("Module", module)["nodeFolder"] as string;
    }

    /** The folder of a node. */
    place(on: NonNullable<Variant["on"]>): string {
        return this.stack.outs("Node", on.replace(" ", "-"))["folder"] as string;
    }

    /** Instances that these nodes keep of the module in the middle: itself, and one that is to take over. */
    instances(on: readonly NonNullable<Variant["on"]>[]): { readonly folder: string; readonly id: string }[] {
        return on.map((name) => this.place(name)).flatMap((folder) => fs.readdirSync(path.join(folder, "instances"))
            .filter((id) => id.startsWith(this.instance("worker"))).map((id) => ({ folder, id })));
    }

    /** How many instances of the module in the middle attest keys now. Whoever cannot be asked is not counted. */
    async holders(on: readonly NonNullable<Variant["on"]>[]): Promise<number> {
        const module = this.stack.outs("Module", "worker") as unknown as Parameters<typeof endOf>[1] & Parameters<typeof endOf>[0];
        const asked = await Promise.all(this.instances(on).map(async ({ folder, id }) => {
            const report = await new AgentClient(folder).instance(id).catch(() => undefined);
            if (report?.state !== "running") return 0;
            const end = await endOf({ ...module, module: "worker", nodeFolder: folder, successor: id !== this.instance("worker") }, module);
            // Whichever program it is.
            const { status } = await (await driverOf(module)).attest({ ...end, appraise: () => Promise.resolve({} as Awaited<ReturnType<typeof end.appraise>>) });
            return status.connections.some(({ keyId }) => /[^0]/.test(keyId)) ? 1 : 0;
        }));
        return asked.reduce((sum: number, one) => sum + one, 0);
    }

    instance(module: string): string {
        return this.stack.outs("Module", module)["instance"] as string;
    }

    /** Lines that a module has published, as numbers. */
    published(module: string, word: string): number[][] {
        return published(this.stack, module, word);
    }

    /** How far each end of each connection is, for messages. */
    async queues(): Promise<string> {
        const found = await Promise.all(["source", "worker", "sink"].map(async (module) => {
            const report = await new AgentClient(this.folder(module)).instance(this.instance(module));
            return `${module} ${report?.state ?? "missing"}: ${(report?.connections ?? []).map(({ direction, state, epoch, next, acknowledged, queued, connected, refused }) => JSON.stringify({ direction, state, epoch, next, acknowledged, queued, connected, refused })).join(" ")}`;
        }));
        return found.join("; ");
    }

    /** What became of the numbers that the source has sent. */
    counts(): StreamCounts {
        const numbers = (module: string, word: string) => this.published(module, word).map(([number]) => String(number));
        return compareStreams(numbers("source", "sent"), numbers("sink", "heard"));
    }

    /** The module in the middle has counted everything that was sent: its state was never lost. */
    counted(): void {
        const sent = this.published("source", "sent").map(([number]) => number);
        assert.deepEqual(this.published("sink", "heard").map(([, count]) => count), sent, "the module in the middle has lost its count");
    }

    load(): Load {
        return new Load(this);
    }

    /**
     * Everything that was sent was heard, once and in order, and the module in the middle has counted all of it.
     *
     * @param versions - of the module in the middle, as they took over from each other; undefined: any, each after the one before
     */
    isWhole(versions: readonly number[] | undefined): number {
        const sent = this.published("source", "sent").map(([number]) => number);
        const heard = this.published("sink", "heard");
        assert.deepEqual(sent, Array.from(sent, (_, index) => index + 1), "the source numbers what it sends");
        assert.deepEqual(heard.map(([number]) => number), sent, "what was heard is not what was sent");
        this.counted();
        const seen = [...new Set(heard.map(([, , version = 0]) => version))];
        assert.deepEqual(seen, versions ?? seen.toSorted((x, y) => x - y), "other versions passed events on");
        return sent.length;
    }

    async end(): Promise<void> {
        try {
            await this.stack.destroy();
        } finally {
            delete process.env["AUTHENTIC_STATE"];
            fs.rmSync(this.base, { recursive: true, force: true });
        }
    }
}

/** Events that keep coming. */
export class Load {
    constructor(private readonly scene: Scene) {}

    heard(): number {
        return this.scene.published("sink", "heard").length;
    }

    /** Waits until so many events have arrived in all. */
    async reaches(count: number): Promise<void> {
        for (const deadline = Date.now() + PATIENCE_MS; this.heard() < count;) {
            if (Date.now() > deadline) assert.fail(`${this.heard()} events were heard, not ${count}; ${await this.scene.queues()}`);
            await sleep(20);
        }
    }

    /** Waits until so many more have arrived. */
    goesOn(count: number): Promise<void> {
        return this.reaches(this.heard() + count);
    }

    /** Ends the load and waits until everything that was sent has arrived. */
    async stopped(): Promise<void> {
        await new AgentClient(this.scene.folder("source")).removeTrigger(this.scene.instance("source"), "tick");
        await sleep(50);
        await this.reaches(this.scene.published("source", "sent").length);
    }
}

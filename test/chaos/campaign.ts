// The campaign: a plant is created, changed, looked at and deleted, and in each step one fault happens. After each the next
// refresh and `up` converge, and what became of every event is told by the modules at the ends.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AuthenticError } from "../../provider/errors";
import { closeConnections } from "../../provider/ssh/hosts";
import { freeDisk } from "../agent/disk";
import type { Random } from "../attest/campaign/random";
import { Network } from "../network/network";
import { SshHost } from "../ssh/server";
import { codeOf } from "./codes";
import { type Fault, FAULTS, HOSTS, KINDS, type Kind, type Phase, type Rival, type Struck, type Target } from "./faults";
import { SERIES } from "./modules";
import { Moments } from "./moments";
import { type Delivered, judge, type Module, type Series } from "./oracle";
import { type Place, Plant, type Variant } from "./plant";
import { beginRival } from "./rival";
import { Table } from "./table";

/** Megabytes of a host's disk: room for the programs and state of a few nodes. */
const DISK = 160;
const MIDDLE: readonly Phase[] = ["idle", "rotate", "change", "move", "refresh"];
/** How short the waits of the deployer are, so that what fails does so soon. */
const SETTINGS = { keepAlive: "1s", timeouts: { connect: "3s", dial: "6s", command: "30s" } } as const;
/** How long a fault that lasts does, at least. */
const AT_LEAST_MS = 1_500;
/** So many events arrive before something happens. */
const SOME = 5;

/** What is to happen. */
export interface Draw {
    readonly kind: Kind;
    readonly phase: Phase;
}

/** All faults in all phases, shuffled; each comes before any comes again. */
export class Deck {
    private left: Draw[];

    /** @param first - what comes before all that, in this order */
    constructor(private readonly random: Random, first: readonly Draw[] = []) {
        this.left = [...first];
    }

    /** The next one that fits. */
    take(fits: (draw: Draw) => boolean): Draw {
        for (;;) {
            const at = this.left.findIndex(fits);
            if (at >= 0) return this.left.splice(at, 1)[0]!;
            this.left.push(...shuffled(this.random, KINDS.flatMap((kind) => FAULTS[kind].phases.map((phase) => ({ kind, phase })))));
        }
    }
}

function shuffled<T>(random: Random, all: readonly T[]): T[] {
    const left = [...all];
    return Array.from(all, () => left.splice(random(left.length), 1)[0]!);
}

export class Campaign {
    readonly table = new Table();
    /** What did not hold, with where. */
    readonly failures: string[] = [];
    private readonly base = fs.mkdtempSync(path.join(os.tmpdir(), "chaos-"));
    private network!: Network;
    private hosts!: readonly [SshHost, SshHost];
    private plant!: Plant;
    private variant!: Variant;
    private tag = 0;
    private serial = 1;
    /** Steps that a command of a phase has taken at least. */
    private readonly steps = new Map<Phase, number>([["create", 40], ["rotate", 8], ["change", 20], ["move", 20], ["refresh", 15], ["delete", 20]]);

    constructor(private readonly random: Random, private readonly seed: number, private readonly say: (line: string) => void) {}

    async begin(): Promise<void> {
        this.network = await Network.start(HOSTS, this.seed);
        const start = (name: string) => new SshHost({ ...this.network.place(name), disk: DISK }).start();
        this.hosts = [await start("here"), await start("there")];
    }

    /** @returns what still runs although everything was deleted */
    async end(): Promise<string[]> {
        await closeConnections();
        const left = (await Promise.all(this.hosts.map((host) => host.remove()))).flat();
        await this.network.close();
        fs.rmSync(this.base, { recursive: true, force: true });
        return left;
    }

    /** From nothing to nothing, with so many faults in between. */
    async cycle(deck: Deck, faults: number, board: boolean): Promise<void> {
        try {
            await this.live(deck, faults, board);
        } catch (error) {
            this.fail(error instanceof Error ? error.message : String(error));
            // The next one begins with nothing.
            await closeConnections();
            await this.network.heal();
            for (const host of this.hosts) {
                freeDisk(host.disk);
                await host.reboot();
                fs.rmSync(host.nodes, { recursive: true, force: true });
            }
            throw error;
        }
    }

    private async live(deck: Deck, faults: number, board: boolean): Promise<void> {
        const folder = fs.mkdtempSync(path.join(this.base, "plant-"));
        this.plant = new Plant(folder, [this.hosts[0].ssh(SETTINGS), this.hosts[1].ssh(SETTINGS)]);
        this.variant = { on: "middle", worker: ++this.serial, sink: 1, rotate: 0, board };
        await this.create(deck.take(({ phase }) => phase === "create"));
        for (let n = 0; n < faults; n++) {
            // A board that is not there cannot be cut off; an enclave can be killed where there is one.
            await this.step(deck.take(({ kind, phase }) => MIDDLE.includes(phase) && (kind !== "board" || this.variant.on === "board") && (kind !== "enclave" || this.variant.on === "middle")));
        }
        await this.delete(deck.take(({ phase }) => phase === "delete"));
    }

    private async create({ kind, phase }: Draw): Promise<void> {
        await this.during({ kind, phase }, () => this.plant.up(this.variant));
        await this.converge(`${kind} in ${phase}`);
        this.tag++;
        await this.plant.tell(this.tag);
        const row = this.table.row(kind, phase);
        await this.settle(row, `${kind} in ${phase}`, [], new Set(), {});
    }

    private async delete({ kind, phase }: Draw): Promise<void> {
        const { failed } = await this.during({ kind, phase }, () => this.plant.stack.destroy());
        await closeConnections();
        if (failed) await this.plant.stack.destroy();
        const left = this.hosts.flatMap((host) => [...host.processes().map(({ words }) => words.join(" ")), ...fs.existsSync(host.nodes) ? [host.nodes] : []]);
        assert.deepEqual(left, [], `${kind} in ${phase}: something is left`);
    }

    /** One fault while everything runs. */
    private async step(draw: Draw): Promise<void> {
        const { kind, phase } = draw;
        const where = `${kind} in ${phase}`;
        const { plant } = this;
        this.tag++;
        await plant.forget();
        await plant.tell(this.tag);
        const early = await plant.heard("events flow", (events) => events.length >= SOME);
        const losses = plant.losses();
        const reported = new Set<Module>();
        const note = () => {
            for (const [module, loss] of plant.losses()) if (losses.get(module) !== loss) reported.add(module);
        };
        const hosts = this.moduleHosts();
        const next = this.next(phase);
        const row = this.table.row(kind, phase);
        const { struck } = await this.during(draw, phase === "idle" ? undefined : async () => {
            if (phase === "refresh") await plant.stack.refresh();
            else await plant.up(this.variant = next);
        });
        note();
        const fault: Fault = FAULTS[kind];
        if (phase === "idle" && fault.alone) {
            const before = await this.patiently(() => plant.delivered());
            await this.patiently(() => plant.heard(`${where}: events flow again by themselves`, ({ length }) => length > before.length));
            assert.deepEqual(this.moduleHosts(), hosts, `${where}: module hosts go on`);
            row.alone++;
        }
        const attested = phase === "idle" && struck !== undefined && !fault.alone ? await plant.attested() : {};
        await this.converge(where, note);
        for (const module of reported) if (struck?.victims.has(module) !== true) this.fail(`${where}: ${module} has lost its state, and nobody had killed it: ${String(plant.losses().get(module))}`);
        row.losses += reported.size;
        await this.settle(row, where, early, reported, attested);
    }

    /** Runs a command, during which the fault happens; without one it happens meanwhile. */
    private async during({ kind, phase }: Draw, command: (() => Promise<unknown>) | undefined): Promise<{ readonly struck: Struck | undefined; readonly failed: boolean }> {
        const { plant } = this;
        const row = this.table.row(kind, phase);
        row.runs++;
        let struck: Struck | undefined;
        let over: Promise<boolean> | undefined;
        const end = (): Promise<boolean> => over ??= struck?.end?.() ?? Promise.resolve(struck !== undefined);
        let timer: NodeJS.Timeout | undefined;
        let remembered: ReturnType<Plant["stack"]["copy"]> | undefined;
        const target: Target = { hosts: this.hosts, network: this.network, random: this.random, idle: command === undefined, rival: () => this.rival(), endDeployer: () => {
            moments.dead = true;
            remembered = plant.stack.copy();
        } };
        const strike = async (): Promise<boolean> => {
            struck = await (FAULTS[kind] as Fault).strike(target);
            if (struck?.lastsMs !== undefined && struck.lastsMs !== Infinity) timer = setTimeout(() => void end().catch(() => undefined), struck.lastsMs);
            return struck !== undefined;
        };
        const expected = this.steps.get(phase) ?? 0;
        const moments = new Moments(command === undefined ? Infinity : 1 + this.random(Math.ceil(expected * 0.9)), strike);
        let failed = false;
        try {
            if (command === undefined) {
                await sleep(this.random(300));
                if (await strike()) await sleep(Math.min(struck?.lastsMs ?? 0, 10_000));
            } else {
                await command();
                // What has begun at the last moment still has an effect.
                if (struck?.lastsMs !== undefined && struck.lastsMs !== Infinity && over === undefined) await sleep(AT_LEAST_MS);
            }
            if (command !== undefined) this.steps.set(phase, moments.steps);
        } catch (error) {
            failed = true;
            if (!moments.dead) row.codes.set(codeOf(error), (row.codes.get(codeOf(error)) ?? 0) + 1);
        } finally {
            moments.end();
            if (remembered !== undefined) {
                plant.stack.restore(remembered);
                await closeConnections();
            }
            clearTimeout(timer);
            if (await end()) row.fired++;
        }
        this.say(`        ${kind} in ${phase}: ${struck?.proof ?? "nothing was there"}; ${moments.steps} steps${failed ? `, refused (${[...row.codes].at(-1)?.[0] ?? "ended"})` : ""}`);
        return { struck, failed };
    }

    /** What the program says next. */
    private next(phase: Phase): Variant {
        const { variant } = this;
        if (phase === "rotate") return { ...variant, rotate: ++this.serial };
        if (phase === "change") return this.random(2) === 0 ? { ...variant, worker: ++this.serial } : { ...variant, sink: ++this.serial };
        if (phase !== "move") return variant;
        const places = (["middle", "spare", ...variant.board ? ["board"] : []] as Place[]).filter((place) => place !== variant.on);
        return { ...variant, on: places[this.random(places.length)]! };
    }

    /** Another one has another program in mind, for the same nodes: where two move a module to two of them, one does not know where to look for it. */
    private rival(): Rival {
        const variant = { ...this.next((["rotate", "change"] as const)[this.random(2)]!), rotate: ++this.serial };
        return beginRival({ folder: fs.mkdtempSync(path.join(this.base, "rival-")), ways: [this.hosts[0].ssh(SETTINGS), this.hosts[1].ssh(SETTINGS)], state: this.plant.stack.copy(), variant });
    }

    /** The next refresh and `up` succeed, and leave nothing to do. */
    private async converge(where: string, note: () => void = () => undefined): Promise<void> {
        const { stack } = this.plant;
        // Each command is a process of its own.
        await closeConnections();
        await stack.refresh().catch((error: unknown) => assert.fail(`${where}: the next refresh fails: ${String(error)}`));
        await this.plant.up(this.variant).catch((error: unknown) => assert.fail(`${where}: the next \`up\` fails: ${String(error)}`));
        note();
        assert.deepEqual(await stack.refresh(), [], `${where}: another refresh finds something`);
        assert.deepEqual(await this.plant.pending(this.variant), [], `${where}: something is left to do`);
    }

    /** Events flow again; then the source stops, everything arrives, and is compared. */
    private async settle(row: ReturnType<Table["row"]>, where: string, early: readonly Delivered[], reported: ReadonlySet<Module>, attested: Parameters<typeof judge>[3]): Promise<void> {
        const { plant } = this;
        const series: Series[] = [];
        const told = await plant.tell();
        const began = told.tag !== this.tag;
        if (began || told.sent > SERIES - SOME * 10) {
            if (began && !reported.has("source")) this.fail(`${where}: the source has lost its state, and said nothing`);
            series.push({ tag: this.tag, sent: began ? undefined : told.sent });
            this.tag++;
        }
        const now = await plant.tell(this.tag);
        await plant.heard(`${where}: events flow again`, (events) => (events.at(-1)?.tag === this.tag && events.at(-1)!.n >= now.sent + SOME));
        const { sent } = await plant.tell(this.tag, false);
        series.push({ tag: this.tag, sent });
        const late = await plant.heard(`${where}: event ${sent - 1} of series ${this.tag} arrives`, (events) => events.at(-1)?.tag === this.tag && events.at(-1)!.n === sent - 1);
        const whole = early.length === 0 || JSON.stringify(late.slice(0, early.length)) === JSON.stringify(early);
        const verdict = judge(series, whole ? [late] : [early, late], reported, attested);
        this.table.add(row, verdict);
        verdict.problems.forEach((problem) => this.fail(`${where}: ${problem}`));
    }

    private fail(what: string): void {
        this.failures.push(what);
        this.say(`        NOT KEPT: ${what}`);
    }

    /** Process ids of module hosts. */
    private moduleHosts(): number[] {
        return this.hosts.flatMap((host) => host.processes()).filter(({ words }) => path.basename(words[0]!) === "authentic-host").map(({ pid }) => pid).sort((a, b) => a - b);
    }

    /** Asks again while the answer does not come: agents come back by themselves. */
    private async patiently<T>(ask: () => Promise<T>): Promise<T> {
        for (const end = performance.now() + 60_000; ;) {
            try {
                return await ask();
            } catch (error) {
                if (!(error instanceof AuthenticError) || performance.now() > end) throw error;
            }
            await sleep(200);
        }
    }
}

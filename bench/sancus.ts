// What an event costs on an emulated Sancus board at the end of a serial line, in its cycles: cryptography, line, and the rest.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sancusModuleKey, sancusVendorKey } from "../provider/crypto/sancus-keys";
import { sealCompact } from "../provider/protocol/compact-frame";
import { KIND, type ConnectionKey, type Kind } from "../provider/protocol/keys";
import { PURPOSE } from "../provider/protocol/m1";
import { encodeUpdate, type TableRecord } from "../provider/protocol/records";
import { decodeS2, encodeS1, encodeSancusActivate, provisioningKey, s4, sealS3 } from "../provider/protocol/sancus-session";
import { decodeStatus } from "../provider/protocol/status";
import { CLOCK_HZ } from "../provider/tee/sancus/firmware";
import { decodeSancusImage } from "../provider/tee/sancus/image";
import { sancus as tee } from "../provider/tee/sancus/sancus";
import { BoardModule } from "../test/tee/sancus/bridge";
import { type Look, PhysicalBoard } from "../test/tee/sancus/physical";
import { INSTANCE, IN, NODE_KEY, OUT, Tap, VENDOR } from "../test/tee/sancus/tap";
import { builtProgram, packageRoot } from "../tools/setup/toolchain";
import type { Options } from "./main";
import { duration, median, whole } from "./statistics";
import { print } from "./table";

const SPEEDS = [115_200, 1_000_000];
const DEPLOYMENT = new Uint8Array(16).fill(1);
const SUITE = 3;
/** Names of the connections. */
const TAKE = 1, PASS = 2, ON = 3;

/** Prints the figures. */
export async function sancus({ quick }: Options): Promise<void> {
    for (const baud of SPEEDS) await atSpeed(baud, quick ? 5 : 25);
}

/** Cycles of one record. */
interface Cost {
    readonly total: number;
    readonly crypto: number;
    readonly line: number;
    readonly bytes: number;
}

async function atSpeed(baud: number, rounds: number): Promise<void> {
    const costs = new Map<string, Cost[]>();
    const note = (what: string, cost: Cost) => costs.set(what, [...costs.get(what) ?? [], cost]);
    await withBridge(baud, async (board, module) => {
        const plain = await Plain.keyed(module);
        for (let round = 1; round <= rounds; round++) {
            for (const [what, give] of plain.hop(round)) note(what, await measured(board, give));
        }
    });
    await withBridge(baud, async (board, module) => {
        const tap = await Tap.build("rng");
        await module.open(INSTANCE, tap.image);
        await tap.key(module);
        for (let round = 0; round < rounds; round++) {
            const level = round % 2 === 0 ? 1 : 0;
            note("event moves a pin", await measured(board, async () => { expect(OUT.processed, await tap.move(module, level)); }));
            if ((await board.look()).driven[2] !== level) throw new Error("the pin has not moved");
        }
    });
    const figure = (samples: readonly Cost[], of: (cost: Cost) => number) => median(samples.map(of));
    const share = (samples: readonly Cost[], of: (cost: Cost) => number) => `${whole(figure(samples, of))} (${Math.round(100 * figure(samples, of) / figure(samples, ({ total }) => total))} %)`;
    print(`Cycles of a 128-bit board at 20 MHz and ${whole(baud)} baud (median of ${rounds})`, ["record", "cryptography", "line", "copying and code", "together", "time"], [...costs].map(([what, samples]) => [
        what,
        share(samples, ({ crypto }) => crypto),
        `${share(samples, ({ line }) => line)}, ${figure(samples, ({ bytes }) => bytes)} bytes`,
        share(samples, ({ total, crypto, line }) => total - crypto - line),
        whole(figure(samples, ({ total }) => total)),
        duration(figure(samples, ({ total }) => total) / CLOCK_HZ * 1000),
    ]));
}

/** From the bridge's question until the board sleeps, as the emulator counts it. */
async function measured(board: PhysicalBoard, give: () => Promise<void>): Promise<Cost> {
    const before = await board.look();
    await give();
    const after = await board.look();
    const more = (of: (look: Look) => number) => of(after) - of(before);
    const bytes = more(({ received, sent }) => received + sent);
    if (more(({ lost }) => lost) > 0) throw new Error("the line has lost bytes");
    return { total: more(({ cycles }) => cycles), crypto: more(({ crypto }) => crypto), bytes, line: bytes * after.byteCycles };
}

/** A board at a serial port, and the bridge that a node has for it. */
async function withBridge(baud: number, use: (board: PhysicalBoard, module: BoardModule) => Promise<void>): Promise<void> {
    const board = await PhysicalBoard.start(NODE_KEY, baud);
    const folder = await mkdtemp(path.join(os.tmpdir(), "authentic-bench-"));
    await writeFile(path.join(folder, "board.json"), JSON.stringify({ kind: "serial", device: board.device, baud }), { mode: 0o600 });
    const bridge = spawn(builtProgram("authentic-board"), ["--folder", folder], { stdio: ["ignore", "ignore", "inherit"] });
    const ended = once(bridge, "exit");
    try {
        while (!existsSync(path.join(folder, "board.sock"))) {
            if (bridge.exitCode !== null) throw new Error("the bridge ended");
            await sleep(20);
        }
        const module = await BoardModule.connect(path.join(folder, "board.sock"));
        await use(board, module);
        module.close();
    } finally {
        bridge.kill();
        await ended;
        await board.stop();
        await rm(folder, { recursive: true, force: true });
    }
}

/** The kinds of what a module leaves for a record must be these. */
function expect(kind: number, outputs: readonly { readonly kind: number }[]): void {
    if (!outputs.some((output) => output.kind === kind)) throw new Error(`the board answered with ${outputs.map((output) => output.kind).join(", ") || "nothing"} instead of ${kind}`);
}

/** A module without devices, keyed by a deployer: its events and acks. */
class Plain {
    private constructor(private readonly module: BoardModule, private readonly keys: ReadonlyMap<number, ConnectionKey>) {}

    static async keyed(module: BoardModule): Promise<Plain> {
        const source = path.join(packageRoot(), "bench", "modules", "board.c");
        const build = await tee.build({ name: "board", sources: [source], board: { security: 128, freshness: "rng", vendorId: VENDOR, slot: 0, devices: {} } });
        const { image } = tee.finalize(build, { deployment: DEPLOYMENT, instance: INSTANCE, deployerKey: new Uint8Array(32), values: {} });
        await module.open(INSTANCE, image);
        const [part] = decodeSancusImage(image).parts;
        if (part === undefined) throw new Error("the image has no module");
        const moduleKey = sancusModuleKey(sancusVendorKey(new Uint8Array(NODE_KEY), VENDOR), part.identity);
        const keys = new Map<number, ConnectionKey>([TAKE, PASS, ON].map((connection) => {
            const key32 = new Uint8Array(32);
            key32.set(randomBytes(16));
            return [connection, { deployment: DEPLOYMENT, connection, epoch: 1n, suite: SUITE, key32 }];
        }));
        const endpoint = (name: string) => build.interface.findIndex((one) => one.name === name);
        const record = (connection: number, name: string, direction: 1 | 2): TableRecord => ({
            type: "set", connection, endpoint: endpoint(name), direction, delivery: 1, suite: SUITE, reset: false, window: 4, epoch: 1n,
            key: (keys.get(connection) as ConnectionKey).key32.slice(0, 16), firstCounter: 1n, lastCounter: 0xffff_ffff_ffff_ffffn,
        });
        const nonceD = new Uint8Array(randomBytes(16));
        const s1 = encodeS1(moduleKey, { purpose: PURPOSE.configure, nonceD });
        const [reply] = await module.step(IN.message, 1, s1);
        const { nonceM, status } = decodeS2(moduleKey, s1, new Uint8Array(reply?.body ?? []));
        const { incarnation, generation } = decodeStatus(status);
        const p = provisioningKey(moduleKey, nonceD, nonceM);
        const update = encodeUpdate({ incarnation, generation, records: [record(TAKE, "take", 2), record(PASS, "pass", 2), record(ON, "on", 1)] }, 16);
        const s3 = sealS3(p, nonceD, nonceM, update);
        await module.step(IN.message, 2, s3);
        await module.step(IN.message, 3, encodeSancusActivate(p, s4(p, s3)));
        return new Plain(module, keys);
    }

    /** The records of a round, the first one 1, each with what must come of it. */
    hop(round: number): readonly (readonly [string, () => Promise<void>])[] {
        const event = Uint8Array.of(round, 0, 0, 0, 0, 2); // padded as boards want it
        const give = async (connection: number, kind: Kind, body: Uint8Array) => this.module.step(IN.frame, 0, sealCompact(this.keys.get(connection) as ConnectionKey, kind, round, body).subarray(2));
        return [
            ["event in", async () => { expect(OUT.processed, await give(TAKE, KIND.event, event)); }],
            ["event in, event out", async () => {
                const outputs = await give(PASS, KIND.event, event);
                expect(OUT.processed, outputs);
                if (outputs.filter(({ kind }) => kind === OUT.frame).length !== 2) throw new Error("not an ack and an event came out");
            }],
            ["ack of the event", async () => {
                const outputs = await give(ON, KIND.ack, new Uint8Array(0));
                if (outputs.some(({ kind }) => kind === OUT.refused)) throw new Error("the ack was refused");
            }],
        ];
    }
}

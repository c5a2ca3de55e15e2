// Keys are rotated again and again while events flow between real modules: none is lost, duplicated or reordered.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import * as ae from "../../resources";
import { Stack } from "./stack";
import { Stream } from "./stream";
import { compareStreams } from "./stream-checker";

interface Place {
    readonly tee: string;
    readonly backend?: "emulated";
}

/** Where the ends are, and how much the smaller one has room for. */
interface Pair {
    readonly name: string;
    readonly ends: readonly [Place, Place];
    readonly rotations: number;
    /** Events at once, events altogether, events in one reply. */
    readonly burst: number;
    readonly room: number;
    readonly part: number;
    readonly every: string;
}

const NATIVE: Place = { tee: "native" };
const SGX: Place = { tee: "sgx", backend: "emulated" };
const BOARD: Place = { tee: "trustzone", backend: "emulated" };
const SMALL = { rotations: 4, burst: 1, room: 1536, part: 200, every: "30ms" };
const PAIRS: readonly Pair[] = [
    { name: "native modules", ends: [NATIVE, NATIVE], rotations: 8, burst: 16, room: 1 << 16, part: 4096, every: "10ms" },
    { name: "an enclave and a module on a TrustZone board", ends: [SGX, BOARD], ...SMALL },
    { name: "a module on a TrustZone board and an enclave", ends: [BOARD, SGX], ...SMALL },
];

for (const { name: between, ends, rotations, burst, room, part, every } of PAIRS) describe(`rotation under load between ${between}`, function () {
    this.timeout(300_000);
    let base: string;
    let stack: Stack;
    let stream: Stream;

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "rotation-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true }) });
        stream = new Stream(base, stack);
    });
    after(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (rotate: number, rotation: "drain" | "compromise", flowing: boolean) => () => {
        const deployment = new ae.Deployment("d");
        const [a, b] = ["a", "b"].map((name, index) => new ae.Node(name, { deployment, ...ends[index]! }));
        stream.declare(deployment, [a!, b!], { rotate, rotation, flowing, every, burst, room, part });
    };

    /** The epoch that the host at each end reports. */
    async function epochs(): Promise<string[]> {
        const { connection } = stack.outs("Connection", "events");
        return Promise.all((["source", "sink"] as const).map(async (name) => {
            const { nodeFolder, instance } = stack.outs("Module", name);
            const report = await new AgentClient(nodeFolder as string).instance(instance as string);
            return String(report!.connections.find((one) => one.connection === connection)!.epoch);
        }));
    }

    it("loses, repeats and reorders nothing in rotations of either kind", async () => {
        await stack.up(program(0, "drain", true));
        const incarnations = ["source", "sink"].map((name) => stack.outs("Module", name)["incarnation"]);
        const keys = new Set([stack.outs("Connection", "events")["keyId"]]);
        let [before, meanwhile] = [0, 0];
        for (let rotation = 1; rotation <= rotations; rotation++) {
            // Events flowed since the rotation before, and go on while keys are exchanged.
            before = await stream.passes("sent", before);
            await stack.up(program(rotation, rotation % 3 === 0 ? "compromise" : "drain", true));
            meanwhile += await stream.count("sent") - before;
            assert.equal(stack.outs("Connection", "events")["epoch"], String(rotation + 1));
            assert.deepEqual(await epochs(), [String(rotation + 1), String(rotation + 1)]);
            keys.add(stack.outs("Connection", "events")["keyId"]);
        }
        assert.equal(keys.size, rotations + 1, "each rotation drew a key");
        assert.ok(meanwhile >= rotations * burst, `${meanwhile} events were sent while keys were exchanged`);
        await stack.up(program(rotations, "drain", false));
        const counts = await stream.settled();
        const { sent } = counts;
        console.log(`      sent ${sent} (${meanwhile} while keys were exchanged), delivered ${counts.delivered}, lost ${counts.lost}, duplicated ${counts.duplicated}, reordered ${counts.reordered}, never sent ${counts.foreign}`);
        assert.deepEqual(counts, { sent, delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        assert.ok(sent > rotations * burst && sent < room, `${sent} events`);
        // Nobody was restarted for it, and no old key is left at either end.
        assert.deepEqual(["source", "sink"].map((name) => stack.outs("Module", name)["incarnation"]), incarnations);
    });
});

describe("the comparison of streams", () => {
    const sent = ["a", "b", "c", "d"];
    const cases: readonly (readonly [string, string[], Partial<ReturnType<typeof compareStreams>>])[] = [
        ["nothing", ["a", "b", "c", "d"], {}],
        ["a loss", ["a", "b", "d"], { delivered: 3, lost: 1 }],
        ["a repetition", ["a", "b", "b", "c", "d"], { delivered: 5, duplicated: 1 }],
        ["another order", ["a", "c", "b", "d"], { reordered: 1 }],
        ["what was never sent", ["a", "b", "x", "c", "d"], { delivered: 5, foreign: 1 }],
    ];
    for (const [what, delivered, found] of cases) {
        it(`sees ${what}`, () => {
            assert.deepEqual(compareStreams(sent, delivered), { sent: 4, delivered: 4, lost: 0, duplicated: 0, reordered: 0, foreign: 0, ...found });
        });
    }
});

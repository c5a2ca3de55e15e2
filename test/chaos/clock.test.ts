// Clocks that are wrong by hours, in either direction. Only the appraisal of evidence may ask what time it is: keys, events and
// everything else go on, and what waits does so by a clock that nobody sets.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AuthenticError } from "../../provider/errors";
import { dial } from "../../provider/ssh/connection";
import * as ae from "../../resources";
import { packageRoot } from "../../tools/setup/toolchain";
import { Stack } from "../lifecycle/stack";
import { type Flow, Stream } from "../lifecycle/stream";
import { freePort, makeKey } from "../ssh/server";

const HOUR_MS = 3_600_000;
const { now } = Date;

/** Runs something while the deployer's clock is so many hours ahead. */
async function skewed<T>(hours: number, action: () => Promise<T>): Promise<T> {
    Date.now = () => now() + hours * HOUR_MS;
    try {
        return await action();
    } finally {
        Date.now = now;
    }
}

describe("a clock that is wrong", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;
    let stream: Stream;
    const { warn } = console;

    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "clock-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        stack = new Stack({ "authentic:trust": JSON.stringify({ native: true, emulated: true, collateral: { cache: path.join(base, "collateral") } }) });
        stream = new Stream(base, stack);
        console.warn = () => undefined;
    });
    afterEach(async () => {
        console.warn = warn;
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = (tee: "native" | "sgx", flow: Flow) => () => {
        const deployment = new ae.Deployment("d");
        const from = new ae.Node("a", { deployment, tee: "native" });
        const to = new ae.Node("b", { deployment, tee, ...(tee === "sgx" ? { backend: "emulated" as const } : {}) });
        stream.declare(deployment, [from, to], flow);
    };
    const pending = async (run: () => void): Promise<string[]> => (await stack.preview(run)).filter((step) => !step.startsWith("same "));

    /** All that was sent arrives. */
    async function isWhole(tee: "native" | "sgx", flow: Flow): Promise<void> {
        await stack.up(program(tee, { ...flow, flowing: false }));
        const { sent, ...counts } = await stream.settled();
        assert.ok(sent > 0);
        assert.deepEqual(counts, { delivered: sent, lost: 0, duplicated: 0, reordered: 0, foreign: 0 });
        console.log(`        ${sent} events sent, each delivered once`);
    }

    it("of the deployer is nothing to keys and events: created, rotated and refreshed with one that is right, a day behind, a day ahead, and hours behind", async () => {
        for (const [rotate, hours] of [0, -26, 26, -3].entries()) {
            const run = program("native", { flowing: true, rotate, every: "20ms" });
            await skewed(hours, async () => {
                await stack.up(run);
                assert.deepEqual(await stack.refresh(), []);
                assert.deepEqual(await pending(run), []);
                await stream.passes("received", await stream.count("received"));
            });
        }
        await isWhole("native", { flowing: true, rotate: 3, every: "20ms" });
    });

    it("of the deployer, behind a platform's, refuses its collateral as not valid yet; nothing is restarted or forgotten, and all goes on once it is right", async () => {
        const flow = { flowing: true, every: "20ms" } as const;
        await assert.rejects(skewed(-3, () => stack.up(program("sgx", flow))), /AE-ATTEST-EXPIRED: .* not valid before /);
        await stack.up(program("sgx", flow));
        await stream.passes("received", 0);
        const { incarnation } = stack.outs("Module", "sink");
        const found = await skewed(-3, () => stack.refresh());
        assert.match(found.join("\n"), /^sink: refused: AE-ATTEST-EXPIRED/m);
        await assert.rejects(skewed(-3, () => stack.up(program("sgx", { ...flow, rotate: 1 }))), /AE-ATTEST-EXPIRED/);
        await stream.passes("received", await stream.count("received"));
        await stack.refresh();
        await stack.up(program("sgx", { ...flow, rotate: 1 }));
        assert.equal(stack.outs("Module", "sink")["incarnation"], incarnation, "nothing was restarted");
        assert.deepEqual(await stack.refresh(), []);
        assert.deepEqual(await pending(program("sgx", { ...flow, rotate: 1 })), []);
        await isWhole("sgx", { ...flow, rotate: 1 });
    });

    it("of the deployer, ahead of a platform's, is nothing while its collateral is valid; then that is refused as expired", async () => {
        const flow = { flowing: true, every: "20ms" } as const;
        await skewed(26, () => stack.up(program("sgx", flow)));
        assert.deepEqual(await skewed(3, () => stack.refresh()), []);
        assert.match((await skewed(24 * 60, () => stack.refresh())).join("\n"), /^sink: refused: AE-ATTEST-EXPIRED/m);
        // What was fetched in the future, as it seems now, is no hindrance.
        await stack.refresh();
        await stack.up(program("sgx", flow));
        assert.deepEqual(await stack.refresh(), []);
        await isWhole("sgx", flow);
    });

    it("that is set back again and again makes nobody wait longer", async () => {
        const port = await freePort("127.0.0.1");
        let back = 0;
        Date.now = () => now() - HOUR_MS * ++back;
        try {
            await assert.rejects(dial({ host: "127.0.0.1", port, user: "nobody", privateKey: fs.readFileSync(makeKey(base, "key"), "utf8"), hostKey: `SHA256:${"A".repeat(43)}`, timeouts: { dial: "600ms", connect: "1s" } }, undefined),
                (error: unknown) => error instanceof AuthenticError && error.code === "AE-SSH-UNREACHABLE");
        } finally {
            Date.now = now;
        }
    });

    it("is asked by nobody who waits: only by who appraises evidence, who compares it with that of a file, and who tells people the time", () => {
        const sources = (folder: string, ending: string): string[] => fs.readdirSync(path.join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
            .filter((file) => file.endsWith(ending) && !file.includes("target/")).map((file) => path.join(folder, file));
        const users = (files: readonly string[], what: RegExp): string[] => files.filter((file) => what.test(fs.readFileSync(path.join(packageRoot(), file), "utf8"))).sort();
        assert.deepEqual(users(sources("provider", ".ts"), /Date\.now\(|new Date\(\)/), ["provider/attest/clock.ts", "provider/build/cache.ts", "provider/build/traces.ts", "provider/cli/attempts.ts"]);
        // Of what runs on nodes; the kit has no clock at all.
        const runs = ["agent", "aesm", "board", "host", "sgx-platform", "trustzone", "sgx"].flatMap((crate) => sources(`runtime/${crate}/src`, ".rs"));
        assert.deepEqual(users(runs, /SystemTime::now\(\)/), [
            "runtime/agent/src/clock.rs", "runtime/host/src/drain.rs", "runtime/host/src/trace.rs",
            "runtime/sgx-platform/src/aesm.rs", "runtime/sgx-platform/src/collateral.rs", "runtime/sgx-platform/src/keys.rs", "runtime/sgx-platform/src/pcs.rs", "runtime/sgx-platform/src/run.rs",
        ]);
        assert.deepEqual(users(sources("runtime/kit", ".c"), /\b(clock_gettime|gettimeofday|time\((NULL|0)\))/), []);
    });
});

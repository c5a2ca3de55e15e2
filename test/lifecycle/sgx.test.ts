// Modules in emulated SGX enclaves, with real agents, module hosts, quotes and sessions: a module of the example runs
// unchanged, and enclaves whose code faults fail, say so when they are attested, and are repaired.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import * as ae from "../../resources";
import { packageRoot } from "../../tools/setup/toolchain";
import { Stack } from "./stack";

const FRAGILE = `
#include <authentic.h>

AUTHENTIC_OUTPUT(beat, 4)
AUTHENTIC_ENTRY(work, 0) { uint32_t level = 40; (void)data; (void)length; beat(&level, sizeof level); }
AUTHENTIC_ENTRY(null, 0) { (void)data; (void)length; *(volatile int *)8 = 1; }
AUTHENTIC_ENTRY(undefined, 0) { (void)data; (void)length; __asm__ volatile("ud2"); }
AUTHENTIC_ENTRY(divide, 0) { (void)data; volatile int zero = (int)length; zero = 1000 / zero; }
AUTHENTIC_ENTRY(spin, 0) { (void)data; (void)length; for (volatile int i = 0;; i++) {} }
AUTHENTIC_ENTRY(leave, 0) { long r; (void)data; (void)length; __asm__ volatile("syscall" : "=a"(r) : "a"(39L) : "rcx", "r11", "memory"); }
static int __attribute__((noinline)) deeper(volatile int *n) { volatile int frame[64]; frame[0] = *n + 1; return deeper(frame) + frame[0]; }
AUTHENTIC_ENTRY(recurse, 0) { volatile int n = (int)length; (void)data; n = deeper(&n); }
`;

describe("a stack of emulated enclaves", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;

    before(function () {
        if (process.platform !== "linux" || process.arch !== "x64") this.skip();
    });
    beforeEach(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "sgx-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "fragile.c"), FRAGILE);
        stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true }) });
    });
    afterEach(async () => {
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const program = () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("n", { deployment, tee: "sgx", backend: "emulated" });
        new ae.Module("fragile", { node, source: path.join(base, "fragile.c"), entryTimeLimit: "300ms" });
    };

    const agent = () => new AgentClient(stack.outs("Node", "n")["folder"] as string);
    const instanceOf = (name: string) => stack.outs("Module", name)["instance"] as string;
    const call = (entry: string) => stack.callEntry("fragile", entry);

    it("runs the example's controller unchanged", async () => {
        const modules = path.join(packageRoot(), "examples", "smart-irrigation", "modules");
        await stack.up(() => {
            const deployment = new ae.Deployment("d");
            const node = new ae.Node("n", { deployment, tee: "sgx", backend: "emulated" });
            new ae.Module("controller", { node, source: path.join(modules, "controller.c"), config: { openBelow: 45, closeAbove: 55 } });
        });
        const { assurance, state } = stack.outs("Module", "controller");
        assert.equal(assurance, "emulated");
        assert.equal(state, "running");
        assert.deepEqual(await stack.refresh(), []);
    });

    for (const [entry, reason] of [
        ["null", /#PF .* accessing 0x8/], ["undefined", /#UD/], ["divide", /#DE/], ["recurse", /#PF .* accessing enclave\+/],
        ["leave", /#UD/], ["spin", /time limit/],
    ] as const) {
        it(`reports and repairs an enclave that faults: ${entry}`, async () => {
            await stack.up(program);
            const before = stack.outs("Module", "fragile")["incarnation"];
            await call("work");
            await call(entry).catch(() => undefined);
            for (let tries = 0; tries < 100 && (await agent().instance(instanceOf("fragile")))?.state === "running"; tries++) await sleep(50);
            const instance = await agent().instance(instanceOf("fragile"));
            assert.equal(instance?.state, "failed");
            assert.match(instance.reason ?? "", reason);
            // The enclave itself says so: attested, not only reported.
            const found = await stack.refresh();
            assert.match(found[0]!, /^fragile: failed/);
            await stack.up(program);
            assert.notEqual(stack.outs("Module", "fragile")["incarnation"], before);
        });
    }
});

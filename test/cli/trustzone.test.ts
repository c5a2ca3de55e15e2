// The command line on a stack of two emulated TrustZone boards: what it shows, what it proves, and what it carries.
import assert from "node:assert/strict";
import type { ModuleAttestation } from "../../provider/cli/attestation";
import type { StackStatus } from "../../provider/cli/observation";
import { Deployed, type Run } from "./deployed";

describe("authentic on TrustZone boards", function () {
    this.timeout(240_000);
    const deployed = new Deployed({ node: { tee: "trustzone", backend: "emulated" }, devices: { lamp: "led0", knob: "button0" } });
    before(() => deployed.up());
    after(() => deployed.remove());

    const done = (run: Run): string => {
        assert.equal(run.code, 0, run.stderr + run.stdout);
        return run.stdout;
    };

    it("shows nodes and modules in order", async () => {
        const status = JSON.parse(done(await deployed.on("status", "--json"))) as StackStatus;
        assert.equal(status.inOrder, true);
        assert.deepEqual(status.nodes.map(({ name, tee, backend }) => [name, tee, backend]), [["field", "trustzone", "emulated"], ["server", "trustzone", "emulated"]]);
        assert.deepEqual(status.modules.map(({ name, assurance }) => [name, assurance]), [["listener", "emulated"], ["talker", "emulated"]]);
    });

    it("proves every module, with the device and the firmware in the verdict", async () => {
        const { modules } = JSON.parse(done(await deployed.on("attest", "--json"))) as { modules: ModuleAttestation[] };
        assert.equal(modules.length, 2);
        for (const { name, outcome, verdict, status } of modules) {
            assert.equal(outcome, "accepted", name);
            const { id, firmware } = deployed.stack.outs("Node", name === "talker" ? "field" : "server")["platform"] as Record<string, string>;
            const claims = verdict?.claims as { platform?: string; lifecycle?: string; softwareComponents?: { measurement: string }[] } | null | undefined;
            assert.equal(claims?.platform, id);
            assert.equal(claims?.lifecycle, "secured");
            assert.deepEqual(claims.softwareComponents?.map(({ measurement }) => measurement), [firmware, deployed.stack.outs("Module", name)["measurement"]]);
            assert.equal(status?.assurance, "emulated");
        }
    });

    it("calls, sends, asks and watches, through the boards", async () => {
        const watching = deployed.start(["watch", "beat", "--count", "1", "--json", "--state", deployed.stateFile()]);
        for (let tries = 0; tries < 50 && watching.child.exitCode === null; tries++) {
            done(await deployed.on("call", "talker.work", "--hex", "2a"));
            await Promise.race([watching.end, new Promise((resolve) => setTimeout(resolve, 300))]);
        }
        assert.match(done(await watching.end), /"beat"/);
        const before = done(await deployed.on("request", "query", "hello"));
        done(await deployed.on("send", "tell", "--hex", "01"));
        const after = done(await deployed.on("request", "query", "hello"));
        assert.match(before, /^hello#\d/);
        assert.equal((Number(after.at(6)) - Number(before.at(6)) + 10) % 10, 1, `${before} then ${after}`);
    });

    it("says that a board has stopped, with exit code 3", async () => {
        await deployed.agent("server").endTrustzone();
        const { code, stdout } = await deployed.on("status", "--json");
        assert.equal(code, 3);
        const status = JSON.parse(stdout) as StackStatus;
        assert.deepEqual(status.nodes.map(({ name, state }) => [name, state]), [["field", "running"], ["server", "board stopped"]]);
    });

    it("rebuilds the same measurements from the sources, devices included", async () => {
        const { same } = JSON.parse(done(await deployed.on("measure", "--json"))) as { same: boolean };
        assert.equal(same, true);
    });
});

// What changes about an SGX platform between two runs, with real enclaves under the emulator and its own provisioning service:
// processes, identities, collateral that expires, TCB levels, revocations and policies. The cases are the rows of docs/drift.md.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentClient } from "../../provider/agent/client";
import type { Fetched } from "../../provider/attest/collateral/fetch";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import * as ae from "../../resources";
import { isAlive } from "../processes";
import { type Change, drift, eachRow, listened } from "./drifting";
import { PlatformKeys } from "./platform-keys";
import { Stack } from "./stack";

const BEACON = `
#include <authentic.h>

AUTHENTIC_INPUT(set, 1) { (void)data; (void)length; }
`;
const HOUR = 3_600_000;

type Service = (path: string, genuine: () => Promise<Fetched>) => Promise<Fetched>;

describe("what changes about SGX platforms behind Pulumi's back", function () {
    this.timeout(180_000);
    const now = Date.now;
    let base: string;
    let stack: Stack;
    let trust: Record<string, unknown>;
    let service: Service | undefined;

    const program = () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("server", { deployment, tee: "sgx", backend: "emulated" });
        const beacon = new ae.Module("beacon", { node, source: path.join(base, "beacon.c") });
        new ae.Connection("set", { from: deployment, to: beacon.input("set") });
    };
    const withTrust = (more: Record<string, unknown>) => {
        const other = new Stack({ "authentic:trust": JSON.stringify({ ...trust, ...more }) });
        other.restore(stack.copy());
        return other;
    };

    before(function () {
        if (process.platform !== "linux" || process.arch !== "x64") this.skip();
    });
    beforeEach(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "drift-sgx-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "beacon.c"), BEACON);
        // Asks the service each time, as after a day.
        trust = { emulated: true, collateral: { cache: path.join(base, "cache"), refreshAfterHours: 0 } };
        stack = new Stack({ "authentic:trust": JSON.stringify(trust) });
        setSurroundings({
            ...real,
            agent: async (folder) => {
                const client = await real.agent(folder);
                const genuine = client.collateral.bind(client);
                return Object.assign(client, { collateral: (document: string) => service?.(document, () => genuine(document)) ?? genuine(document) });
            },
        });
    });
    afterEach(async () => {
        Date.now = now;
        service = undefined;
        await listened(() => stack.destroy());
        setSurroundings(undefined);
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const folder = () => stack.outs("Node", "server")["folder"] as string;
    const agent = () => new AgentClient(folder());
    const keys = () => path.join(folder(), "sgx", "keys");
    async function killed(pid: number): Promise<void> {
        process.kill(pid, "SIGKILL");
        while (isAlive(pid)) await sleep(10);
    }
    const platformPid = () => Number(fs.readFileSync(path.join(folder(), "sgx", "platform.pid"), "utf8"));

    /** The platform's own service, did it say something else. */
    const saying = (what: string, change: (body: Uint8Array, keys: PlatformKeys) => Uint8Array): Service => async (document, genuine) => {
        const answer = await genuine();
        return answer.ok && document.includes(what) ? { ...answer, body: change(answer.body, new PlatformKeys(keys())) } : answer;
    };
    const tcbInfo = (change: (info: Record<string, unknown>) => void) => saying("/tcb?", (body, keys) => keys.tcbInfo(body, change));
    const instantOf = (at: number) => new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");

    const changes = (): Record<string, Change> => ({
        "the enclave's process was killed": {
            act: async () => {
                const { instance } = stack.outs("Module", "beacon") as { instance: string };
                await killed((await agent().instance(instance))!.pid!);
                for (let tries = 0; (await agent().instance(instance))?.state === "running" && tries < 500; tries++) await sleep(10);
            },
        },
        "the emulated platform was enrolled anew": {
            act: async () => {
                fs.copyFileSync(keys(), path.join(base, "keys"));
                await killed((await agent().about()).pid);
                await killed(platformPid());
                fs.rmSync(keys());
                const { node, deployment } = { node: "server", deployment: "ab".repeat(16) };
                await real.startAgent({ node, deployment, tee: "sgx", backend: "emulated", listenAddress: "127.0.0.1", port: (stack.outs("Node", "server")["eventAddress"] as { port: number }).port, folder: folder() });
            },
            mend: putKeysBack,
        },
        "the keys of the emulated platform were removed while it runs": {
            act: async () => {
                fs.copyFileSync(keys(), path.join(base, "keys"));
                const before = (await agent().about()).platform?.id;
                fs.rmSync(keys());
                await killed(platformPid());
                // The agent starts it anew, as another one.
                for (let tries = 0; tries < 500 && (await agent().about()).platform?.id === before; tries++) await sleep(20);
            },
            mend: putKeysBack,
        },
        "the collateral has expired, and the provisioning service has no newer": {
            act: async () => {
                const until = Date.now() + HOUR;
                service = tcbInfo((info) => Object.assign(info, { nextUpdate: instantOf(until) }));
                await stack.up(program);
                assert.equal(await listened(() => stack.refresh()), "", "what is valid for an hour is accepted");
                Date.now = () => now() + 2 * HOUR;
                const said = await listened(() => stack.refresh());
                assert.ok(said.includes("AE-ATTEST-EXPIRED") && said.includes(`expired on ${instantOf(until)}`), said);
            },
            // The service has renewed it; the clock stays where it is.
            mend: () => Promise.resolve(service = undefined),
        },
        "the platform's TCB level is out of date": {
            act: () => Promise.resolve(service = tcbInfo((info) => Object.assign((info["tcbLevels"] as { tcbStatus: string }[])[0]!, { tcbStatus: "OutOfDate" }))),
            mend: () => Promise.resolve(service = undefined),
        },
        "the platform's key was revoked": {
            act: () => Promise.resolve(service = saying("/pckcrl?", (body, keys) => keys.revoking(body, Date.now() - HOUR / 2))),
            mend: () => Promise.resolve(service = undefined),
        },
    });

    /** The owner of the node brings its platform back. */
    async function putKeysBack(): Promise<void> {
        await killed((await agent().about()).pid);
        await killed(platformPid());
        fs.copyFileSync(path.join(base, "keys"), keys());
        fs.chmodSync(keys(), 0o600);
    }

    eachRow("SGX nodes", changes, async (row, change) => {
        await stack.up(program);
        await drift(stack, program, row, change);
    });

    it("is judged by the policy of the last up; one that was tightened since shows in the preview, and up names the setting", async () => {
        await stack.up(program);
        const stricter = withTrust({ sgx: { minTcbEvaluationDataNumber: 1_000_000 } });
        assert.equal(await listened(() => stricter.refresh()), "");
        assert.ok((await stricter.preview(program)).includes("update beacon"));
        await assert.rejects(stricter.up(program), (error: Error) => error.message.includes("AE-ATTEST-TCB") && error.message.includes("minTcbEvaluationDataNumber"));
        await stack.up(program);
        assert.equal(await listened(() => stack.refresh()), "");
    });
});

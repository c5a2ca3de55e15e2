// Someone who owns the agent of an SGX node puts other enclaves in the place of a module, and other evidence in the place of
// its own. Nothing of it is believed; a relying party without the check that stops it believes it, so each attack is one.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import { sgx as sgxEvidence } from "../../provider/attest/sgx";
import { verifyEvidenceOnline } from "../../provider/attest/verifier";
import { fromHex } from "../../provider/protocol/bytes";
import { instanceId } from "../../provider/protocol/names";
import { real } from "../../provider/lifecycle/real";
import { type Agent, setSurroundings } from "../../provider/lifecycle/surroundings";
import type { Reply } from "../../provider/session/session";
import type { Presented } from "../../provider/tee/attester";
import { tees } from "../../provider/tee/registry";
import { sgx, signedImage } from "../../provider/tee/sgx/sgx";
import type { FinalImage } from "../../provider/tee/tee";
import type { ModuleOutputs } from "../../provider/lifecycle/module-state";
import type { NodeState } from "../../provider/stack/state";
import { DeployedStack } from "../../provider/stack/stack";
import * as ae from "../../resources";
import { Attacker, impostures } from "../../tools/attacker/impostor";
import { emulatedRoot, entries, impersonate, memory, victimOf } from "../../tools/demo/enclaves";
import { Stack } from "../lifecycle/stack";
import { vendorKey } from "../lifecycle/vendor-key";

const GENUINE = `#include <authentic.h>
AUTHENTIC_OUTPUT(beat, 4)
AUTHENTIC_ENTRY(work, 0) { (void)data; (void)length; beat("good", 4); }
`;

/** What a relying party may leave out. */
type Check = "code" | "binding" | "debug";

/** SGX as the provider has it, but for one check. */
function lenient(left: readonly Check[]): typeof sgx {
    const appraise = ({ evidence, reportData, measurement, attester, trust, at }: Presented) => verifyEvidenceOnline(sgxEvidence, evidence, attester.collateral, {
        at, roots: attester.roots,
        trust: left.includes("debug") ? { ...trust, sgx: { ...trust.sgx, debug: true } } : trust,
        reportData: left.includes("binding") ? null : reportData,
        references: left.includes("code") ? null : { mrenclave: Buffer.from(measurement).toString("hex") },
    }).then((verdict) => ({ ...verdict, unchecked: [] }));
    return left.length === 0 ? sgx : { ...sgx, appraise };
}

describe("an attacker who owns the agent of an SGX node", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;
    /** Vendor key of the attacker: anybody can sign enclaves. */
    let attackersKey: string;

    const program = () => {
        const deployment = new ae.Deployment("d");
        const node = new ae.Node("n", { deployment, tee: "sgx", backend: "emulated" });
        new ae.Module("victim", { node, source: path.join(base, "genuine.c") });
    };

    before(async () => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "enclaves-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "genuine.c"), GENUINE);
        fs.writeFileSync(path.join(base, "evil.c"), GENUINE.replace("good", "evil"));
        stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true, collateral: { cache: path.join(base, "cache") } }) });
        attackersKey = vendorKey();
        await stack.up(program);
    });
    after(async () => {
        setSurroundings(undefined);
        await stack.destroy();
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const outs = () => stack.outs("Module", "victim");
    const deployed = () => new DeployedStack({ deployments: [], nodes: [stack.outs("Node", "n") as unknown as NodeState], modules: [outs() as unknown as ModuleOutputs], connections: [] });
    const agent = () => new AgentClient(stack.outs("Node", "n")["folder"] as string);

    /** An image of a source with the victim's measured configuration, which is no secret. */
    async function imageOf(source: string): Promise<FinalImage> {
        const { deploymentId, deployerPublicKey } = outs();
        const deployment = fromHex("deployment", String(deploymentId));
        const build = await sgx.build({ name: "victim", sources: [path.join(base, source)] });
        return sgx.finalize(build, { deployment, instance: instanceId(deployment, "victim"), deployerKey: fromHex("key", String(deployerPublicKey)), values: {} });
    }

    async function replaceBy(image: Uint8Array): Promise<void> {
        const { instance, deploymentId } = outs() as { instance: string; deploymentId: string };
        await agent().remove(instance);
        await agent().start(instance, { name: "victim", deployment: deploymentId, tee: "sgx", image, entryTimeLimitMs: 1000, interface: [] });
    }

    /** What the deployer believes, through an agent that says all is well and may change what the module answers. */
    async function believes(left: Check | undefined, alter: (reply: Reply) => Reply = (reply) => reply): Promise<string> {
        const lying = async (folder: string): Promise<Agent> => {
            const client = await real.agent(folder);
            const { instance, channel } = { instance: client.instance.bind(client), channel: client.channel.bind(client) };
            return Object.assign(client, {
                instance: async (id: string) => {
                    const report = await instance(id);
                    return report === undefined ? undefined : { ...report, imageDigest: String(outs()["imageDigest"]) };
                },
                channel: (id: string) => {
                    const genuine = channel(id);
                    return { send: async (...message: Parameters<typeof genuine.send>) => alter(await genuine.send(...message)) };
                },
            });
        };
        setSurroundings({ ...real, agent: lying, tees: () => Promise.resolve({ ...tees, sgx: lenient(left === undefined ? [] : [left]) }) });
        await stack.refresh();
        return String(outs()["state"]);
    }

    it("is believed as long as they do nothing", async () => {
        assert.equal(await believes(undefined), "running");
    });

    it("gets nowhere with evidence that the module gave to an earlier challenge, which succeeds where nobody compares the challenge", async () => {
        let recorded: Reply | undefined;
        await believes(undefined, (reply) => {
            if (reply.type === "m2") recorded ??= reply;
            return reply;
        });
        const relayed = (reply: Reply): Reply => reply.type === "m2" && recorded?.type === "m2" ? { ...reply, evidence: recorded.evidence } : reply;
        assert.equal(await believes(undefined, relayed), "refused: AE-ATTEST-BINDING");
        assert.equal(await believes("binding", relayed), "running");
    });

    /** The checks without which an imposture is believed, and with which it is refused. */
    const stoppedBy: Readonly<Record<string, { readonly code: string; readonly checks: readonly Check[] }>> = {
        "other-enclave": { code: "AE-ATTEST-MEASUREMENT", checks: ["code"] },
        "other-vendor": { code: "AE-ATTEST-MEASUREMENT", checks: ["code"] },
        "debug-enclave": { code: "AE-ATTEST-POLICY", checks: ["debug"] },
        "other-deployment": { code: "AE-ATTEST-BINDING", checks: ["code", "binding"] },
        "earlier-answer": { code: "AE-ATTEST-BINDING", checks: ["binding"] },
        "other-key": { code: "AE-ATTEST-BINDING", checks: ["binding"] },
    };
    for (const [name, imposture] of Object.entries(impostures)) {
        it(`gets nowhere with ${name}, which succeeds where nobody checks: ${imposture.goal}`, async () => {
            const { code, checks } = stoppedBy[name]!;
            const attacker = new Attacker(victimOf(deployed(), "victim", base), attackersKey);
            const attempt = (...left: Check[]) => {
                setSurroundings({ ...real, tees: () => Promise.resolve({ ...tees, sgx: lenient(left) }) });
                return impersonate(name, imposture, attacker, deployed());
            };
            const { held, did, seen } = await attempt();
            assert.ok(held, did);
            assert.ok(seen.verdict!.reasons.some((reason) => reason.code === code), JSON.stringify(seen.verdict!.reasons));
            // Each check alone is enough; the last of them is not missed for nothing.
            for (const without of checks) {
                const partly = await attempt(...checks.filter((one) => one !== without));
                assert.equal(partly.seen.outcome, "refused", `${without} alone does not stop it`);
            }
            const believed = await attempt(...checks);
            assert.equal(believed.seen.outcome, "accepted", believed.did);
            assert.equal(believed.held, false);
        });
    }

    it("gets nowhere with an emulated root in a stack that wants hardware", async () => {
        setSurroundings(real);
        const { held, did, seen } = await emulatedRoot(deployed(), "victim");
        assert.ok(held, did);
        assert.equal(seen.verdict?.reasons[0]?.code, "AE-ATTEST-CHAIN");
    });

    it("gets nowhere in the memory of the module's host, and at no other entry", async () => {
        const { instance } = outs() as { instance: string };
        const { pid } = (await agent().instance(instance))!;
        const read = await memory(pid!);
        assert.ok(read.held, read.did);
        const entered = await entries(path.join(agent().folder, "instances", instance, "image"));
        assert.ok(entered.held, entered.did);
    });

    it("gets nowhere with another enclave on the same platform, which succeeds where nobody compares the code", async () => {
        await replaceBy(signedImage(await imageOf("evil.c"), attackersKey));
        assert.equal(await believes(undefined), "refused: AE-ATTEST-MEASUREMENT");
        // It runs on under another incarnation: the deployer would give it the module's keys.
        assert.equal(await believes("code"), "restarted");
    });

    it("gets nowhere with the module's own code in an enclave for debugging, which succeeds where a policy allows it", async () => {
        await replaceBy(signedImage(await imageOf("genuine.c"), attackersKey, { debug: true }));
        assert.equal(await believes(undefined), "refused: AE-ATTEST-POLICY");
        assert.equal(await believes("debug"), "restarted");
    });

    it("loads nothing whose signature is for another enclave", async () => {
        const [evil, genuine] = [await imageOf("evil.c"), await imageOf("genuine.c")];
        await assert.rejects(replaceBy(signedImage({ image: evil.image, measurement: genuine.measurement }, attackersKey)), /AE-HOST/);
    });

    it("is found out and undone by the next up", async () => {
        setSurroundings(undefined);
        await stack.refresh();
        await stack.up(program);
        assert.equal(outs()["state"], "running");
        assert.deepEqual(await stack.refresh(), []);
    });
});

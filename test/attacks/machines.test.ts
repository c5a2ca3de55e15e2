// Whoever owns a machine says that it is SGX hardware, or exchanges it for another one. No such machine is here: the
// test's vendor vouches for emulated platforms, where a relying party believes it; the real one's roots are those of Intel.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { AgentClient } from "../../provider/agent/client";
import { endLocalAgent } from "../../provider/agent/local";
import { sgx as sgxEvidence } from "../../provider/attest/sgx";
import { verifyEvidenceOnline } from "../../provider/attest/verifier";
import { decodePem } from "../../provider/attest/x509/pem";
import { hex } from "../../provider/protocol/bytes";
import { real } from "../../provider/lifecycle/real";
import { setSurroundings } from "../../provider/lifecycle/surroundings";
import type { Presented } from "../../provider/tee/attester";
import { tees } from "../../provider/tee/registry";
import { sgx } from "../../provider/tee/sgx/sgx";
import * as ae from "../../resources";
import { Stack } from "../lifecycle/stack";
import { vendorKey } from "../lifecycle/vendor-key";

/** What a relying party may leave out. */
type Check = "machine";

/** A machine that the attacker owns, with an emulated platform. */
interface Machine {
    readonly folder: string;
    readonly id: string;
    readonly root: Uint8Array;
}

describe("an attacker who owns the machine of a hardware node", function () {
    this.timeout(180_000);
    let base: string;
    let stack: Stack;
    let cache: string;
    let collateral: http.Server;
    const machines: Machine[] = [];
    /** Whose collateral is served, and where what is said to the node's agent arrives. */
    let current: string | undefined;
    /** The test's vendor vouches for these. */
    let vouched: Uint8Array[];
    let left: Check | undefined;

    const program = (platformId?: string) => () => {
        const deployment = new ae.Deployment("d");
        const { port } = collateral.address() as AddressInfo;
        const node = new ae.Node("n", { deployment, tee: "sgx", collateralUrl: `http://127.0.0.1:${port}`, ...(platformId === undefined ? {} : { platformId }) });
        new ae.Module("victim", { node, source: path.join(base, "victim.c") });
    };

    /** The provider's SGX, with the test's vendor in the place of Intel where it vouches for anybody. */
    const appraise = ({ evidence, reportData, measurement, attester, trust, at }: Presented) => verifyEvidenceOnline(sgxEvidence, evidence, attester.collateral, {
        at, trust, reportData, roots: vouched.length === 0 ? attester.roots : { assurance: "emulated", anchors: vouched },
        references: { mrenclave: hex(measurement), ...(left === "machine" || attester.platformId === undefined ? {} : { platform: attester.platformId }) },
    });

    async function machine(node: string, deployment: string, listenAddress: string): Promise<Machine> {
        const { folder, platform } = await real.startAgent({ node, deployment, listenAddress, tee: "sgx", backend: "emulated" });
        const found = { folder, id: platform!.id, root: decodePem(platform!.root, "CERTIFICATE", "root")[0]! };
        machines.push(found);
        return found;
    }

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "machines-"));
        process.env["AUTHENTIC_STATE"] = path.join(base, "nodes");
        fs.writeFileSync(path.join(base, "victim.c"), "#include <authentic.h>\nAUTHENTIC_ENTRY(work, 0) { (void)data; (void)length; }\n");
    });
    beforeEach(async () => {
        vouched = [];
        left = current = undefined;
        cache = fs.mkdtempSync(path.join(base, "cache-"));
        stack = new Stack({ "authentic:trust": JSON.stringify({ emulated: true, collateral: { cache } }) });
        collateral = http.createServer((request, response) => {
            void (async () => {
                const found = await new AgentClient(current!).collateral(request.url!);
                if (!found.ok) return response.writeHead(404).end();
                return response.writeHead(200, Object.fromEntries(found.headers)).end(found.body);
            })();
        });
        await new Promise<void>((resolve) => { collateral.listen(0, "127.0.0.1", resolve); });
        setSurroundings({
            ...real,
            tees: () => Promise.resolve({ ...tees, sgx: { ...sgx, appraise } }),
            // Whatever the deployer asks for, the attacker's machine has an emulator, and says that it is none.
            startAgent: async ({ node, deployment, listenAddress, folder }) => {
                current ??= folder ?? (await machine(node, deployment, listenAddress)).folder;
                return { ...await new AgentClient(current).about(), platform: undefined };
            },
            agent: (folder) => real.agent(current ?? folder),
            endAgent: () => Promise.resolve(),
            generateVendorKey: () => Promise.resolve(vendorKey()),
        });
    });
    afterEach(async () => {
        await stack.destroy();
        setSurroundings(undefined);
        for (const { folder } of machines.splice(0)) await endLocalAgent(folder);
        await new Promise((resolve) => collateral.close(resolve));
    });
    after(() => {
        delete process.env["AUTHENTIC_STATE"];
        fs.rmSync(base, { recursive: true });
    });

    const instances = async () => (await new AgentClient(current!).instances()).map(({ name }) => name);

    it("gets no emulated machine taken for hardware, not even in a stack that accepts emulation", async () => {
        await assert.rejects(stack.up(program()), /the evidence of module "authentic enrolment" is refused.*root/s);
        assert.equal(machines.length, 1, "no agent was asked");
        assert.deepEqual(stack.outs("Node", "n")["platform"], {});
        assert.equal(stack.state.has("Module victim"), false, "a module was given to the machine");
        assert.deepEqual(await instances(), []);
    });

    it("gets it taken where the roots of emulators are believed on hardware nodes", async () => {
        await assert.rejects(stack.up(program()), /refused/);
        vouched = machines.map(({ root }) => root);
        // The failed node is resumed by the next `up`, as the engine does.
        await stack.up(program());
        assert.equal(stack.outs("Module", "victim")["state"], "running");
    });

    describe("that a vendor vouches for", () => {
        beforeEach(async () => {
            await assert.rejects(stack.up(program()), /refused/);
            vouched = machines.map(({ root }) => root);
        });

        it("has it enrolled with the node, before any module, by an enclave that is gone afterwards", async () => {
            await stack.up(program());
            assert.equal((stack.outs("Node", "n")["platform"] as { id: string }).id, machines[0]!.id);
            assert.equal((stack.outs("Module", "victim")["platform"] as { id: string }).id, machines[0]!.id);
            assert.deepEqual(await instances(), ["victim"]);
            assert.deepEqual(await stack.refresh(), []);
            assert.ok((await stack.preview(program())).every((step) => step.startsWith("same ")));
            assert.ok(!JSON.stringify(stack.outs("Node", "n")).includes(String(stack.outs("Deployment", "d")["privateKey"])), "an output repeats the deployer's key");
        });

        it("cannot exchange it for another one that the vendor vouches for, which succeeds where nobody compares machines", async () => {
            await stack.up(program());
            const { instance, deploymentId } = stack.outs("Module", "victim") as { instance: string; deploymentId: string };
            const image = await new AgentClient(current!).image(instance);
            const other = await machine("n", deploymentId, "127.0.0.1");
            assert.notEqual(other.id, machines[0]!.id);
            vouched.push(other.root);
            current = other.folder;
            // Each of the two emulated platforms has collateral of its own.
            fs.rmSync(cache, { recursive: true });
            await new AgentClient(other.folder).start(instance, { name: "victim", deployment: deploymentId, tee: "sgx", image, entryTimeLimitMs: 1000, interface: [] });
            await stack.refresh();
            assert.equal(stack.outs("Module", "victim")["state"], "refused: AE-ATTEST-BINDING");
            left = "machine";
            await stack.refresh();
            // The same code under another incarnation: the deployer would give it the module's keys.
            assert.equal(stack.outs("Module", "victim")["state"], "restarted");
        });

        it("is refused at once where the program names another machine, and accepted under its own name", async () => {
            await assert.rejects(stack.up(program("c0".repeat(16))), /AE-ATTEST-BINDING.*platform is [0-9a-f]{32}.*c0c0/s);
            await stack.up(program(machines[0]!.id));
            assert.equal((stack.outs("Node", "n")["platform"] as { id: string }).id, machines[0]!.id);
        });
    });
});

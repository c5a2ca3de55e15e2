// The emulated platform of an SGX node: what it quotes is verified by our verifier and by another implementation, under
// its own root alone; and its process is started, adopted and ended with its agent.
import { QuoteVerifier, type Collateral } from "@phala/dcap-qvl";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { execFile, spawn } from "node:child_process";
import { request } from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { AgentClient } from "../../../../provider/agent/client";
import { endLocalAgent, killLocalAgent, recordLocalAgent, startLocalAgent } from "../../../../provider/agent/local";
import { collateralSources } from "../../../../provider/attest/collateral/clients";
import type { Fetched } from "../../../../provider/attest/collateral/fetch";
import { writeDcapFile } from "../../../../provider/attest/dcap/collateral";
import type { RootSet, Verdict } from "../../../../provider/attest/evidence";
import { parseTrust } from "../../../../provider/attest/policy";
import { evidenceTypes } from "../../../../provider/attest/registry";
import { verifyEvidence, verifyEvidenceOnline } from "../../../../provider/attest/verifier";
import { decodePem } from "../../../../provider/attest/x509/pem";
import { builtProgram } from "../../../../tools/setup/toolchain";
import { assertAccepted, assertRefused } from "../../../attest/pki/judge";
import { call, exchange, initialize, quote } from "./aesm";
import { cmac, ereport, readProcessor, type Enclave } from "./processor";

const DAY = 86_400_000;
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const enclave: Enclave = {
    mrenclave: new Uint8Array(32).fill(0x33), mrsigner: new Uint8Array(32).fill(0x81), attributes: bytes("05000000000000000700000000000000"),
    reportData: Uint8Array.from({ length: 64 }, (_, index) => index),
};
const MRENCLAVE = "33".repeat(32);

interface Node {
    readonly folder: string;
    readonly agent: AgentClient;
    readonly aesm: string;
    readonly id: string;
    readonly fmspc: string;
    /** DER. */
    readonly root: Uint8Array;
}

describe("the emulated SGX platform", function () {
    this.timeout(120_000);
    let base: string;
    let saved: string | undefined;
    const folders: string[] = [];

    before(() => {
        base = fs.mkdtempSync(path.join(os.tmpdir(), "sgx-platform-"));
        saved = process.env["AUTHENTIC_STATE"];
        process.env["AUTHENTIC_STATE"] = base;
    });
    after(async () => {
        for (const folder of folders) await endLocalAgent(folder);
        if (saved === undefined) delete process.env["AUTHENTIC_STATE"];
        else process.env["AUTHENTIC_STATE"] = saved;
        fs.rmSync(base, { recursive: true, force: true });
    });

    async function start(existing?: string): Promise<Node> {
        const about = await startLocalAgent({ node: "n", deployment: "00".repeat(16), listenAddress: "127.0.0.1", tee: "sgx", backend: "emulated", ...(existing === undefined ? {} : { folder: existing }) });
        if (existing === undefined) folders.push(about.folder);
        // As a state that has it does; another node of the name would end it otherwise.
        await recordLocalAgent(about.folder);
        const { folder, platform, tees } = about;
        assert.ok(platform !== undefined && tees.includes("sgx"));
        const [root] = decodePem(platform.root, "CERTIFICATE", "root");
        return { folder, agent: new AgentClient(folder), aesm: path.join(folder, "sgx", "aesm.socket"), id: platform.id, fmspc: platform.fmspc, root: root! };
    }

    const pidOf = ({ folder }: Node): number => Number.parseInt(fs.readFileSync(path.join(folder, "sgx", "platform.pid"), "utf8"), 10);
    const processorOf = ({ folder }: Node) => readProcessor(path.join(folder, "sgx", "processor"));

    async function quoteOf(node: Node, of: Enclave = enclave): Promise<Uint8Array> {
        const { targetInfo, key } = await initialize(node.aesm);
        const result = await quote(node.aesm, key, ereport(processorOf(node), of, targetInfo));
        assert.equal(result.error, 0);
        return result.quote;
    }

    describe("when it has quoted an enclave", () => {
        let node: Node;
        let other: Node;
        let evidence: Uint8Array;
        let file: Uint8Array;
        let now: number;

        function sources(get: (url: string) => Promise<Fetched>) {
            const cache = fs.mkdtempSync(path.join(base, "cache-"));
            return collateralSources(parseTrust({ collateral: { pcs: "http://pcs", cache } }).collateral, { get });
        }
        const fromAgent = (of: Node) => sources((url) => of.agent.collateral(url.slice("http://pcs".length)));

        before(async () => {
            [node, other] = [await start(), await start()];
            now = Date.now();
            evidence = await quoteOf(node);
            file = writeDcapFile(await fromAgent(node).pcs.collateral("sgx", node.fmspc, "processor", now));
        });

        interface Changes { evidence?: Uint8Array; at?: number; roots?: RootSet; emulated?: boolean; mrenclave?: string; reportData?: Uint8Array }
        const appraisal = ({ at = now, roots = { assurance: "emulated", anchors: [node.root] }, emulated = true, mrenclave = MRENCLAVE, reportData = enclave.reportData }: Changes) =>
            ({ trust: parseTrust({ emulated }), roots, at, reportData, references: { mrenclave, platform: node.id } });
        const judge = (changes: Changes = {}): Verdict => verifyEvidence(evidenceTypes.sgx, changes.evidence ?? evidence, [file], appraisal(changes));

        it("is accepted under its root, with its identity and as an emulation", () => {
            const verdict = judge();
            assertAccepted(verdict);
            assert.deepEqual(verdict.unchecked, []);
            assert.deepEqual([verdict.status, verdict.claims?.assurance, verdict.claims?.platform], ["UpToDate", "emulated", node.id]);
        });

        it("is accepted with collateral that the verifier asks for itself", async () => {
            assertAccepted(await verifyEvidenceOnline(evidenceTypes.sgx, evidence, fromAgent(node), appraisal({})));
        });

        it("is accepted by @phala/dcap-qvl under its root, and refused under Intel's", () => {
            const collateral = JSON.parse(Buffer.from(file).toString("utf8")) as Collateral;
            assert.equal(QuoteVerifier.newWithRootCa(Buffer.from(node.root)).verify(evidence, collateral, Math.floor(now / 1000)).status, "UpToDate");
            assert.throws(() => QuoteVerifier.newProd().verify(evidence, collateral, Math.floor(now / 1000)));
        });

        it("is refused under Intel's root, under that of another platform, and where emulation is not accepted", () => {
            assertRefused(judge({ roots: { assurance: "hardware" } }), "AE-ATTEST-CHAIN", "SGX root certificate: fingerprint");
            assertRefused(judge({ roots: { assurance: "emulated", anchors: [other.root] } }), "AE-ATTEST-CHAIN", "SGX root certificate: fingerprint");
            assertRefused(judge({ emulated: false }), "AE-ATTEST-POLICY", "assurance", "authentic:trust.emulated");
        });

        it("is refused as evidence of another platform, although both are emulated", async () => {
            const others = await quoteOf(other);
            assertRefused(judge({ evidence: others }), "AE-ATTEST-CHAIN", "SGX root certificate: fingerprint");
        });

        it("is refused as evidence of other code, and for another challenge", () => {
            assertRefused(judge({ mrenclave: "34".repeat(32) }), "AE-ATTEST-MEASUREMENT", "mrenclave");
            assertRefused(judge({ reportData: new Uint8Array(64) }), "AE-ATTEST-BINDING", "reportData");
        });

        it("is refused for a debug enclave, which it quotes as genuine platforms do", async () => {
            const debug = await quoteOf(node, { ...enclave, attributes: bytes("07000000000000000700000000000000") });
            assertRefused(judge({ evidence: debug }), "AE-ATTEST-POLICY", "debug", "authentic:trust.sgx.debug");
        });

        it("is refused before its collateral was issued and after it has ended", () => {
            assertAccepted(judge({ at: now + 29 * DAY }));
            for (const at of [now - DAY, now + 31 * DAY]) {
                const { accepted, reasons } = judge({ at });
                assert.deepEqual([accepted, reasons.map(({ code }) => code)], [false, ["AE-ATTEST-EXPIRED"]]);
            }
        });

        it("is refused where a document is missing", async () => {
            for (const missing of ["/tcb?", "/qe/identity", "/pckcrl", "/rootcacrl"]) {
                const some = sources((url) => url.includes(missing) ? Promise.resolve({ ok: false, problem: "HTTP 404" }) : node.agent.collateral(url.slice("http://pcs".length)));
                const { accepted, reasons } = await verifyEvidenceOnline(evidenceTypes.sgx, evidence, some, appraisal({}));
                assert.deepEqual([accepted, reasons.map(({ code }) => code)], [false, ["AE-ATTEST-COLLATERAL"]], missing);
            }
        });

        it("is refused after a change of any byte of header, report or signature", () => {
            for (let offset = 0; offset < 700; offset += 13) {
                const changed = Uint8Array.from(evidence);
                changed[offset]! ^= 1;
                assert.equal(judge({ evidence: changed }).accepted, false, `byte ${offset}`);
            }
        });

        it("tells the enclave that asked, in a report to it, which quote it made", async () => {
            const { targetInfo, key } = await initialize(node.aesm);
            const asking = Buffer.alloc(512);
            asking.fill(0x33, 0, 32);
            const nonce = Buffer.alloc(16, 5);
            const made = await quote(node.aesm, key, ereport(processorOf(node), enclave, targetInfo), Buffer.concat([nonce, asking, Buffer.alloc(432)]));
            const report = made.qeReportInfo.slice(528);
            const expected = createHash("sha256").update(nonce).update(made.quote).digest();
            assert.deepEqual(Buffer.from(report.slice(320, 352)), expected);
            assert.deepEqual(report.slice(64, 96), targetInfo.slice(0, 32));
            assert.notDeepEqual(report.slice(416), new Uint8Array(16));
        });
    });

    describe("as a quoting service", () => {
        let node: Node;
        before(async () => { node = await start(); });

        it("quotes nothing before a client has asked for the key, as Intel's service", async () => {
            const key = (await call(node.aesm, 22, [[1, 256]])).get(2) as Uint8Array;
            assert.equal((await call(node.aesm, 16, [[1, key]])).get(1), 42);
        });

        it("refuses reports that were not made on its processor for its quoting enclave", async () => {
            const { targetInfo, key } = await initialize(node.aesm);
            const processor = processorOf(node);
            const good = ereport(processor, enclave, targetInfo);
            assert.equal((await quote(node.aesm, key, good)).error, 0);
            const foreign = { ...processor, fuseKey: new Uint8Array(16).fill(1) };
            const target = Uint8Array.from(targetInfo);
            target[0]! ^= 1;
            const bad: [string, Uint8Array][] = [["another processor", ereport(foreign, enclave, targetInfo)], ["another target", ereport(processor, enclave, target)]];
            for (const offset of [0, 64, 128, 320, 383, 384, 416, 431]) {
                const changed = Uint8Array.from(good);
                changed[offset]! ^= 1;
                bad.push([`byte ${offset}`, changed]);
            }
            for (const [what, report] of bad) {
                const result = await quote(node.aesm, key, report);
                assert.deepEqual([result.error, result.quote.length], [47, 0], what);
            }
        });

        it("refuses wrong parameters with Intel's codes, and outlives noise", async () => {
            const { targetInfo, key } = await initialize(node.aesm);
            const report = ereport(processorOf(node), enclave, targetInfo);
            const codes = await Promise.all([
                call(node.aesm, 17, [[1, report.slice(1)], [2, key], [4, 16_384]]),
                call(node.aesm, 17, [[1, report], [2, key], [4, 100]]),
                call(node.aesm, 17, [[1, report], [2, key], [3, new Uint8Array(959)], [4, 16_384]]),
                call(node.aesm, 17, [[1, report], [2, new Uint8Array(256)], [4, 16_384]]),
                call(node.aesm, 22, [[1, 512]]),
            ]);
            assert.deepEqual(codes.map((reply) => reply.get(1)), [3, 3, 3, 38, 3]);
            for (const noise of [new Uint8Array(0), new Uint8Array(100).fill(0xff), new Uint8Array(65_537)]) await exchange(node.aesm, noise).catch(() => undefined);
            assert.equal((await quote(node.aesm, key, report)).error, 0);
        });
    });

    describe("as a provisioning service", () => {
        let node: Node;
        before(async () => { node = await start(); });

        const get = (target: string) => new Promise<number>((resolve, reject) => {
            request({ socketPath: path.join(node.folder, "sgx", "pcs.socket"), path: `/sgx/certification/v4/${target}` }, (response) => {
                response.resume();
                resolve(response.statusCode ?? 0);
            }).once("error", reject).end();
        });

        it("answers with the statuses of Intel's service, directly and through the agent", async () => {
            const expected: [target: string, status: number][] = [
                [`tcb?fmspc=${node.fmspc}`, 200], [`tcb?fmspc=${node.fmspc.toUpperCase()}&update=early`, 200], [`tcb?fmspc=${node.fmspc}&tcbEvaluationDataNumber=1`, 200],
                ["tcb?fmspc=00906ea10000", 404], [`tcb?fmspc=${node.fmspc}&tcbEvaluationDataNumber=17`, 404],
                ["tcb", 400], ["tcb?fmspc=00", 400], ["tcb?fmspc=zz906ea10000", 400], [`tcb?fmspc=${node.fmspc}&update=late`, 400],
                ["qe/identity", 200], ["qe/identity?update=late", 400],
                ["pckcrl?ca=processor", 200], ["pckcrl?ca=processor&encoding=pem", 200], ["pckcrl?ca=platform", 404], ["pckcrl", 400], ["pckcrl?ca=x", 400], ["pckcrl?ca=processor&encoding=x", 400],
                ["rootcacrl", 200], ["pckcert", 404],
            ];
            for (const [target, status] of expected) {
                assert.equal(await get(target), status, target);
                const answer = await node.agent.collateral(`/sgx/certification/v4/${target}`);
                assert.equal(answer.ok ? 200 : answer.problem, status === 200 ? 200 : `HTTP ${status}`, target);
            }
        });
    });

    describe("as a process", () => {
        const runs = (pid: number): boolean => fs.existsSync(`/proc/${pid}/cmdline`) && fs.readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
        async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
            for (const deadline = Date.now() + 30_000; !await condition();) {
                assert.ok(Date.now() < deadline, what);
                await sleep(20);
            }
        }

        it("keeps its keys in files of its owner alone, and writes them nowhere else", async () => {
            const node = await start();
            const folder = path.join(node.folder, "sgx");
            assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
            for (const name of fs.readdirSync(folder)) assert.equal(fs.statSync(path.join(folder, name)).mode & 0o077, 0, name);
            await quoteOf(node);
            const keys = fs.readFileSync(path.join(folder, "keys"));
            const secrets = [0, 1, 2, 3, 4].map((index) => keys.subarray(16 + 32 * index, 48 + 32 * index)).concat(Buffer.from(processorOf(node).fuseKey));
            const written = ["platform.log", "../agent.log", "../node.json"].map((name) => fs.readFileSync(path.join(folder, name)));
            for (const secret of secrets) {
                for (const form of [secret, Buffer.from(secret.toString("hex")), Buffer.from(secret.toString("base64"))]) {
                    assert.ok(written.every((content) => !content.includes(form)));
                }
            }
        });

        it("does not let another process of its user look into it, as that user's other processes do", async () => {
            // Root looks into everything.
            const nobody = { uid: 65_534, gid: 65_534 };
            const asRoot = process.getuid?.() === 0;
            const options = { ...(asRoot ? nobody : {}), cwd: "/" };
            const home = fs.mkdtempSync(path.join(os.tmpdir(), "sgx-nobody-"));
            fs.copyFileSync(builtProgram("authentic-sgx-platform"), path.join(home, "platform"));
            fs.chmodSync(path.join(home, "platform"), 0o755);
            if (asRoot) fs.chownSync(home, nobody.uid, nobody.gid);
            const platform = spawn(path.join(home, "platform"), ["--folder", path.join(home, "sgx")], { ...options, stdio: "ignore" });
            const ordinary = spawn("sleep", ["60"], { ...options, stdio: "ignore" });
            try {
                await until("the platform does not start", () => fs.existsSync(path.join(home, "sgx", "pcs.socket")));
                const look = (pid: number) => promisify(execFile)("cat", [`/proc/${pid}/environ`], options);
                await look(ordinary.pid!);
                await assert.rejects(look(platform.pid!), /ermission denied/);
            } finally {
                platform.kill("SIGKILL");
                ordinary.kill("SIGKILL");
                fs.rmSync(home, { recursive: true, force: true });
            }
        });

        it("is started anew when it was killed, with the same keys, and as often as it is", async () => {
            const node = await start();
            for (let round = 0; round < 2; round++) {
                const pid = pidOf(node);
                process.kill(pid, "SIGKILL");
                await until("the platform is not started anew", async () => !runs(pid) && (await node.agent.collateral("/sgx/certification/v4/qe/identity")).ok);
                assert.notEqual(pidOf(node), pid);
            }
            const about = await node.agent.about();
            assert.deepEqual(decodePem(about.platform!.root, "CERTIFICATE", "root")[0], node.root);
            const trust = parseTrust({ emulated: true, collateral: { pcs: "http://pcs", cache: path.join(base, "anew") } });
            const sources = collateralSources(trust.collateral, { get: (url) => node.agent.collateral(url.slice("http://pcs".length)) });
            const roots = { assurance: "emulated", anchors: [node.root] } as const;
            assertAccepted(await verifyEvidenceOnline(evidenceTypes.sgx, await quoteOf(node), sources, { trust, roots, at: Date.now(), reportData: enclave.reportData, references: { mrenclave: MRENCLAVE } }));
        });

        it("survives an agent that was killed, and is adopted by the next", async () => {
            const node = await start();
            const pid = pidOf(node);
            await killLocalAgent(node.folder);
            assert.ok(runs(pid));
            const again = await start(node.folder);
            assert.deepEqual([pidOf(again), again.root], [pid, node.root]);
        });

        it("is replaced by the next agent where it does not answer, with the same keys", async () => {
            const node = await start();
            const pid = pidOf(node);
            await killLocalAgent(node.folder);
            process.kill(pid, "SIGSTOP");
            const again = await start(node.folder);
            assert.equal(runs(pid), false);
            assert.notEqual(pidOf(again), pid);
            assert.deepEqual(again.root, node.root);
        });

        it("ends with its agent, and with the end of an agent that is gone, and leaves no file", async () => {
            for (const killed of [false, true]) {
                const node = await start();
                const pid = pidOf(node);
                if (killed) await killLocalAgent(node.folder);
                await endLocalAgent(node.folder);
                assert.equal(runs(pid), false);
                assert.equal(fs.existsSync(node.folder), false);
            }
        });

        it("keeps a node from starting whose keys are damaged, and the reason is told", async () => {
            const node = await start();
            await node.agent.shutdown();
            await until("the agent does not end", () => !fs.existsSync(path.join(node.folder, "agent.pid")));
            assert.deepEqual(fs.readdirSync(path.join(node.folder, "sgx")).sort(), ["keys", "platform.log", "processor"]);
            fs.appendFileSync(path.join(node.folder, "sgx", "keys"), "x");
            await assert.rejects(start(node.folder), /AE-SGX-KEYS: the agent of node "n" does not start: .*replace the node/i);
        });

        it("is not there on a hardware node, which a machine without SGX refuses to be", async () => {
            const hardware = startLocalAgent({ node: "n", deployment: "00".repeat(16), listenAddress: "127.0.0.1", tee: "sgx", backend: "hardware" });
            if (fs.existsSync("/dev/sgx_enclave")) {
                const { folder, tees, platform } = await hardware;
                folders.push(folder);
                assert.deepEqual([tees.includes("sgx"), platform], [true, undefined]);
                assert.equal((await new AgentClient(folder).collateral("/sgx/certification/v4/rootcacrl")).ok, false);
            } else {
                await assert.rejects(hardware, /AE-AGENT-SGX-DEVICE: .*\/dev\/sgx_enclave.*backend: "emulated"/);
            }
        });
    });

    it("derives report keys with AES-CMAC (RFC 4493, section 4, example 3 of whole blocks)", () => {
        const message = bytes("6bc1bee22e409f96e93d7e117393172a");
        assert.equal(Buffer.from(cmac(bytes("2b7e151628aed2a6abf7158809cf4f3c"), message)).toString("hex"), "070a16b46b4d4144f79bdd9dd04a287c");
    });
});

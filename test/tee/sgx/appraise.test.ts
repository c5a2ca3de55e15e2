// The relying party of an SGX module: what the resources of a stack know decides, and every way of showing something else
// is refused. Quotes and collateral are those of a test platform, served over HTTP or by an agent.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { defaultFetchOptions, fetchDocument } from "../../../provider/attest/collateral/fetch";
import { parseTrust } from "../../../provider/attest/policy";
import { encodePem } from "../../../provider/attest/x509/pem";
import { AuthenticError } from "../../../provider/errors";
import { appraiser } from "../../../provider/lifecycle/appraise";
import { attesterOf, type AttesterState, pinned } from "../../../provider/lifecycle/platform";
import { real } from "../../../provider/lifecycle/real";
import { type Agent, setSurroundings } from "../../../provider/lifecycle/surroundings";
import type { Appraisal, EvidenceToAppraise } from "../../../provider/session/session";
import { hex } from "../../../provider/protocol/bytes";
import { sgx } from "../../../provider/tee/sgx/sgx";
import { mrsigner, readVendorKey } from "../../../provider/tee/sgx/vendor-key";
import type { Build, MeasuredConfiguration } from "../../../provider/tee/tee";
import { build, type Built, NOW, sgxWorld, type World } from "../../attest/pki/intel";
import { type CollateralService, serveCollateral } from "../../attest/pki/collateral-service";
import { vendorKey } from "../../lifecycle/vendor-key";
import { enclaveFile, R, smallEnclave } from "./enclave-file";

/** A build whose configuration block is the second half of its first segment. */
const BUILD: Build = {
    image: enclaveFile([{ address: 0, flags: R, content: new Uint8Array(4096) }, ...smallEnclave().slice(1)]),
    configurationOffset: 64 + 4 * 56, configurationSize: 4096, interface: [], kit: new Uint8Array(32), codeMeasurement: new Uint8Array(32), toolchain: {}, sizes: { text: 0, data: 0 },
};
const measured = (changes: Partial<MeasuredConfiguration> = {}): MeasuredConfiguration =>
    ({ deployment: new Uint8Array(16).fill(1), instance: new Uint8Array(16).fill(2), deployerKey: new Uint8Array(32).fill(3), values: {}, ...changes });
const measurementOf = (changes?: Partial<MeasuredConfiguration>): Uint8Array => sgx.finalize(BUILD, measured(changes)).measurement;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

describe("appraisal of SGX modules", () => {
    let folder: string;
    let world: World;
    let service: CollateralService;
    let built: Built | undefined;
    let reachable: boolean;
    const signer = hex(mrsigner(readVendorKey(vendorKey())));
    const reportData = new Uint8Array(randomBytes(64));

    beforeEach(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "sgx-appraise-"));
        world = sgxWorld();
        Object.assign(world.body, { mrenclave: measurementOf(), mrsigner: bytes(signer), isvProdId: 1, isvSvn: 1, reportData, attributes: bytes("05000000000000000700000000000000") });
        built = undefined;
        reachable = true;
    });
    afterEach(async () => {
        setSurroundings(undefined);
        await service.stop();
        fs.rmSync(folder, { recursive: true });
    });

    interface Conditions {
        readonly trust?: Record<string, unknown>;
        readonly state?: Partial<AttesterState>;
        readonly evidence?: Partial<EvidenceToAppraise>;
        readonly at?: number;
        /** Shows this quote in place of the world's. */
        readonly quote?: Uint8Array;
    }

    /** Presents the world's quote to the relying party of a stack, for which the platform was pinned as it is. */
    async function appraise({ trust = {}, state = {}, evidence = {}, at = NOW, quote }: Conditions = {}): Promise<Appraisal> {
        built ??= build(world);
        service = await serveCollateral(world, built);
        const agent = { collateral: (document: string) => reachable
            ? fetchDocument(`${service.url}${document}`, { ...defaultFetchOptions, attempts: 1 })
            : Promise.resolve({ ok: false, problem: "the agent is away" } as const) };
        setSurroundings({ ...real, agent: () => Promise.resolve(agent as Partial<Agent> as Agent) });
        const policy = parseTrust({ emulated: true, collateral: { cache: path.join(folder, "cache") }, ...trust });
        const platform = pinned({ id: "b1".repeat(16), root: encodePem("CERTIFICATE", built.root), fmspc: "00a067110000" });
        const attester = attesterOf({ tee: "sgx", backend: "emulated", nodeFolder: folder, signer, platform, ...state }, policy);
        return appraiser(policy, sgx, attester, { now: () => at })({
            instance: "probe", evidenceType: 1, evidence: quote ?? built.quote, reportData, measurement: measurementOf(), backend: "emulated", ...evidence,
        });
    }

    async function refused(code: string, message: RegExp, conditions?: Conditions): Promise<void> {
        await assert.rejects(appraise(conditions), (error) => {
            assert.ok(error instanceof AuthenticError, String(error));
            assert.equal(error.code, code, error.message);
            assert.match(error.message, message);
            return true;
        });
    }

    it("accepts the module that was built, on the platform that was pinned, and says what that is worth", async () => {
        assert.deepEqual(await appraise(), { assurance: "emulated", facts: { tcbStatus: "UpToDate", advisories: [], platformId: "b1".repeat(16) } });
        assert.ok(service.requests.length > 0);
    });

    it("goes on from what it fetched before while the agent does not answer", async () => {
        await appraise();
        await service.stop();
        reachable = false;
        assert.equal((await appraise({ at: NOW + 86_400_000 })).assurance, "emulated");
    });

    it("takes the status that the policy allows, with its advisories", async () => {
        world.facts.components[0]! -= 1;
        await refused("AE-ATTEST-TCB", /status is OutOfDate, required: UpToDate.*INTEL-SA-00828/);
        await service.stop();
        const lenient = { sgx: { tcbStatuses: ["OutOfDate"], advisories: ["INTEL-SA-00828"] } };
        assert.deepEqual((await appraise({ trust: lenient })).facts, { tcbStatus: "OutOfDate", advisories: ["INTEL-SA-00828"], platformId: "b1".repeat(16) });
    });

    const day = 86_400_000;
    const cases: readonly [string, string, RegExp, Conditions | undefined, (() => void)?][] = [
        ["another measurement: the source changed after the plan", "AE-ATTEST-MEASUREMENT", /mrenclave is/, { evidence: { measurement: new Uint8Array(32).fill(9) } }],
        ["an enclave that may be debugged", "AE-ATTEST-POLICY", /debug is enabled, required: disabled.*Set authentic:trust\.sgx\.debug/s, undefined,
            () => { world.body.attributes = bytes("07000000000000000700000000000000"); }],
        ["the signature of another vendor", "AE-ATTEST-MEASUREMENT", /mrsigner is/, undefined, () => { world.body.mrsigner = new Uint8Array(32).fill(7); }],
        ["the evidence of another module", "AE-ATTEST-MEASUREMENT", /mrenclave is/, undefined,
            () => { world.body.mrenclave = measurementOf({ instance: new Uint8Array(16).fill(9) }); }],
        ["the evidence of another deployment", "AE-ATTEST-MEASUREMENT", /mrenclave is/, undefined,
            () => { world.body.mrenclave = measurementOf({ deployment: new Uint8Array(16).fill(9) }); }],
        ["the evidence of another deployer", "AE-ATTEST-MEASUREMENT", /mrenclave is/, undefined,
            () => { world.body.mrenclave = measurementOf({ deployerKey: new Uint8Array(32).fill(9) }); }],
        ["evidence for another challenge", "AE-ATTEST-BINDING", /reportData is/, { evidence: { reportData: new Uint8Array(64) } }],
        ["evidence that binds half of the challenge", "AE-ATTEST-BINDING", /reportData is/, undefined,
            () => { world.body.reportData = new Uint8Array([...reportData.subarray(0, 32), ...new Uint8Array(32)]); }],
        ["a root that was not pinned", "AE-ATTEST-CHAIN", /root/i, { state: { platform: { id: "b1".repeat(16), root: encodePem("CERTIFICATE", build(sgxWorld()).root), rootFingerprint: "00".repeat(32) } } }],
        ["an emulated node without a pinned root", "AE-ATTEST-CHAIN", /root/i, { state: { platform: {} } }],
        ["another machine under the same root", "AE-ATTEST-BINDING", /platform is c2/, undefined, () => { world.facts.platform!.instanceId = bytes("c2".repeat(16)); }],
        ["emulation where the stack wants hardware", "AE-ATTEST-POLICY", /assurance is emulated, required: hardware/, { trust: { emulated: false } }],
        ["expired collateral", "AE-ATTEST-EXPIRED", /expired on 2026-03-30/, { at: NOW + 40 * day }],
        ["evidence of another type", "AE-ATTEST-UNSUPPORTED", /evidence type is 0/, { evidence: { evidenceType: 0 } }],
        ["bytes that are no quote", "AE-ATTEST-UNSUPPORTED", /version is 0/, { quote: new Uint8Array(500) }],
    ];
    for (const [what, code, message, conditions, change] of cases) {
        it(`refuses ${what}`, async () => {
            change?.();
            await refused(code, message, conditions);
        });
    }

    it("refuses evidence without collateral, naming the document", async () => {
        reachable = false;
        await refused("AE-ATTEST-COLLATERAL", /TCB info of FMSPC 00a067110000 is missing \(.*the agent is away\)/);
    });

    it("refuses the evidence of an emulator on a hardware node, whatever the policy says", async () => {
        built = build(world);
        service = await serveCollateral(world, built);
        const { url } = service;
        const policy = parseTrust({ emulated: true, collateral: { cache: path.join(folder, "cache") } });
        const attester = attesterOf({ tee: "sgx", backend: "hardware", nodeFolder: folder, signer, platform: { collateralUrl: url } }, policy);
        const evidence = { instance: "probe", evidenceType: 1, evidence: built.quote, reportData, measurement: measurementOf(), backend: "hardware" };
        await assert.rejects(appraiser(policy, sgx, attester, { now: () => NOW })(evidence), /AE-ATTEST-CHAIN.*root/is);
        assert.ok(service.requests.length > 0, "the service that the node names was not asked");
    });
});

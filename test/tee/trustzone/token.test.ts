// The evidence of modules on a board: accepted by the provider's verifier and by an independent COSE library, refused when
// anything in it is not what was enrolled, planned or asked for.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { sign as cose } from "cose-js";
import { collateralSources } from "../../../provider/attest/collateral/clients";
import { encodePem } from "../../../provider/attest/x509/pem";
import { parseTrust } from "../../../provider/attest/policy";
import type { Refusal } from "../../../provider/attest/refusal";
import { hex } from "../../../provider/protocol/bytes";
import type { EvidenceToAppraise } from "../../../provider/session/session";
import { implementationId, buildBoardSoftware } from "../../../provider/tee/trustzone/firmware";
import { spkiOf, tokenNonce } from "../../../provider/tee/trustzone/evidence";
import { trustzone } from "../../../provider/tee/trustzone/trustzone";
import { OUT } from "../../kit/kit-process";
import { Board, type Loaded } from "./board";
import { patchedSoftware } from "./patched";

describe("The token of a module on a TrustZone board", function () {
    this.timeout(240_000);
    let board: Board;
    let valve: Loaded;
    let genuine: EvidenceToAppraise;

    before(async () => {
        board = await Board.start();
        valve = await board.load("valve", "valve.c", { values: { limit: 100, label: "valve" } });
        await board.driver.attest(valve.end);
        genuine = board.evidence.at(-1)!;
    });
    after(() => board.stop());

    const reasons = (evidence: EvidenceToAppraise, ...rest: Parameters<Board["judge"]> extends [unknown, ...infer Rest] ? Rest : never): readonly Refusal[] => {
        const verdict = board.judge(evidence, ...rest);
        assert.equal(verdict.accepted, false);
        return verdict.reasons;
    };

    it("is accepted as emulated, of this device, this firmware and this module", async () => {
        const { accepted, claims, unchecked } = board.judge(genuine);
        assert.equal(accepted, true);
        assert.deepEqual(unchecked, []);
        assert.equal(claims?.assurance, "emulated");
        assert.equal(claims.platform, board.device.instanceId);
        assert.equal(board.device.firmware, hex((await buildBoardSoftware()).measurement));
        assert.equal(board.device.implementationId, hex(implementationId("mps2-an505")));
    });

    it("is a COSE_Sign1 to an independent library, over the nonce that the deployer expects", async () => {
        const point = Buffer.from(board.device.publicKey, "hex");
        const key = { x: point.subarray(1, 33), y: point.subarray(33) };
        const payload = await cose.verify(Buffer.from(genuine.evidence), { key });
        assert.ok(payload.includes(Buffer.from(tokenNonce(genuine.measurement, genuine.reportData))));
        const forged = Buffer.from(genuine.evidence);
        forged[forged.length - 1]! ^= 1;
        await assert.rejects(cose.verify(forged, { key }));
    });

    it("is refused with one byte of it changed", () => {
        for (let at = 0; at < genuine.evidence.length; at += 7) {
            const changed = Uint8Array.from(genuine.evidence);
            changed[at]! ^= 0x20;
            reasons({ ...genuine, evidence: changed });
        }
        reasons({ ...genuine, evidence: genuine.evidence.subarray(0, -1) });
    });

    it("is refused for another session, another module, another firmware and another device", () => {
        const codes = (list: readonly Refusal[]): string[] => list.map(({ code, claim }) => `${code} ${claim}`);
        assert.ok(codes(reasons({ ...genuine, reportData: new Uint8Array(randomBytes(64)) })).includes("AE-ATTEST-BINDING reportData"));
        const other = codes(reasons({ ...genuine, measurement: new Uint8Array(randomBytes(32)) }));
        assert.ok(other.includes("AE-ATTEST-BINDING reportData") && other.includes("AE-ATTEST-MEASUREMENT softwareComponents[1]"));
        assert.ok(codes(reasons(genuine, { ...board.device, firmware: "00".repeat(32) })).includes("AE-ATTEST-MEASUREMENT softwareComponents[0]"));
        assert.ok(codes(reasons(genuine, { ...board.device, implementationId: "00".repeat(32) })).includes("AE-ATTEST-MEASUREMENT implementationId"));
        assert.ok(codes(reasons(genuine, { ...board.device, instanceId: `01${"00".repeat(32)}` })).includes("AE-ATTEST-BINDING platform"));
    });

    it("is refused where emulated evidence is, and on a node that claims hardware", () => {
        assert.deepEqual(reasons(genuine, board.device, parseTrust({})).map(({ setting }) => setting), ["authentic:trust.emulated"]);
        assert.equal(reasons({ ...genuine, backend: "hardware" })[0]?.code, "AE-ATTEST-BINDING");
    });

    it("is accepted as hardware where the device is enrolled in the stack, as what it was enrolled as", async () => {
        const key = encodePem("PUBLIC KEY", spkiOf(board.device));
        const { instanceId, implementationId: kind } = board.device;
        const judged = async (device: object, platformId?: string) => {
            const { evidence, reportData, measurement } = genuine;
            const trust = parseTrust({ psa: { devices: [{ key, ...device }] } });
            return trustzone.appraise({ evidence, reportData, measurement, trust, at: Date.now(), attester: { roots: { assurance: "hardware" }, platformId, collateral: collateralSources(trust.collateral) } }, 2);
        };
        for (const device of [{}, { instanceId }, { instanceId, implementationId: kind }]) assert.equal((await judged(device, instanceId)).claims?.assurance, "hardware");
        assert.deepEqual((await judged({ implementationId: "00".repeat(32) })).reasons.map(({ claim }) => claim), ["PSA token: implementationId"]);
        assert.deepEqual((await judged({}, `01${"00".repeat(32)}`)).reasons.map(({ claim }) => claim), ["platform"]);
    });

    it("is refused from a device in a state that can be debugged", async () => {
        const open = await Board.start(undefined, 0x4000);
        try {
            const module = await open.load("valve", "valve.c", { values: { limit: 100, label: "valve" } });
            await assert.rejects(open.driver.attest(module.end), /lifecycle/);
        } finally {
            await open.stop();
        }
    });

    it("has the same device and another boot seed after a restart, and another incarnation", async () => {
        const seed = (evidence: EvidenceToAppraise): unknown => (board.judge(evidence).claims as { bootSeed?: string } | null)?.bootSeed;
        const before = await board.driver.attest(valve.end);
        const { instanceId } = board.device;
        await board.restart();
        assert.equal(board.device.instanceId, instanceId);
        valve = await board.load("valve", "valve.c", { values: { limit: 100, label: "valve" } });
        const after = await board.driver.attest(valve.end);
        assert.notEqual(after.status.incarnation, before.status.incarnation);
        assert.notEqual(seed(board.evidence.at(-1)!), seed(genuine));
    });

    it("would pass for that of another module if the firmware let the caller choose its nonce", async () => {
        const weak = [
            { file: "secure/token.c", from: "{slots[slot].measurement, 32}, {report_data, 64}", to: "{report_data, 32}, {report_data + 32, 64}" },
            { file: "secure/services.c", from: "if (capacity > TOKEN_MAXIMUM || !run_owns(report_data, sizeof data)", to: "if (capacity > TOKEN_MAXIMUM || !run_owns(report_data, 96)" },
            { file: "secure/services.c", from: "enum { RANDOM_MAXIMUM = 4096, REPORT_DATA = 64,", to: "enum { RANDOM_MAXIMUM = 4096, REPORT_DATA = 96," },
            { file: "secure/firmware.h", from: "unsigned slot, const uint8_t report_data[64]);", to: "unsigned slot, const uint8_t *report_data);" },
            { file: "secure/token.c", from: "unsigned slot, const uint8_t report_data[64]) {", to: "unsigned slot, const uint8_t *report_data) {" },
        ];
        const forger = await Board.start(await patchedSoftware(weak));
        try {
            const liar = await forger.load("liar", "liar.c");
            const { records } = await liar.module.trigger(liar.endpoint("lie"));
            const evidence = Uint8Array.from(Buffer.from(records.find((one) => one.kind === OUT.log)!.body.toString(), "hex"));
            const wanted = new Uint8Array(32).fill(0x5a);
            const claims = forger.judge({ ...genuine, evidence, measurement: wanted, reportData: new Uint8Array(64).fill(0xa5) });
            assert.ok(!claims.reasons.some(({ claim }) => claim === "reportData"), "the nonce is that of the module it claims to be");
        } finally {
            await forger.stop();
        }
    });
});

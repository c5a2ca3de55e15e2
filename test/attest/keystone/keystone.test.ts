// Keystone reports made by a test device: well-formed, and with one defect each.
import assert from "node:assert/strict";
import { ed25519 } from "@noble/curves/ed25519";
import { concat, hex } from "../../../provider/attest/bytes";
import { keystone } from "../../../provider/attest/keystone";
import { ed25519Spki } from "../../../provider/attest/keystone/verify";
import { appraise, assertAccepted, assertRefused } from "../appraising";
import { singleByteChanges } from "../vectors";

const seed = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const deviceSecret = seed(1);
const monitorSecret = seed(2);
const deviceKey = ed25519.getPublicKey(deviceSecret);
const monitorKey = ed25519.getPublicKey(monitorSecret);

const At = { hash: 0, dataLength: 64, data: 72, enclaveSignature: 1096, monitorHash: 1160, monitorKey: 1224, monitorSignature: 1256, deviceKey: 1320 } as const;

/** A report: enclave hash 11…, data 22… (64 bytes), monitor hash 33…; changed before either signature is made. */
function report(change?: (bytes: Buffer) => void, enclaveSigner = monitorSecret, monitorSigner = deviceSecret): Buffer {
    const bytes = Buffer.alloc(1352);
    bytes.fill(0x11, At.hash, At.hash + 64);
    bytes.writeBigUInt64LE(64n, At.dataLength);
    bytes.fill(0x22, At.data, At.data + 64);
    bytes.fill(0x33, At.monitorHash, At.monitorHash + 64);
    bytes.set(monitorKey, At.monitorKey);
    bytes.set(deviceKey, At.deviceKey);
    change?.(bytes);
    const length = Math.min(Number(bytes.readBigUInt64LE(At.dataLength)), 1024);
    bytes.set(ed25519.sign(bytes.subarray(0, At.data + length), enclaveSigner), At.enclaveSignature);
    bytes.set(ed25519.sign(bytes.subarray(At.monitorHash, At.monitorSignature), monitorSigner), At.monitorSignature);
    return bytes;
}

const policy = { devices: [hex(deviceKey)], securityMonitors: ["33".repeat(64)] };
const run = (evidence: Uint8Array, options: Parameters<typeof appraise>[2] = {}) => appraise(keystone, evidence, { policy, ...options });

describe("Keystone report", () => {
    it("is accepted for an enrolled device and a listed security monitor", () => {
        const verdict = run(report(), { reportData: Buffer.alloc(64, 0x22), references: { measurement: "11".repeat(64), platform: hex(deviceKey) } });
        assertAccepted(verdict);
        assert.equal(verdict.claims?.measurement, "11".repeat(64));
    });

    it("is accepted for an emulated node under its own device key only", () => {
        const emulated = { emulated: true, policy: { securityMonitors: policy.securityMonitors } };
        assertAccepted(run(report(), { ...emulated, roots: { assurance: "emulated", anchors: [ed25519Spki(deviceKey)] } }));
        assertRefused(run(report(), { ...emulated, roots: { assurance: "emulated", anchors: [ed25519Spki(monitorKey)] } }), ["BINDING", "device key"]);
        assertRefused(run(report(), { ...emulated, roots: { assurance: "emulated", anchors: [deviceKey] } }), ["MALFORMED", "device key"]);
    });

    it("is accepted with no data and with 1024 bytes of it", () => {
        assertAccepted(run(report((b) => { b.writeBigUInt64LE(0n, At.dataLength); b.fill(0, At.data, At.data + 64); })));
        assertAccepted(run(report((b) => { b.writeBigUInt64LE(1024n, At.dataLength); b.fill(0x22, At.data, At.data + 1024); })));
    });

    for (const length of [1025n, 1032n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
        it(`is refused: data_len ${length}`, () => {
            assertRefused(run(report((b) => b.writeBigUInt64LE(length, At.dataLength))), ["MALFORMED", "data_len"]);
        });
    }

    it("is refused: bytes beyond data_len, which nothing signs", () => {
        assertRefused(run(report((b) => b.writeUInt8(1, At.data + 64))), ["MALFORMED", "data beyond data_len"]);
    });

    it("is refused: cut short, with trailing bytes, empty", () => {
        assertRefused(run(report().subarray(0, 1351)), ["MALFORMED", "device key"]);
        assertRefused(run(concat(report(), Uint8Array.of(0))), ["MALFORMED", "length"]);
        assertRefused(run(new Uint8Array(0)), ["MALFORMED", "enclave hash"]);
    });

    it("is refused: a device that is not enrolled, even with its key in the report", () => {
        assertRefused(run(report(), { policy: { ...policy, devices: [] } }), ["BINDING", "device key", "authentic:trust.keystone.devices"]);
        assertRefused(run(report((b) => { b.set(monitorKey, At.deviceKey); }, monitorSecret, monitorSecret)), ["BINDING", "device key"]);
    });

    it("is refused: a security monitor signed by another device, an enclave signed by another monitor", () => {
        assertRefused(run(report(undefined, monitorSecret, seed(3))), ["SIGNATURE", "security monitor signature"]);
        assertRefused(run(report(undefined, seed(3))), ["SIGNATURE", "enclave signature"]);
    });

    it("is refused: a security monitor that is not listed", () => {
        assertRefused(run(report((b) => b.writeUInt8(0x34, At.monitorHash))), ["MEASUREMENT", "securityMonitor", "authentic:trust.keystone.securityMonitors"]);
        assertRefused(run(report(), { policy: { devices: policy.devices } }), ["MEASUREMENT", "securityMonitor"]);
    });

    it("is refused: another enclave, another nonce, a prefix of it, another machine", () => {
        const references = { measurement: "11".repeat(64) };
        const reportData = Buffer.alloc(64, 0x22);
        assertRefused(run(report((b) => b.writeUInt8(0x12, At.hash)), { references }), ["MEASUREMENT", "measurement"]);
        assertRefused(run(report((b) => b.writeUInt8(0x23, At.data + 63)), { reportData }), ["BINDING", "reportData"]);
        assertRefused(run(report((b) => { b.writeBigUInt64LE(32n, At.dataLength); b.fill(0, At.data + 32, At.data + 64); }), { reportData }), ["BINDING", "reportData"]);
        assertRefused(run(report((b) => { b.writeBigUInt64LE(65n, At.dataLength); }), { reportData }), ["BINDING", "reportData"]);
        assertRefused(run(report(), { references: { ...references, platform: hex(monitorKey) } }), ["BINDING", "platform"]);
    });

    it("is refused: Keystone's published test key, enrolled or not", () => {
        const published = Buffer.from("0faad4ff01178583baa588966f7c1ff32564dd17d7dc2b46cb50a84a69270b4c", "hex");
        const evidence = report((b) => { b.set(published, At.deviceKey); });
        assertRefused(run(evidence, { policy: { ...policy, devices: [hex(published)] } }), ["CHAIN", "device key", null]);
        assertRefused(run(evidence, { emulated: true, roots: { assurance: "emulated", anchors: [ed25519Spki(published)] } }), ["CHAIN", "device key", null]);
    });

    it("is refused: a monitor key of small order, under which anybody can sign", () => {
        // Points of order 1, 4 and 8; with R the identity and S = 0 a lax verifier accepts any message under the first.
        for (const point of ["0100000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"]) {
            const evidence = report((b) => { b.set(Buffer.from(point, "hex"), At.monitorKey); });
            evidence.fill(0, At.enclaveSignature, At.enclaveSignature + 64).writeUInt8(1, At.enclaveSignature);
            assertRefused(run(evidence), ["SIGNATURE", "enclave signature"]);
        }
    });

    it("is refused: S + L in place of S", () => {
        const order = 2n ** 252n + 27742317777372353535851937790883648493n;
        for (const at of [At.enclaveSignature, At.monitorSignature]) {
            const evidence = report();
            const s = BigInt(`0x${hex(evidence.subarray(at + 32, at + 64).toReversed())}`) + order;
            evidence.set(Buffer.from(s.toString(16).padStart(64, "0"), "hex").toReversed(), at + 32);
            assertRefused(run(evidence), ["SIGNATURE", "signature"]);
        }
    });

    it("is refused with any single byte changed", function () {
        this.timeout(0);
        for (const { offset, changed } of singleByteChanges(report())) {
            assert.equal(run(changed).accepted, false, `byte ${offset}`);
        }
    });
});

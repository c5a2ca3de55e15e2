// PSA tokens: the genuine legacy sample, and every negative case on tokens of RFC 9783 signed by a test device.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat, hex } from "../../../provider/attest/bytes";
import { psa } from "../../../provider/attest/psa";
import { encodePem } from "../../../provider/attest/x509/pem";
import { appraise, assertAccepted, assertRefused } from "../appraising";
import { genuine, singleByteChanges } from "../vectors";
import { attestationKey, encode, ES256_HEADER, sign1, type Envelope, type Item } from "./token";

const device = attestationKey();
const other = attestationKey();
const instanceId = concat(Uint8Array.of(1), createHash("sha256").update(device.point).digest());

const fill = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const component = (value: number, changes: readonly (readonly [Item, Item])[] = []): Item =>
    ({ map: [[1, "PRoT"], [2, fill(32, value)], [4, "1.2.3"], [5, fill(32, 0x77)], ...changes] });

type Claims = Record<number, Item | undefined>;

const CLAIMS: Claims = {
    10: fill(64, 0x22), 256: instanceId, 265: "tag:psacertified.org,2023:psa#tfm", 268: fill(32, 0x44), 2394: -1, 2395: 0x3000,
    2396: fill(32, 0x55), 2399: [component(0x61), component(0x62)],
};

const pairs = (changes: Claims): (readonly [Item, Item])[] =>
    Object.entries({ ...CLAIMS, ...changes }).flatMap(([label, value]) => (value === undefined ? [] : [[Number(label), value] as const]));

/** A token with some claims changed or, where undefined, left out. */
const token = (changes: Claims = {}, envelope: Envelope = {}): Buffer => sign1(encode({ map: pairs(changes) }), device.privateKey, envelope);

const policy = { devices: [{ key: device.pem }] };
const kind = (value: string) => ({ policy: { devices: [{ key: device.pem, implementationId: value.repeat(32) }] } });
const references = {
    implementationId: "55".repeat(32),
    softwareComponents: [{ measurement: "61".repeat(32), signerId: "77".repeat(32) }, { measurement: "62".repeat(32), signerId: "77".repeat(32), version: "1.2.3" }],
};
const run = (evidence: Uint8Array, options: Parameters<typeof appraise>[2] = {}) => appraise(psa, evidence, { policy, ...options });

describe("PSA token", () => {
    it("has to come from a device of the kind that was enrolled, where one was", () => {
        assertAccepted(appraise(psa, token(), kind("55")));
        assertRefused(appraise(psa, token(), kind("56")), ["BINDING", "implementationId"]);
    });

    describe("the genuine legacy sample", () => {
        let sample: Uint8Array;
        let key: string;
        const mapped = "0107060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918";

        before(function () {
            sample = genuine(this, "psa-token.cbor");
            key = genuine(this, "psa-token-public-key.pem").toString("latin1");
        });

        const legacy = () => ({ policy: { legacyProfiles: ["http://example.com"], devices: [{ key, instanceId: mapped }] } });

        it("is refused by the policy of RFC 9783, whether its key is enrolled or not", () => {
            assertRefused(appraise(psa, sample), ["POLICY", "profile", "authentic:trust.psa.legacyProfiles"]);
            assertRefused(appraise(psa, sample, { policy: { devices: [{ key, instanceId: mapped }] } }), ["POLICY", "profile"]);
        });

        it("is refused under the legacy profile without a mapping from its instance id to the key", () => {
            assertRefused(appraise(psa, sample, { policy: { legacyProfiles: ["http://example.com"], devices: [{ key }] } }), ["BINDING", "instanceId", "authentic:trust.psa.devices"]);
            assertRefused(appraise(psa, sample, { policy: { legacyProfiles: ["http://example.com"] } }), ["BINDING", "instanceId"]);
        });

        it("is refused under the legacy profile with its instance id mapped to another key", () => {
            assertRefused(appraise(psa, sample, { policy: { legacyProfiles: ["http://example.com"], devices: [{ key: other.pem, instanceId: mapped }] } }), ["SIGNATURE", "PSA token: signature"]);
        });

        it("is accepted under the legacy profile with the mapping", () => {
            const verdict = appraise(psa, sample, legacy());
            assertAccepted(verdict);
            assert.equal(verdict.claims?.platform, mapped);
        });

        it("does not make its profile's name acceptable with the labels of RFC 9783", () => {
            assertRefused(appraise(psa, token({ 265: "http://example.com" }), { policy: { ...policy, legacyProfiles: ["http://example.com"] } }), ["POLICY", "profile", "authentic:trust.psa.profiles"]);
        });

        it("is refused with any single byte changed, and with trailing bytes", function () {
            this.timeout(0);
            for (const { offset, changed } of singleByteChanges(sample)) {
                assert.equal(appraise(psa, changed, legacy()).accepted, false, `byte ${offset}`);
            }
            assertRefused(appraise(psa, concat(sample, Uint8Array.of(0)), legacy()), ["MALFORMED", "COSE: length"]);
        });

        it("is refused with any single byte of the key changed", function () {
            this.timeout(0);
            for (const { offset, changed } of singleByteChanges(Buffer.from(key, "latin1"))) {
                const altered = { legacyProfiles: ["http://example.com"], devices: [{ key: Buffer.from(changed).toString("latin1"), instanceId: mapped }] };
                assert.equal(appraise(psa, sample, { policy: altered }).accepted, false, `byte ${offset}`);
            }
        });
    });

    describe("of RFC 9783", () => {
        it("is accepted for an enrolled device", () => {
            const verdict = run(token(), { reportData: Buffer.alloc(64, 0x22), references: { ...references, clientId: -1, platform: hex(instanceId) } });
            assertAccepted(verdict);
            assert.equal(verdict.claims?.assurance, "hardware");
        });

        it("is refused for a device that is not enrolled, and for an emulated node with another device", () => {
            assertRefused(run(token(), { policy: {} }), ["BINDING", "instanceId", "authentic:trust.psa.devices"]);
            assertRefused(run(token(), { policy: { devices: [{ key: other.pem }] } }), ["BINDING", "instanceId"]);
            assertRefused(run(token(), { emulated: true, roots: { assurance: "emulated", anchors: [] } }), ["BINDING", "instanceId"]);
        });

        it("is refused when signed by another key than the instance id's", () => {
            assertRefused(run(sign1(encode({ map: pairs({}) }), other.privateKey)), ["SIGNATURE", "PSA token: signature"]);
        });

        it("is refused when the policy maps the key to another instance, or the instance to another key", () => {
            assertRefused(run(token(), { policy: { devices: [{ key: device.pem, instanceId: `01${"00".repeat(32)}` }] } }), ["BINDING", "instanceId"]);
            assertRefused(run(token(), { policy: { devices: [{ key: other.pem, instanceId: hex(instanceId) }] } }), ["BINDING", "instanceId"]);
        });

        it("is refused with an unknown profile, and accepted once the policy lists it", () => {
            const renamed = token({ 265: "tag:example.com,2025:psa" });
            assertRefused(run(renamed), ["POLICY", "profile", "authentic:trust.psa.profiles"]);
            assertAccepted(run(renamed, { policy: { ...policy, profiles: ["tag:example.com,2025:psa"] } }));
        });

        it("is accepted with the other s of the signature, which anybody can compute", () => {
            const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
            const bytes = token();
            const s = BigInt(`0x${hex(bytes.subarray(-32))}`);
            bytes.set(Buffer.from((order - s).toString(16).padStart(64, "0"), "hex"), bytes.length - 32);
            assertAccepted(run(bytes));
        });
    });

    describe("its claims", () => {
        const refused = (title: string, changes: Claims, ...reason: readonly [string, string]) => {
            it(`are refused: ${title}`, () => {
                assertRefused(run(token(changes)), reason);
            });
        };

        for (const length of [0, 8, 31, 33, 47, 65]) {
            refused(`a nonce of ${length} bytes`, { 10: fill(length, 0x22) }, "MALFORMED", "nonce");
        }
        for (const length of [32, 48, 64]) {
            it(`are accepted: a nonce of ${length} bytes`, () => {
                assertAccepted(run(token({ 10: fill(length, 0x22) })));
            });
        }
        refused("a list of nonces", { 10: [fill(32, 1), fill(32, 2)] }, "MALFORMED", "nonce");
        refused("an instance id of 32 bytes", { 256: instanceId.subarray(1) }, "MALFORMED", "instanceId");
        refused("an instance id of another type", { 256: instanceId.with(0, 2) }, "MALFORMED", "instanceId");
        refused("an implementation id of 31 bytes", { 2396: fill(31, 0x55) }, "MALFORMED", "implementationId");
        refused("a client id beyond 32 bits", { 2394: 2 ** 31 }, "MALFORMED", "clientId");
        refused("a lifecycle beyond 16 bits", { 2395: 0x13000 }, "MALFORMED", "lifecycle");
        refused("a boot seed of 7 bytes", { 268: fill(7, 0x44) }, "MALFORMED", "bootSeed");
        for (const lifecycle of [0x0000, 0x1000, 0x2000, 0x2fff, 0x3100, 0x4000, 0x5000, 0x6000]) {
            refused(`lifecycle 0x${lifecycle.toString(16)}`, { 2395: lifecycle }, "POLICY", "lifecycle");
        }
        it("are accepted: lifecycle 0x30ff", () => {
            assertAccepted(run(token({ 2395: 0x30ff })));
        });
        for (const [name, label] of [["nonce", 10], ["instanceId", 256], ["profile", 265], ["clientId", 2394], ["lifecycle", 2395], ["implementationId", 2396], ["softwareComponents", 2399]] as const) {
            refused(`${name} absent`, { [label]: undefined }, "MALFORMED", name);
        }
        refused("an unknown claim", { 2401: 1 }, "UNSUPPORTED", "claims");
        refused("claims of the labels before RFC 9783 beside the new ones", { [-75002]: 0x3000 }, "UNSUPPORTED", "claims");
        refused("no software components", { 2399: [] }, "MALFORMED", "softwareComponents");
        refused("a component without measurement", { 2399: [{ map: [[1, "PRoT"], [4, "1"], [5, fill(32, 1)]] }] }, "MALFORMED", "measurement");
        refused("a component without signer", { 2399: [{ map: [[1, "PRoT"], [2, fill(32, 1)], [4, "1"]] }] }, "MALFORMED", "signerId");
        refused("a component with a measurement of 20 bytes", { 2399: [{ map: [[2, fill(20, 1)], [4, "1"], [5, fill(32, 1)]] }] }, "MALFORMED", "measurement");
        refused("a component with an unknown label", { 2399: [component(1, [[7, 1]])] }, "MALFORMED", "softwareComponents[0]");
        refused("a component that is no map", { 2399: [1] }, "MALFORMED", "softwareComponents[0]");
        refused("a component without version", { 2399: [{ map: [[2, fill(32, 1)], [5, fill(32, 1)]] }] }, "POLICY", "version");
        refused("no boot seed", { 268: undefined }, "POLICY", "bootSeed");

        it("are accepted without version and boot seed, where the policy says so", () => {
            const bare = token({ 268: undefined, 2399: [{ map: [[2, fill(32, 1)], [5, fill(32, 1)]] }] });
            assertAccepted(run(bare, { policy: { ...policy, withoutBootSeed: true, withoutVersion: true } }));
        });
    });

    describe("its binding and reference values", () => {
        it("are refused: another nonce, a prefix of the nonce, a shorter nonce", () => {
            const reportData = Buffer.alloc(64, 0x22);
            assertRefused(run(token({ 10: fill(64, 0x23) }), { reportData }), ["BINDING", "reportData", null]);
            assertRefused(run(token({ 10: fill(64, 0x22).with(63, 0) }), { reportData }), ["BINDING", "reportData", null]);
            assertRefused(run(token({ 10: fill(32, 0x22) }), { reportData }), ["BINDING", "reportData", null]);
        });

        it("are refused: another implementation, client, or enrolled device", () => {
            assertRefused(run(token(), { references: { ...references, implementationId: "56".repeat(32) } }), ["MEASUREMENT", "implementationId"]);
            assertRefused(run(token(), { references: { ...references, clientId: 1 } }), ["MEASUREMENT", "clientId"]);
            assertRefused(run(token(), { references: { ...references, platform: `01${"00".repeat(32)}` } }), ["BINDING", "platform"]);
        });

        it("are refused: a component changed, one too many, one missing, one twice", () => {
            assertRefused(run(token({ 2399: [component(0x61), component(0x63)] }), { references }), ["MEASUREMENT", "softwareComponents[1]"], ["MEASUREMENT", "softwareComponents"]);
            assertRefused(run(token({ 2399: [component(0x61), component(0x62), component(0x63)] }), { references }), ["MEASUREMENT", "softwareComponents[2]"]);
            assertRefused(run(token({ 2399: [component(0x61)] }), { references }), ["MEASUREMENT", "softwareComponents"]);
            assertRefused(run(token({ 2399: [component(0x61), component(0x61)] }), { references }), ["MEASUREMENT", "softwareComponents[1]"], ["MEASUREMENT", "softwareComponents"]);
        });

        it("are refused: a component's signer or version other than the reference's", () => {
            const signer = { ...references, softwareComponents: [{ measurement: "61".repeat(32), signerId: "78".repeat(32) }, references.softwareComponents[1]] };
            assertRefused(run(token(), { references: signer }), ["MEASUREMENT", "softwareComponents[0]"], ["MEASUREMENT", "softwareComponents"]);
            const version = { ...references, softwareComponents: [references.softwareComponents[0], { ...references.softwareComponents[1], version: "1.2.4" }] };
            assertRefused(run(token(), { references: version }), ["MEASUREMENT", "softwareComponents[1]"], ["MEASUREMENT", "softwareComponents"]);
        });
    });

    describe("its COSE envelope", () => {
        const refused = (title: string, envelope: Envelope, ...reason: readonly [string, string]) => {
            it(`is refused: ${title}`, () => {
                assertRefused(run(token({}, envelope)), reason);
            });
        };
        const header = (...entries: readonly (readonly [Item, Item])[]): Buffer => encode({ map: entries });

        refused("the algorithm only unprotected", { protectedHeader: new Uint8Array(0), unprotectedHeader: { map: [[1, -7]] } }, "UNSUPPORTED", "unprotected header");
        refused("no algorithm", { protectedHeader: new Uint8Array(0) }, "UNSUPPORTED", "protected header");
        refused("an empty protected map", { protectedHeader: header() }, "UNSUPPORTED", "protected header");
        refused("ES384", { protectedHeader: header([1, -35]) }, "UNSUPPORTED", "protected header");
        refused("HMAC in a Sign1", { protectedHeader: header([1, 5]) }, "UNSUPPORTED", "protected header");
        refused("a critical parameter", { protectedHeader: header([1, -7], [2, [99]]) }, "UNSUPPORTED", "protected header");
        refused("the algorithm twice", { protectedHeader: header([1, -7], [1, -7]) }, "MALFORMED", "COSE: protected header");
        refused("an unprotected key id", { unprotectedHeader: { map: [[4, fill(4, 1)]] } }, "UNSUPPORTED", "unprotected header");
        refused("COSE_Mac0", { tag: 17 }, "UNSUPPORTED", "message type");
        refused("COSE_Sign", { tag: 98 }, "UNSUPPORTED", "message type");
        refused("bytes after the protected map", { protectedHeader: concat(ES256_HEADER, Uint8Array.of(0)) }, "MALFORMED", "COSE: protected header");
        refused("another header signed than sent", { signedHeader: header() }, "SIGNATURE", "signature");

        it("is refused: without a tag, and with a doubled one", () => {
            assertRefused(run(token().subarray(1)), ["UNSUPPORTED", "message type"]);
            assertRefused(run(concat(Uint8Array.of(0xd2), token())), ["MALFORMED", "COSE_Sign1"]);
        });

        it("is refused: a duplicate label in the payload", () => {
            const payload = encode({ map: [...pairs({}), [2395, 0x3000]] });
            assertRefused(run(sign1(payload, device.privateKey)), ["MALFORMED", "CBOR"]);
        });

        it("is refused: integers, lengths and maps in other than the shortest form", () => {
            const payload = encode({ map: pairs({}) });
            const lifecycle = Buffer.from("19095b193000", "hex");
            const at = payload.indexOf(lifecycle);
            const longer = concat(payload.subarray(0, at), Buffer.from("19095b1a00003000", "hex"), payload.subarray(at + lifecycle.length));
            assertRefused(run(sign1(longer, device.privateKey)), ["MALFORMED", "CBOR"]);
            const indefinite = concat(Uint8Array.of(0xbf), payload.subarray(1), Uint8Array.of(0xff));
            assertRefused(run(sign1(indefinite, device.privateKey)), ["MALFORMED", "CBOR"]);
        });

        it("is refused: lengths beyond the input, without allocating for them", () => {
            for (const bomb of ["d2849b001fffffffffffff", "d2849affffffff", "d28458ff", "d2bb001fffffffffffff", "9bffffffffffffffff"]) {
                assertRefused(run(Buffer.from(bomb, "hex")), ["MALFORMED", "CBOR"]);
            }
            assertRefused(run(new Uint8Array(1000).fill(0x81)), ["MALFORMED", "CBOR"]);
            assertRefused(run(new Uint8Array(0x10000)), ["MALFORMED", "length"]);
        });
    });

    describe("keys", () => {
        const published = {
            "Trusted Firmware-M's initial attestation test key": "79eba90e8bf450a6751576ad4599b07adf938da3bb0bd17d0036ed49a2d0fc3fbfcdfa8956b568bfdb8673e648d8b58d929955b14a26c3080f34117d971d6864",
            "the test key of OP-TEE's Veraison attestation PTA": "30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3ee04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723",
            "the key of the iat-verifier's sample tokens": "4e5e22099e3bceb45b446d1355fd1dc3b545947b6fd7c1c89d886798c3726e8f80d70b840b256aac34a62ede1043364f044095f003474b91e0182092afb13f2e",
        };

        for (const [name, coordinates] of Object.entries(published)) {
            it(`are refused when their private half is published, even when enrolled: ${name}`, () => {
                const point = Buffer.from(`04${coordinates}`, "hex");
                const spki = concat(Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex"), point);
                const id = concat(Uint8Array.of(1), createHash("sha256").update(point).digest());
                const reasons: readonly [string, string, null] = ["CHAIN", "PSA attestation key", null];
                assertRefused(run(token({ 256: id }), { policy: { devices: [{ key: encodePem("PUBLIC KEY", spki) }] } }), reasons);
                assertRefused(run(token({ 256: id }), { emulated: true, roots: { assurance: "emulated", anchors: [spki] } }), reasons);
            });
        }

        it("are refused in other spellings of PEM, of another curve, and several in one", () => {
            for (const key of [device.pem.replaceAll("\n", "\r\n"), device.pem.trimEnd(), `${device.pem}${other.pem}`, device.pem.replace("PUBLIC", "EC PUBLIC")]) {
                assertRefused(run(token(), { policy: { devices: [{ key }] } }), ["MALFORMED", "authentic:trust.psa.devices[0].key"]);
            }
        });
    });
});

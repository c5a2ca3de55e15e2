// Evidence of the OP-TEE attestation PTA, signed by a test device, and with one defect each.
import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { concat } from "../../../provider/attest/bytes";
import { optee } from "../../../provider/attest/optee";
import { encodePem } from "../../../provider/attest/x509/pem";
import { appraise, assertAccepted, assertRefused } from "../appraising";
import { singleByteChanges } from "../vectors";

const pairOf = (modulusLength: number, publicExponent = 65537) => generateKeyPairSync("rsa", { modulusLength, publicExponent });
const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;
const spkiOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" });

const NONCE = Buffer.alloc(64, 0x22);
const MEMORY = Buffer.alloc(32, 0x11);
const FILE = Buffer.alloc(32, 0x44);

/** nonce ‖ hash ‖ signature over `message`, which is nonce ‖ hash unless stated. */
function evidence(key: KeyObject, { nonce = NONCE, hash = MEMORY, message = undefined as Uint8Array | undefined, saltLength = 32, padding = constants.RSA_PKCS1_PSS_PADDING, digest = "sha256" } = {}): Uint8Array {
    const signed = message ?? concat(nonce, hash);
    const options = padding === constants.RSA_PKCS1_PSS_PADDING ? { key, padding, saltLength } : { key, padding };
    return concat(nonce, hash, sign(digest, signed, options));
}

describe("OP-TEE evidence", function () {
    this.timeout(30_000);
    let device: ReturnType<typeof pairOf>;
    let other: ReturnType<typeof pairOf>;

    before(() => {
        device = pairOf(2048);
        other = pairOf(2048);
    });

    const run = (bytes: Uint8Array, options: Parameters<typeof appraise>[2] = {}) => appraise(optee, bytes, { policy: { devices: [pemOf(device.publicKey)] }, ...options });

    it("is accepted for an enrolled device and a known memory measurement", () => {
        const platform = createHash("sha256").update(spkiOf(device.publicKey)).digest("hex");
        const verdict = run(evidence(device.privateKey), { reportData: NONCE, references: { memory: MEMORY.toString("hex"), fileDigests: [FILE.toString("hex")], platform } });
        assertAccepted(verdict);
        assert.equal(verdict.claims?.platform, platform);
    });

    for (const size of [3072, 4096]) {
        it(`is accepted with a key of ${size} bits`, () => {
            const pair = pairOf(size);
            assertAccepted(run(evidence(pair.privateKey), { policy: { devices: [pemOf(device.publicKey), pemOf(pair.publicKey)] } }));
        });
    }

    it("is accepted for an emulated node under its own key only", () => {
        assertAccepted(run(evidence(device.privateKey), { emulated: true, roots: { assurance: "emulated", anchors: [spkiOf(device.publicKey)] } }));
        assertRefused(run(evidence(device.privateKey), { emulated: true, roots: { assurance: "emulated", anchors: [spkiOf(other.publicKey)] } }), ["SIGNATURE", "signature"]);
    });

    it("is refused: no device enrolled, or another one", () => {
        assertRefused(run(evidence(device.privateKey), { policy: {} }), ["SIGNATURE", "signature", "authentic:trust.optee.devices"]);
        assertRefused(run(evidence(other.privateKey)), ["SIGNATURE", "signature"]);
    });

    it("is refused: a signature over another nonce or hash, or over the hash alone", () => {
        for (const message of [concat(Buffer.alloc(64, 0x23), MEMORY), concat(NONCE, FILE), MEMORY, concat(MEMORY, NONCE)]) {
            assertRefused(run(evidence(device.privateKey, { message })), ["SIGNATURE", "signature"]);
        }
    });

    it("is refused: the boundary between nonce and hash moved", () => {
        // Signed for a nonce of 32 bytes, whose evidence would be nonce32 ‖ hash32 ‖ signature.
        const short = concat(NONCE.subarray(32), MEMORY, sign("sha256", concat(NONCE.subarray(32), MEMORY), { key: device.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }));
        assertRefused(run(short), ["MALFORMED", "signature"]);
    });

    it("is refused: another padding, salt length, or digest", () => {
        assertRefused(run(evidence(device.privateKey, { padding: constants.RSA_PKCS1_PADDING })), ["SIGNATURE", "signature"]);
        assertRefused(run(evidence(device.privateKey, { saltLength: 20 })), ["SIGNATURE", "signature"]);
        assertRefused(run(evidence(device.privateKey, { saltLength: 0 })), ["SIGNATURE", "signature"]);
        assertRefused(run(evidence(device.privateKey, { digest: "sha512" })), ["SIGNATURE", "signature"]);
    });

    it("is refused: the digest of a TA file, which the PTA signs in the same form", () => {
        const references = { memory: MEMORY.toString("hex"), fileDigests: [FILE.toString("hex")] };
        const verdict = run(evidence(device.privateKey, { hash: FILE }), { references });
        assertRefused(verdict, ["MEASUREMENT", "measurement", null]);
        assert.match(verdict.reasons[0]!.found, /digest of a TA file/);
        assertRefused(run(evidence(device.privateKey, { hash: Buffer.alloc(32, 0x55) }), { references }), ["MEASUREMENT", "measurement"]);
    });

    it("refuses reference values that list one hash as memory and as file", () => {
        const both = MEMORY.toString("hex");
        assert.throws(() => run(evidence(device.privateKey), { references: { memory: both, fileDigests: [both] } }), /AE-ATTEST-INPUT/);
    });

    it("is refused: another nonce, a prefix of it, another device", () => {
        assertRefused(run(evidence(device.privateKey), { reportData: Buffer.alloc(64, 0x23) }), ["BINDING", "reportData"]);
        const last = Buffer.from(NONCE);
        last[63] = 0;
        assertRefused(run(evidence(device.privateKey, { nonce: last }), { reportData: NONCE }), ["BINDING", "reportData"]);
        assertRefused(run(evidence(device.privateKey), { references: { memory: MEMORY.toString("hex"), platform: "00".repeat(32) } }), ["BINDING", "platform"]);
    });

    it("is refused: lengths that no key has", () => {
        const bytes = evidence(device.privateKey);
        for (const length of [0, 63, 95, 96, bytes.length - 1]) {
            assertRefused(run(bytes.subarray(0, length)), ["MALFORMED", "OP-TEE evidence"]);
        }
        assertRefused(run(concat(bytes, Uint8Array.of(0))), ["MALFORMED", "signature"]);
    });

    it("is refused: the published default key, even when it is enrolled", () => {
        const modulus = "a65a18adc0b3cee30c902b7d409bacbb5a4988420ab1e092c08691e69eefa0e1f12f90f666ddea155ac028b49ddf520c6ea5c61943ac69a8f25ffe6000a5d23a"
            + "cc1201f35bba0c511c2cf4b077b9d672351c0f73cd2f16f9ba8984a09bbf8b5b7fe88b8b9fc871ea1c6c1f00a0eeca3ebf188e579b4866eb8bd44051ae86a186"
            + "f8d00bfab62e252e05ff760146d73deb1f7cfcdf1e828b5eb0caa3ea16be2d6e54509cb841ef17c77f6054aaf970a0f8982e82f98c5ffb9c888e77b03272991a"
            + "e0045ebf1daaf7f0053cb495dd4dba3a71a1f8728e1d98e313bacab027bf87595427f8e8ecc68537d23a95e4a5099ad01fa386b092d8021e3375db26bf27fc35";
        const published = Buffer.from(`30820122300d06092a864886f70d01010105000382010f003082010a0282010100${modulus}0203010001`, "hex");
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [pemOf(device.publicKey), encodePem("PUBLIC KEY", published)] } }), ["CHAIN", "authentic:trust.optee.devices"]);
    });

    it("is refused: keys that are too short, with another exponent, of another type, or not canonical", () => {
        const short = pairOf(1024);
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [pemOf(short.publicKey)] } }), ["MALFORMED", "authentic:trust.optee.devices[0]"]);
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [pemOf(pairOf(2048, 3).publicKey)] } }), ["MALFORMED", "authentic:trust.optee.devices[0]"]);
        const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [pemOf(publicKey)] } }), ["MALFORMED", "authentic:trust.optee.devices[0]"]);
        const trailing = encodePem("PUBLIC KEY", concat(spkiOf(device.publicKey), Uint8Array.of(0)));
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [trailing] } }), ["MALFORMED", "authentic:trust.optee.devices[0]"]);
        assertRefused(run(evidence(device.privateKey), { policy: { devices: [pemOf(device.publicKey).replaceAll("\n", "\r\n")] } }), ["MALFORMED", "authentic:trust.optee.devices[0]"]);
    });

    it("is refused with any single byte changed", function () {
        this.timeout(0);
        for (const { offset, changed } of singleByteChanges(evidence(device.privateKey))) {
            assert.equal(run(changed).accepted, false, `byte ${offset}`);
        }
    });
});

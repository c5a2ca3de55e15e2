// HPKE against RFC 9180 appendix A.2.1 and, in both directions, against an independent implementation.
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AeadId, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256, type AeadEncryptionContext, type AeadInterface } from "@hpke/core";
import { fromHex, hex } from "../../provider/protocol/bytes";
import { generateKeyPair, setupReceiver, setupSender, type KeyPair } from "../../provider/protocol/hpke";
import { ProtocolError, REFUSAL } from "../../provider/protocol/refusal";

const bytes = (digits: string): Uint8Array => fromHex("vector", digits);
const INFO = bytes("4f6465206f6e2061204772656369616e2055726e");
const PLAINTEXT = Buffer.from("Beauty is truth, truth beauty");
const EPHEMERAL = (): KeyPair => ({
    secretKey: bytes("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"),
    publicKey: bytes("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
});
const RECIPIENT = (): KeyPair => ({
    secretKey: bytes("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
    publicKey: bytes("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"),
});
const CIPHERTEXT = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
const EXPORTS = [
    ["", "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e"],
    ["00", "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69"],
    ["54657374436f6e74657874", "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53"],
] as const;

const view = (buffer: ArrayBufferLike | ArrayBufferView): Uint8Array => (ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer));
const own = (data: Uint8Array): ArrayBuffer => Uint8Array.from(data).buffer;

/** The AEAD for the other implementation, from OpenSSL. */
class OpenSslChaCha20Poly1305 implements AeadInterface {
    readonly id = AeadId.Chacha20Poly1305;
    readonly keySize = 32;
    readonly nonceSize = 12;
    readonly tagSize = 16;

    createEncryptionContext(key: ArrayBuffer): AeadEncryptionContext {
        const options = { authTagLength: 16 } as const;
        return {
            async seal(iv, data, aad) {
                const cipher = createCipheriv("chacha20-poly1305", view(key), view(iv), options).setAAD(view(aad), { plaintextLength: data.byteLength });
                return own(Buffer.concat([cipher.update(view(data)), cipher.final(), cipher.getAuthTag()]));
            },
            async open(iv, data, aad) {
                const sealed = view(data);
                const decipher = createDecipheriv("chacha20-poly1305", view(key), view(iv), options);
                decipher.setAAD(view(aad), { plaintextLength: sealed.length - 16 }).setAuthTag(sealed.subarray(-16));
                return own(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]));
            },
        };
    }
}

/** What is used of it; its own types need the browser's CryptoKey. */
interface OtherSuite {
    readonly kem: { deserializePublicKey(key: ArrayBuffer): Promise<object>; deserializePrivateKey(key: ArrayBuffer): Promise<object> };
    createSenderContext(parameters: { recipientPublicKey: object; info: ArrayBuffer }): Promise<{
        readonly enc: ArrayBuffer;
        seal(data: ArrayBuffer): Promise<ArrayBuffer>;
        export(context: ArrayBuffer, length: number): Promise<ArrayBuffer>;
    }>;
    createRecipientContext(parameters: { recipientKey: object; enc: ArrayBuffer; info: ArrayBuffer }): Promise<{ open(data: ArrayBuffer): Promise<ArrayBuffer> }>;
}

const other = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new OpenSslChaCha20Poly1305() }) as unknown as OtherSuite;

describe("HPKE", () => {
    it("has the key schedule of RFC 9180 A.2.1", () => {
        const { enc, context } = setupSender(RECIPIENT().publicKey, INFO, EPHEMERAL());
        assert.equal(hex(enc), hex(EPHEMERAL().publicKey));
        assert.deepEqual(
            Object.fromEntries(Object.entries(context.intermediates).map(([name, value]) => [name, hex(value)])),
            {
                sharedSecret: "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7",
                key: "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91",
                baseNonce: "5c4d98150661b848853b547f",
                exporterSecret: "a3b010d4994890e2c6968a36f64470d3c824c8f5029942feb11e7a74b2921922",
            },
        );
        assert.equal(hex(context.seal(PLAINTEXT, Buffer.from("Count-0"))), CIPHERTEXT);
    });

    it("opens and exports as RFC 9180 A.2.1", () => {
        const context = setupReceiver(EPHEMERAL().publicKey, RECIPIENT(), INFO);
        assert.equal(Buffer.from(context.open(bytes(CIPHERTEXT), Buffer.from("Count-0"))).toString(), PLAINTEXT.toString());
        for (const [exporterContext, exported] of EXPORTS) assert.equal(hex(context.exportSecret(bytes(exporterContext))), exported);
    });

    it("opens what another implementation has sealed, and exports the same", async () => {
        for (let i = 0; i < 5; i++) {
            const pair = generateKeyPair();
            const info = randomBytes(32);
            const sender = await other.createSenderContext({ recipientPublicKey: await other.kem.deserializePublicKey(own(pair.publicKey)), info: own(info) });
            const plaintext = new Uint8Array(randomBytes(i * 100));
            const sealed = new Uint8Array(await sender.seal(own(plaintext)));
            const context = setupReceiver(new Uint8Array(sender.enc), pair, info);
            assert.equal(hex(context.open(sealed)), hex(plaintext));
            assert.equal(hex(context.exportSecret(info)), hex(new Uint8Array(await sender.export(own(info), 32))));
        }
    });

    it("seals what another implementation opens", async () => {
        const pair = generateKeyPair();
        const recipientKey = await other.kem.deserializePrivateKey(own(pair.secretKey));
        const info = randomBytes(32);
        const { enc, context } = setupSender(pair.publicKey, info);
        const recipient = await other.createRecipientContext({ recipientKey, enc: own(enc), info: own(info) });
        assert.equal(hex(new Uint8Array(await recipient.open(own(context.seal(PLAINTEXT))))), hex(PLAINTEXT));
    });

    it("refuses an altered ciphertext, other associated data and another info", () => {
        const sealed = bytes(CIPHERTEXT);
        const aad = Buffer.from("Count-0");
        const refused = (open: () => unknown): void => assert.throws(open, (error) => error instanceof ProtocolError && error.refusal === REFUSAL.decryption);
        const receiver = (info = INFO): ReturnType<typeof setupReceiver> => setupReceiver(EPHEMERAL().publicKey, RECIPIENT(), info);
        refused(() => receiver().open(sealed.map((b, i) => (i === 3 ? b ^ 1 : b)), aad));
        refused(() => receiver().open(sealed, Buffer.from("Count-1")));
        refused(() => receiver(INFO.slice(1)).open(sealed, aad));
        refused(() => receiver().open(sealed.subarray(0, 15), aad));
    });

    // The points of order 1, 2, 4 and 8 that decode without reduction, from RFC 7748's curve: u = 0, 1, p − 1 and the two of order 8.
    const LOW_ORDER = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    for (const point of LOW_ORDER) {
        it(`refuses the public key ${point.slice(0, 8)}… of small order on both sides`, () => {
            assert.throws(() => setupSender(bytes(point), INFO), /small order/);
            assert.throws(() => setupReceiver(bytes(point), RECIPIENT(), INFO), /small order/);
        });
    }

    it("seals one message only, and none after it was wiped", () => {
        const { context } = setupSender(RECIPIENT().publicKey, INFO);
        context.seal(PLAINTEXT);
        assert.throws(() => context.seal(PLAINTEXT), /one message/);
        context.wipe();
        for (const secret of Object.values(context.intermediates)) assert.ok(secret.every((byte) => byte === 0));
        assert.throws(() => context.exportSecret(INFO), /wiped/);
        assert.throws(() => context.open(bytes(CIPHERTEXT)), /wiped/);
    });

    it("clears the ephemeral secret", () => {
        const ephemeral = EPHEMERAL();
        setupSender(RECIPIENT().publicKey, INFO, ephemeral);
        assert.ok(ephemeral.secretKey.every((byte) => byte === 0));
    });

    it("names an argument of another length", () => {
        assert.throws(() => setupSender(new Uint8Array(31), INFO), /recipient must have 32 bytes/);
        assert.throws(() => setupReceiver(new Uint8Array(33), RECIPIENT(), INFO), /enc must have 32 bytes/);
    });
});

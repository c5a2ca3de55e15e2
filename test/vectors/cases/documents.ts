// Vectors of HPKE, names, the measured configuration, the measurement of native modules and the hello
// (docs/protocol.md sections 1, 2, 4 and 7).
import assert from "node:assert/strict";
import { concat, equalBytes } from "../../../provider/protocol/bytes";
import { decodeConfiguration, encodeConfiguration, fillConfiguration, nativeMeasurement } from "../../../provider/protocol/configuration";
import { decodeHello, encodeHello } from "../../../provider/protocol/hello";
import { setupReceiver, setupSender } from "../../../provider/protocol/hpke";
import { instanceId } from "../../../provider/protocol/names";
import { ProtocolError, REFUSAL } from "../../../provider/protocol/refusal";
import { deployerKey, deployment, fixed, fixedPair, instance } from "../fixed";

type Vector = { name: string; notes: string } & Record<string, unknown>;
type Refused = Vector & { expect: "refused" };

const patch = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
};

/** Refuses each case with a decoder, as malformed. */
const refuseEach = (cases: readonly (readonly [string, Uint8Array])[], field: string, decode: (bytes: Uint8Array) => unknown): Refused[] =>
    cases.map(([name, bytes]) => {
        assert.throws(() => decode(bytes), (error) => error instanceof ProtocolError && error.refusal === REFUSAL.malformed, name);
        return { name, notes: "malformed", expect: "refused", [field]: bytes };
    });

export const nameVectors = (): Vector[] =>
    ["controller", "sensor-1", "Ventil Süd"].map((name) => ({ name, notes: "instance id of a module's name", deployment, instance: instanceId(deployment, name) }));

export function hpkeVectors(): Vector[] {
    const recipient = fixedPair("hpke/recipient");
    const ephemeral = fixedPair("hpke/ephemeral");
    const ephemeralSecretKey = ephemeral.secretKey.slice();
    const info = fixed("hpke/info", 32);
    const plaintext = fixed("hpke/plaintext", 50);
    const { enc, context } = setupSender(recipient.publicKey, info, ephemeral);
    const ciphertext = context.seal(plaintext);
    assert.ok(equalBytes(setupReceiver(enc, recipient, info).open(ciphertext), plaintext));
    const exporterContext = fixed("hpke/exporter context", 40);
    return [
        {
            name: "base mode",
            notes: "RFC 9180, KEM 0x0020, KDF 0x0001, AEAD 0x0003; empty AAD",
            recipientSecretKey: recipient.secretKey,
            recipientPublicKey: recipient.publicKey,
            ephemeralSecretKey,
            info,
            enc,
            ...context.intermediates,
            plaintext,
            ciphertext,
            exporterContext,
            exported: context.exportSecret(exporterContext),
        },
    ];
}

const CONFIGURATIONS: readonly [string, string, ReadonlyMap<string, bigint | string>, number][] = [
    ["without entries", "64 bytes of ids and key, a count of 0, then zeros", new Map(), 4096],
    ["with entries", "sorted bytewise by name; integers are two's complement", new Map<string, bigint | string>([["openBelow", 45n], ["closeAbove", 55n], ["offset", -3n], ["Label", "Süd ☂"], ["empty", ""]]), 4096],
    ["with the extreme integers", "", new Map([["least", -(1n << 63n)], ["most", (1n << 63n) - 1n]]), 4096],
    ["of a board", "a block of 256 bytes", new Map([["period", 1000n]]), 256],
];

export const configurationVectors = (): Vector[] =>
    CONFIGURATIONS.map(([name, notes, values, size]) => {
        const block = encodeConfiguration({ deployment, instance, deployerKey, values }, size);
        assert.deepEqual(decodeConfiguration(block).values, new Map([...values].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))));
        const image = concat(fixed("image/before", 100), new Uint8Array(size), fixed("image/after", 60));
        const codeMeasurement = nativeMeasurement(image);
        const filled = fillConfiguration(image, 100, block);
        return { name, notes, values, size, block: block.subarray(0, (block[6] ?? 0) * 256 + (block[7] ?? 0)), zeros: size - ((block[6] ?? 0) * 256 + (block[7] ?? 0)), imageBefore: image.subarray(0, 100), imageAfter: image.subarray(100 + size), codeMeasurement, nativeMeasurement: nativeMeasurement(filled) };
    });

export function refusedConfigurations(): Refused[] {
    const good = encodeConfiguration({ deployment, instance, deployerKey, values: new Map<string, bigint | string>([["a", 1n], ["b", "x"]]) }, 128);
    const ENTRIES = 74;
    return refuseEach(
        [
            ["another magic", patch(good, 0, 0x42)],
            ["version 2", patch(good, 4, 2)],
            ["reserved byte", patch(good, 5, 1)],
            ["length beyond the block", patch(good, 6, 0, 129)],
            ["length within the header", patch(good, 6, 0, 7)],
            ["length that cuts the last entry", patch(good, 6, 0, (good[7] ?? 0) - 1)],
            ["count that is too large", patch(good, 73, 3)],
            ["count that is too small", patch(good, 73, 1)],
            ["byte after the content", patch(good, 127, 1)],
            ["empty name", patch(good, ENTRIES, 0)],
            ["name of 48 bytes", patch(good, ENTRIES, 48)],
            ["names out of order", patch(good, ENTRIES + 1, 0x63)],
            ["a name twice", patch(good, ENTRIES + 1, 0x62)],
            ["type 3", patch(good, ENTRIES + 2, 3)],
            ["integer of 7 bytes", patch(good, ENTRIES + 4, 7)],
            ["text that is not UTF-8", patch(good, ENTRIES + 18, 0xff)],
        ],
        "block",
        decodeConfiguration,
    );
}

export const helloVectors = (): Vector[] => {
    const content = { deployment, target: instance, source: instanceId(deployment, "sensor-1") };
    const hello = encodeHello(content);
    assert.deepEqual(decodeHello(hello), content);
    return [{ name: "hello", notes: "from sensor-1 to controller", ...content, hello }];
};

export const refusedHellos = (): Refused[] => {
    const good = encodeHello({ deployment, target: instance, source: fixed("hello/source", 16) });
    return refuseEach(
        [
            ["another magic", patch(good, 3, 0x49)],
            ["version 2", patch(good, 4, 2)],
            ["first reserved byte", patch(good, 5, 1)],
            ["last reserved byte", patch(good, 7, 1)],
            ["cut by one byte", good.subarray(0, 55)],
            ["one more byte", concat(good, Uint8Array.of(0))],
        ],
        "hello",
        decodeHello,
    );
};

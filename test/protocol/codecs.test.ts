// Codecs of the deployer's side: what encoders refuse to write and decoders refuse to read, beyond the vectors.
import assert from "node:assert/strict";
import { encodeActivate } from "../../provider/protocol/activate";
import { concat, fromHex, Reader, Writer } from "../../provider/protocol/bytes";
import { encodeCommand, openResult, sealResult } from "../../provider/protocol/command";
import { encodeCompact, sealCompact } from "../../provider/protocol/compact-frame";
import { encodeConfiguration, fillConfiguration } from "../../provider/protocol/configuration";
import { decodeFrame, MAX_EVENT, openFrame, sealFrame } from "../../provider/protocol/frame";
import { deriveKey, KIND, keyId, type ConnectionKey } from "../../provider/protocol/keys";
import { encodeM1, PURPOSE } from "../../provider/protocol/m1";
import { decodeM2, encodeM2, encodeM2Core, reportData } from "../../provider/protocol/m2";
import { drawConnection, instanceId } from "../../provider/protocol/names";
import { encodeUpdate, type SetRecord } from "../../provider/protocol/records";
import { decodeRefusal, describeRefusal, encodeRefusal, ProtocolError, REFUSAL } from "../../provider/protocol/refusal";
import { decodeStatus, encodeStatus, SUITE, type ConnectionStatus, type Status } from "../../provider/protocol/status";

const malformed = (decode: () => unknown, name?: string): void => assert.throws(decode, (error) => error instanceof ProtocolError && error.refusal === REFUSAL.malformed, name);
const patch = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
};

const connection: ConnectionStatus = {
    connection: 7, endpoint: 1, direction: 2, delivery: 1, suite: 1, flags: 3, window: 8, epoch: 4n, keyId: new Uint8Array(8).fill(1),
    pendingEpoch: 5n, pendingKeyId: new Uint8Array(8).fill(2), next: 10n, acknowledged: 9n, gaps: 0n,
};
const status: Status = {
    state: 1, incarnation: new Uint8Array(16).fill(3), generation: 2n, commandNext: 1n, kit: new Uint8Array(32).fill(4),
    connections: [connection, { ...connection, connection: 8, direction: 5, suite: 0 }], grants: [6, 9],
};

describe("the status", () => {
    const good = encodeStatus(status);

    it("has 72 + 68·n + 2·g bytes and reads back", () => {
        assert.equal(good.length, 72 + 68 * 2 + 2 * 2);
        assert.deepEqual(decodeStatus(good), status);
    });

    const cases: [string, Uint8Array][] = [
        ["is empty", new Uint8Array(0)],
        ["is cut anywhere in its header", good.subarray(0, 71)],
        ["is cut by one byte", good.subarray(0, -1)],
        ["has one more byte", concat(good, Uint8Array.of(0))],
        ["has version 2", patch(good, 0, 2)],
        ["has state 6", patch(good, 1, 6)],
        ["says that there is a hand-over, but not which", patch(good, 3, 1)],
        ["has a reserved bit", patch(good, 2, 1)],
        ["counts too many connections", patch(good, 68, 0xff, 0xff)],
        ["counts too many grants", patch(good, 70, 0, 3)],
        ["has connection 0", patch(good, 72, 0, 0, 0, 0)],
        ["has direction 0", patch(good, 78, 0)],
        ["has delivery 3", patch(good, 79, 3)],
        ["has suite 5", patch(good, 80, 5)],
        ["has suite 0 with a key", patch(good, 80, 0)],
        ["has flag 16", patch(good, 81, 16)],
        ["has a connection twice", patch(good, 72 + 68, 0, 0, 0, 7)],
    ];
    for (const [name, bytes] of cases) it(`is refused when it ${name}`, () => malformed(() => decodeStatus(bytes)));
});

describe("M2", () => {
    const core = { nonceM: new Uint8Array(32).fill(1), pkE: new Uint8Array(32).fill(2), status: encodeStatus(status) };
    const m2 = { core, evidenceType: 1, evidence: new Uint8Array(100).fill(9) };
    const good = encodeM2(m2);

    it("reads back", () => {
        assert.deepEqual(decodeM2(good), m2);
    });

    it("is refused when cut, extended, or with evidence beyond its bound", () => {
        malformed(() => decodeM2(good.subarray(0, -1)));
        malformed(() => decodeM2(concat(good, Uint8Array.of(0))));
        malformed(() => decodeM2(concat(encodeM2Core(core), Uint8Array.of(0, 1, 0, 1, 0, 1), new Uint8Array(65_537))));
        malformed(() => decodeM2(concat(encodeM2Core(core), Uint8Array.of(0, 1, 0xff, 0xff, 0xff, 0xff))));
    });

    it("gives report data that depends on every part of the session", () => {
        const m1 = new Uint8Array(168).fill(5);
        const seen = [
            reportData(m1, core),
            reportData(m1.map((b, i) => (i === 167 ? b ^ 1 : b)), core),
            reportData(m1, { ...core, nonceM: core.nonceM.map((b) => b ^ 1) }),
            reportData(m1, { ...core, pkE: core.pkE.map((b) => b ^ 1) }),
            reportData(m1, { ...core, status: core.status.map((b) => b ^ 1) }),
        ].map((bytes) => Buffer.from(bytes).toString("hex"));
        assert.equal(new Set(seen).size, seen.length);
        assert.ok(seen.every((digits) => digits.length === 128));
    });
});

describe("keys", () => {
    const key: ConnectionKey = { deployment: new Uint8Array(16), connection: 1, epoch: 1n, suite: SUITE.chacha20Poly1305, key32: new Uint8Array(32).fill(1) };

    it("differ by everything they are derived from", () => {
        const variants: ConnectionKey[] = [
            key,
            { ...key, deployment: new Uint8Array(16).fill(1) },
            { ...key, connection: 2 },
            { ...key, epoch: 2n },
            { ...key, suite: SUITE.aes128Gcm },
            { ...key, key32: new Uint8Array(32).fill(2) },
        ];
        const seen = variants.flatMap((variant) => Object.values(KIND).map((kind) => Buffer.from(deriveKey(variant, kind).slice(0, 16)).toString("hex")));
        assert.equal(new Set(seen).size, variants.length * 4);
    });

    it("of SpongeWrap suites must be zero after their length", () => {
        assert.throws(() => keyId(SUITE.spongeWrap64, new Uint8Array(32).fill(1)), /zero after its first 8 bytes/);
        assert.throws(() => deriveKey({ ...key, suite: SUITE.spongeWrap128 }, KIND.event), /zero after its first 16 bytes/);
    });

    it("name an argument that does not fit", () => {
        assert.throws(() => deriveKey({ ...key, deployment: new Uint8Array(15) }, KIND.event), /deployment must have 16 bytes/);
        assert.throws(() => deriveKey({ ...key, key32: new Uint8Array(31) }, KIND.event), /key32 must have 32 bytes/);
        assert.throws(() => deriveKey({ ...key, connection: 2 ** 32 }, KIND.event), /connection must be an integer below 2\^32/);
        assert.throws(() => deriveKey({ ...key, epoch: 1n << 64n }, KIND.event), /epoch must be a bigint below 2\^64/);
    });

    it("never decrypt another flow or kind: a reflected frame is refused", () => {
        const ack = decodeFrame(sealFrame(key, KIND.ack, 1n, new Uint8Array(0)));
        for (const kind of [KIND.event, KIND.request, KIND.reply] as const) assert.equal(openFrame(key, { ...ack, kind }), undefined);
    });
});

describe("frames", () => {
    const key: ConnectionKey = { deployment: new Uint8Array(16), connection: 1, epoch: 1n, suite: SUITE.chacha20Poly1305, key32: new Uint8Array(32).fill(1) };

    it("carry up to 64 KiB and no more", () => {
        const largest = sealFrame(key, KIND.event, 1n, new Uint8Array(MAX_EVENT));
        assert.equal(new DataView(largest.buffer).getUint32(0), 65_574);
        assert.equal(openFrame(key, decodeFrame(largest))?.length, MAX_EVENT);
        assert.throws(() => sealFrame(key, KIND.event, 1n, new Uint8Array(MAX_EVENT + 1)), /at most 65536 bytes/);
    });

    it("are refused with connection 0, and an ack with data is neither made nor opened", () => {
        malformed(() => decodeFrame(sealFrame({ ...key, connection: 0 }, KIND.event, 1n, new Uint8Array(0))));
        assert.throws(() => sealFrame(key, KIND.ack, 1n, new Uint8Array(1)), /must be empty/);
        assert.throws(() => sealCompact(key, KIND.ack, 1, new Uint8Array(1)), /must be empty/);
    });

    it("of the compact form stop before the last counter, and hold at most 1,024 bytes", () => {
        assert.throws(() => sealCompact(key, KIND.event, 0xffff_ffff, new Uint8Array(0)), /counter/);
        assert.throws(() => sealCompact(key, KIND.event, 0, new Uint8Array(0)), /counter/);
        assert.throws(() => encodeCompact({ kind: 1, epochLow: 1, connectionLow: 1, counter: 1, sealed: new Uint8Array(1017) }), /at most 1024 bytes/);
    });

    it("under SpongeWrap refuse a plaintext of odd length", () => {
        const sponge = { ...key, suite: SUITE.spongeWrap64, key32: patch(new Uint8Array(32), 0, 1) };
        assert.throws(() => sealCompact(sponge, KIND.event, 1, new Uint8Array(3)), /even number of bytes/);
    });
});

describe("encoders", () => {
    const set: SetRecord = {
        type: "set", connection: 1, endpoint: 1, direction: 1, delivery: 1, suite: 1, reset: false, window: 1, epoch: 1n, key: new Uint8Array(32).fill(1), firstCounter: 1n, lastCounter: 1n,
    };
    const update = (record: SetRecord): Uint8Array => encodeUpdate({ incarnation: new Uint8Array(16), generation: 0n, records: [record] });

    it("never truncate a number, and name the field", () => {
        assert.throws(() => update({ ...set, endpoint: 65_536 }), /endpoint must be an integer below 2\^16/);
        assert.throws(() => update({ ...set, window: -1 }), /window/);
        assert.throws(() => update({ ...set, window: 1.5 }), /window/);
        assert.throws(() => update({ ...set, epoch: -1n }), /epoch must be a bigint/);
        assert.throws(() => update({ ...set, key: new Uint8Array(16) }), /key must have 32 bytes/);
        assert.throws(() => encodeActivate(new Uint8Array(31), [], new Uint8Array(32)), /transcript must have 32 bytes/);
        assert.throws(
            () => encodeM1({ purpose: PURPOSE.attest, deployment: new Uint8Array(16), instance: new Uint8Array(17), nonceD: new Uint8Array(32), policyHash: new Uint8Array(32) }, new Uint8Array(32)),
            /instance must have 16 bytes/,
        );
    });

    it("leave the caller's key as it is; what they wrote meanwhile is cleared", () => {
        update(set);
        assert.ok(set.key.every((byte) => byte === 1));
        const piece = new Uint8Array(4).fill(1);
        assert.deepEqual(new Writer().bytes(piece).finishAndWipe(), new Uint8Array(4).fill(1));
        assert.deepEqual(piece, new Uint8Array(4));
    });

    it("refuse a call with a connection, and data beyond 64 KiB", () => {
        const command = { incarnation: new Uint8Array(16), operation: 3, endpoint: 0, connection: 1, counter: 1n, data: new Uint8Array(0) } as const;
        assert.throws(() => encodeCommand(command), /only for a call/);
        assert.throws(() => encodeCommand({ ...command, connection: 0, data: new Uint8Array(65_537) }), /at most 65536 bytes/);
    });

    it("refuse a configuration that does not fit, in words", () => {
        const base = { deployment: new Uint8Array(16), instance: new Uint8Array(16), deployerKey: new Uint8Array(32) };
        assert.throws(() => encodeConfiguration({ ...base, values: new Map([["text", "x".repeat(4096)]]) }), /shorten its texts/);
        assert.throws(() => encodeConfiguration({ ...base, values: new Map([["n", 1n << 63n]]) }), /integer n must fit 64 bits/);
        assert.throws(() => encodeConfiguration({ ...base, values: new Map([["", 1n]]) }), /1 to 47 bytes/);
        assert.throws(() => encodeConfiguration({ ...base, values: new Map([["t", "\ud800"]]) }), /well-formed/);
        assert.throws(() => fillConfiguration(new Uint8Array(10), 5, new Uint8Array(6)), /not inside the image/);
        assert.throws(() => fillConfiguration(Uint8Array.of(0, 1, 0), 0, new Uint8Array(2)), /not empty/);
    });
});

describe("results", () => {
    it("read back, and are refused when altered or under another key", () => {
        const key = new Uint8Array(32).fill(1);
        const sealed = sealResult(key, { status: 0, counter: 5n, data: Buffer.from("ok") });
        assert.equal(Buffer.from(openResult(key, sealed).data).toString(), "ok");
        assert.throws(() => openResult(key, patch(sealed, 0, (sealed[0] ?? 0) ^ 1)), /does not authenticate/);
        assert.throws(() => openResult(new Uint8Array(32).fill(2), sealed), /does not authenticate/);
    });
});

describe("names and refusals", () => {
    it("give other instances to other names and deployments", () => {
        const seen = [instanceId(new Uint8Array(16), "a"), instanceId(new Uint8Array(16), "b"), instanceId(new Uint8Array(16).fill(1), "a")].map((b) => Buffer.from(b).toString("hex"));
        assert.equal(new Set(seen).size, 3);
        assert.throws(() => instanceId(new Uint8Array(16), ""), /name must not be empty/);
        assert.throws(() => instanceId(new Uint8Array(15), "a"), /deployment must have 16 bytes/);
    });

    it("draw connections that are neither 0 nor in use", () => {
        const inUse = new Set(Array.from({ length: 100 }, () => drawConnection(new Set())));
        const drawn = drawConnection(inUse);
        assert.ok(drawn > 0 && drawn < 2 ** 32 && !inUse.has(drawn));
    });

    it("encode and describe each refusal", () => {
        for (const code of Object.values(REFUSAL)) {
            assert.equal(decodeRefusal(encodeRefusal(code)), code);
            assert.doesNotMatch(describeRefusal(code), /unknown/);
        }
        assert.match(describeRefusal(999), /unknown refusal \(999\)/);
        assert.equal(decodeRefusal(new Uint8Array(32).fill(0xff)), undefined);
        assert.equal(decodeRefusal(Uint8Array.of(0xfe, 0, 1)), undefined);
    });
});

describe("the reader", () => {
    it("hands out copies, so that clearing a buffer does not change what was read", () => {
        const input = Uint8Array.of(1, 2, 3);
        const read = new Reader(input, "x").bytes(3, "all");
        input.fill(0);
        assert.deepEqual(read, Uint8Array.of(1, 2, 3));
    });

    it("takes hexadecimal in one spelling, and never repeats a bad one", () => {
        assert.deepEqual(fromHex("x", "00ff"), Uint8Array.of(0, 255));
        for (const text of ["0", "0G", "FF", " 00", "zz-secret"]) assert.throws(() => fromHex("x", text), (error: Error) => error instanceof RangeError && !error.message.includes("secret"));
    });
});

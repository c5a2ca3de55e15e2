// Structured fuzzing of parsers and verifiers: mutants of well-formed evidence are refused, in bounded time, and never crash.
// AUTHENTIC_FUZZ=full tries a million inputs for each parser and twenty thousand for each verifier.
import assert from "node:assert/strict";
import { createHash, constants, generateKeyPairSync, sign } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519";
import { concat, hex } from "../../provider/attest/bytes";
import type { Claims, EvidenceType } from "../../provider/attest/evidence";
import { keystone } from "../../provider/attest/keystone";
import { optee } from "../../provider/attest/optee";
import { psa } from "../../provider/attest/psa";
import { EvidenceRefused } from "../../provider/attest/refusal";
import { sancus } from "../../provider/attest/sancus";
import { sancusEvidenceMessage } from "../../provider/attest/sancus/parse";
import { snp } from "../../provider/attest/snp";
import { spongentMac } from "../../provider/crypto/spongent";
import { appraise, assertAccepted, type Appraising } from "./appraising";
import { attestationKey, encode, sign1 } from "./psa/token";
import { certificate, chainFields, listFields, NOW, revocationList } from "./snp/authority";
import { buildReport, hardwareIdOf } from "./snp/report";

const full = process.env["AUTHENTIC_FUZZ"] === "full";
const PARSED = full ? 1_000_000 : 20_000;
const VERIFIED = full ? 20_000 : 300;

/** A deterministic generator (xorshift32), so that a failure can be run again. */
function generator(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % below;
    };
}

const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x18, 0x1b, 0x5f, 0x9f, 0xbf, 0xd2];

/** Changes a document in one to four places: bytes, runs, cuts, insertions, repetitions, extreme integers. */
function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
    let bytes: Uint8Array = Uint8Array.from(original);
    for (let rounds = 1 + random(4); rounds > 0; rounds--) {
        const at = random(bytes.length + 1);
        const length = random(Math.min(64, bytes.length - at + 1));
        switch (random(7)) {
            case 0:
                bytes[at] = random(256);
                break;
            case 1:
                bytes[at] = INTERESTING[random(INTERESTING.length)] ?? 0;
                break;
            case 2:
                bytes = bytes.slice(0, at);
                break;
            case 3:
                bytes = concat(bytes.subarray(0, at), bytes.subarray(at + length));
                break;
            case 4:
                bytes = concat(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
                break;
            case 5:
                bytes.fill(random(2) * 0xff, at, at + length);
                break;
            default:
                bytes = concat(bytes.subarray(0, at), Uint8Array.from({ length }, () => random(256)), bytes.subarray(at + length));
        }
    }
    return bytes;
}

interface Subject {
    readonly evidence: Uint8Array;
    readonly parse: (bytes: Uint8Array) => unknown;
    readonly appraise: (bytes: Uint8Array) => boolean;
}

function subject<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, evidence: Uint8Array, options: Appraising): Subject {
    assertAccepted(appraise(type, evidence, options));
    return { evidence, parse: (bytes) => type.parse(bytes), appraise: (bytes) => appraise(type, bytes, options).accepted };
}

const subjects: Readonly<Record<string, () => Subject>> = {
    snp: () => {
        const fields = chainFields("Milan", "VCEK", hardwareIdOf("Milan"));
        const files = [certificate(fields.leaf), certificate(fields.authority), certificate(fields.root), revocationList(listFields("Milan"))];
        return subject(snp, buildReport({ version: 5 }), { collateral: files, emulated: true, at: NOW, roots: { assurance: "emulated", anchors: files.slice(2, 3) } });
    },
    psa: () => {
        const device = attestationKey();
        const instanceId = concat(Uint8Array.of(1), createHash("sha256").update(device.point).digest());
        const digest = new Uint8Array(32);
        const payload = encode({ map: [[10, new Uint8Array(64)], [256, instanceId], [265, "tag:psacertified.org,2023:psa#tfm"], [268, digest], [2394, -1], [2395, 0x3000],
            [2396, digest], [2399, [{ map: [[1, "BL"], [2, digest], [4, "1"], [5, digest]] }]]] });
        return subject(psa, sign1(payload, device.privateKey), { policy: { devices: [{ key: device.pem }] } });
    },
    keystone: () => {
        const secret = new Uint8Array(32).fill(1);
        const key = ed25519.getPublicKey(secret);
        const report = Buffer.alloc(1352);
        report.writeBigUInt64LE(64n, 64);
        report.set(key, 1224);
        report.set(key, 1320);
        report.set(ed25519.sign(report.subarray(0, 136), secret), 1096);
        report.set(ed25519.sign(report.subarray(1160, 1256), secret), 1256);
        return subject(keystone, report, { policy: { devices: [hex(key)], securityMonitors: ["00".repeat(64)] } });
    },
    optee: () => {
        const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
        const signed = new Uint8Array(96);
        const evidence = concat(signed, sign("sha256", signed, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }));
        return subject(optee, evidence, { policy: { devices: [publicKey.export({ type: "spki", format: "pem" }) as string] } });
    },
    sancus: () => {
        const moduleKey = new Uint8Array(16).fill(7);
        const challenge = new Uint8Array(64);
        const evidence = concat(challenge, spongentMac(moduleKey, sancusEvidenceMessage(challenge)));
        return subject(sancus, evidence, { collateral: [moduleKey], roots: { assurance: "hardware" } });
    },
};

for (const [name, make] of Object.entries(subjects)) {
    describe(`Fuzzing ${name}`, function () {
        this.timeout(0);
        let made: Subject;

        before(() => { made = make(); });

        it(`parses or refuses ${PARSED} mutants and random inputs`, () => {
            const random = generator(20250701);
            for (let round = 0; round < PARSED; round++) {
                const bytes = round % 10 === 0 ? Uint8Array.from({ length: random(200) }, () => random(256)) : mutate(made.evidence, random);
                try {
                    made.parse(bytes);
                } catch (error) {
                    assert.ok(error instanceof EvidenceRefused, `round ${round}, ${hex(bytes)}: ${String(error)}`);
                }
            }
        });

        it(`accepts none of ${VERIFIED} mutants`, () => {
            const random = generator(42);
            for (let round = 0; round < VERIFIED; round++) {
                const bytes = mutate(made.evidence, random);
                const unchanged = Buffer.compare(bytes, made.evidence) === 0;
                assert.equal(made.appraise(bytes), unchanged, `round ${round}, ${hex(bytes)}`);
            }
        });
    });
}

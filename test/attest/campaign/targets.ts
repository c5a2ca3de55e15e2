// What is fuzzed: every reader of evidence and collateral, and every verifier.
import { createHash, constants, generateKeyPairSync, sign } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519";
import { concat, hex } from "../../../provider/attest/bytes";
import type { Claims, EvidenceType } from "../../../provider/attest/evidence";
import { keystone } from "../../../provider/attest/keystone";
import { none } from "../../../provider/attest/none";
import { optee } from "../../../provider/attest/optee";
import { psa } from "../../../provider/attest/psa";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { sancus } from "../../../provider/attest/sancus";
import { sancusEvidenceMessage } from "../../../provider/attest/sancus/parse";
import { snp } from "../../../provider/attest/snp";
import { spongentMac } from "../../../provider/crypto/spongent";
import { appraise, assertAccepted, type Appraising } from "../appraising";
import { attestationKey, encode, sign1 } from "../psa/token";
import { certificate, chainFields, listFields, NOW, revocationList } from "../snp/authority";
import { buildReport, hardwareIdOf } from "../snp/report";
import { ACCEPTED, type Target } from "./fuzzing";
import { hostile, mutate } from "./random";

/** A reader that refuses or reads, and never crashes. */
export function reader(name: string, original: Uint8Array, read: (bytes: Uint8Array) => unknown, input = hostile): Target {
    return {
        name,
        input: (random) => [input(original, random)],
        take([bytes]) {
            try {
                read(bytes!);
                return null;
            } catch (error) {
                return error instanceof EvidenceRefused ? null : String(error);
            }
        },
    };
}

/** A verifier that accepts the original documents and nothing else; one document is changed at a time. */
export function verifier(name: string, originals: readonly Uint8Array[], accepts: (documents: readonly Uint8Array[]) => boolean): Target {
    if (!accepts(originals)) {
        throw new Error(`${name} does not accept what it should`);
    }
    return {
        name,
        input(random) {
            const index = random(originals.length);
            return originals.with(index, mutate(originals[index]!, random));
        },
        take(documents) {
            const same = documents.every((document, index) => Buffer.compare(document, originals[index]!) === 0);
            try {
                return accepts(documents) === same ? null : same ? "refused although unchanged" : ACCEPTED;
            } catch (error) {
                return String(error);
            }
        },
    };
}

/** Evidence with its collateral and circumstances, accepted as it is. */
interface Subject {
    readonly parse: Target;
    readonly verify: Target;
}

function subject<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, evidence: Uint8Array, options: Appraising): Subject {
    assertAccepted(appraise(type, evidence, options));
    return {
        parse: reader(`the reader of ${type.name} evidence`, evidence, (bytes) => type.parse(bytes)),
        verify: verifier(`the verifier of ${type.name} evidence`, [evidence], ([bytes]) => appraise(type, bytes!, options).accepted),
    };
}

/** Evidence types other than Intel's, by name. RSA keys are made when a subject is. */
export const subjects: Readonly<Record<string, () => Subject>> = {
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

/** The reader of evidence for which nothing vouches; there is no verifier to get past. */
export const nativeReader: Target = reader("the reader of native evidence", new Uint8Array(64), (bytes) => none.parse(bytes));

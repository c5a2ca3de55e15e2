// Certificates and revocation lists: the profile's forms are read, every other one is refused.
import assert from "node:assert/strict";
import { hex } from "../../../provider/attest/bytes";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { parseCertificate, parseCertificateChain, type Certificate } from "../../../provider/attest/x509/certificate";
import { parseRevocationList } from "../../../provider/attest/x509/crl";
import { fingerprint, verifyPath } from "../../../provider/attest/x509/path";
import { KeyUsage } from "../../../provider/attest/x509/extensions";
import { Keyring, signDer } from "../pki/keys";
import { sgxWorld } from "../pki/intel";
import { issueCertificate, issueRevocationList, name } from "../pki/x509";
import { bits, int, octets, oid, seq, tlv, TRUE, utcTime } from "../snp/der";
import { genuine } from "../vectors";

const keys = new Keyring();
const NOW = Date.UTC(2026, 0, 1);
const ECDSA_SHA256 = seq(oid("1.2.840.10045.4.3.2"));
const text = (value: string): Uint8Array => Buffer.from(value, "latin1");

interface Parts {
    version: Uint8Array[];
    serial: Uint8Array;
    algorithm: Uint8Array;
    outerAlgorithm: Uint8Array;
    issuer: Uint8Array;
    notBefore: Uint8Array;
    notAfter: Uint8Array;
    key: Uint8Array;
    extensions: Uint8Array[];
    signature: Uint8Array | null;
}

/** A certificate from its parts, each of which a test may spell differently. */
function certificate(change: Partial<Parts>): Uint8Array {
    const parts: Parts = {
        version: [tlv(0xa0, int(2))],
        serial: int(5),
        algorithm: ECDSA_SHA256,
        outerAlgorithm: ECDSA_SHA256,
        issuer: name("issuer"),
        notBefore: utcTime(NOW - 1000),
        notAfter: utcTime(NOW + 1000),
        key: keys.get("subject").spki,
        extensions: [tlv(0xa3, seq(seq(oid("2.5.29.19"), TRUE, octets(seq()))))],
        signature: null,
        ...change,
    };
    const content = seq(...parts.version, parts.serial, parts.algorithm, parts.issuer, seq(parts.notBefore, parts.notAfter), name("subject"), parts.key, ...parts.extensions);
    return seq(content, parts.outerAlgorithm, parts.signature ?? bits(signDer(keys.get("issuer"), content)));
}

const extensions = (...list: Uint8Array[]): Uint8Array[] => [tlv(0xa3, seq(...list))];
const basic = (value: Uint8Array): Uint8Array => seq(oid("2.5.29.19"), TRUE, octets(value));

describe("certificates", () => {
    it("read as they are", () => {
        const read = parseCertificate(certificate({}), "certificate");
        assert.equal(read.subject.commonName, "subject");
        assert.equal(read.publicKey.type, "P-256");
        assert.deepEqual([read.ca, read.pathLength, read.keyUsage], [false, null, null]);
        assert.deepEqual([read.notBefore, read.notAfter], [NOW - 1000, NOW + 1000]);
    });

    it("read GeneralizedTime from 2050 on", () => {
        assert.equal(parseCertificate(certificate({ notAfter: tlv(0x18, text("20500101000000Z")) }), "c").notAfter, Date.UTC(2050, 0, 1));
    });

    const refusals: [what: string, change: Partial<Parts>][] = [
        ["version 1", { version: [] }],
        ["version 2", { version: [tlv(0xa0, int(1))] }],
        ["a negative serial number", { serial: tlv(0x02, Uint8Array.of(0xff)) }],
        ["a serial number of 21 bytes", { serial: tlv(0x02, new Uint8Array(21).fill(1)) }],
        ["a padded serial number", { serial: tlv(0x02, Uint8Array.of(0, 1)) }],
        ["an unknown algorithm", { algorithm: seq(oid("1.2.840.113549.1.1.11"), tlv(0x05)), outerAlgorithm: seq(oid("1.2.840.113549.1.1.11"), tlv(0x05)) }],
        ["two different algorithms", { outerAlgorithm: seq(oid("1.2.840.10045.4.3.3")) }],
        ["algorithm parameters for ECDSA", { algorithm: seq(oid("1.2.840.10045.4.3.2"), tlv(0x05)), outerAlgorithm: seq(oid("1.2.840.10045.4.3.2"), tlv(0x05)) }],
        ["an issuer without common name", { issuer: seq() }],
        ["an issuer with two common names", { issuer: seq(...[1, 2].map(() => tlv(0x31, seq(oid("2.5.4.3"), tlv(0x0c, text("a")))))) }],
        ["a multi-valued name", { issuer: seq(tlv(0x31, ...[1, 2].map(() => seq(oid("2.5.4.3"), tlv(0x0c, text("a")))))) }],
        ["a name in BMPString", { issuer: seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(0x1e, text("\0a"))))) }],
        ["a name in invalid UTF-8", { issuer: seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(0x0c, Uint8Array.of(0xff))))) }],
        ["a time without seconds", { notAfter: tlv(0x17, text("2601010000Z")) }],
        ["a time with an offset", { notAfter: tlv(0x17, text("260101000000+0000")) }],
        ["a date that the calendar has not", { notAfter: tlv(0x17, text("260230000000Z")) }],
        ["GeneralizedTime before 2050", { notAfter: tlv(0x18, text("20490101000000Z")) }],
        ["GeneralizedTime with fractions", { notAfter: tlv(0x18, text("20500101000000.5Z")) }],
        ["a point off the curve", { key: Buffer.concat([keys.get("subject").spki.subarray(0, -1), Uint8Array.of((keys.get("subject").spki.at(-1) ?? 0) ^ 1)]) }],
        ["a compressed point", { key: seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), bits(Buffer.concat([Uint8Array.of(2), keys.get("subject").point.subarray(0, 32)]))) }],
        ["another curve", { key: seq(seq(oid("1.2.840.10045.2.1"), oid("1.3.132.0.10")), bits(Buffer.concat([Uint8Array.of(4), keys.get("subject").point]))) }],
        ["another key type", { key: seq(seq(oid("1.3.101.112")), bits(new Uint8Array(32))) }],
        ["no extensions", { extensions: [] }],
        ["an empty list of extensions", { extensions: extensions() }],
        ["unique identifiers", { extensions: [tlv(0x81, Uint8Array.of(0)), ...extensions(basic(seq()))] }],
        ["a repeated extension", { extensions: extensions(basic(seq()), basic(seq())) }],
        ["an explicit FALSE for criticality", { extensions: extensions(seq(oid("2.5.29.19"), tlv(0x01, Uint8Array.of(0)), octets(seq()))) }],
        ["an explicit FALSE for the CA flag", { extensions: extensions(basic(seq(tlv(0x01, Uint8Array.of(0))))) }],
        ["a path length without CA flag", { extensions: extensions(basic(seq(int(0)))) }],
        ["a key usage with a trailing zero bit", { extensions: extensions(seq(oid("2.5.29.15"), TRUE, octets(bits(Uint8Array.of(0x06), 0)))) }],
        ["bytes after an extension's value", { extensions: extensions(seq(oid("2.5.29.15"), TRUE, octets(Buffer.concat([bits(Uint8Array.of(0x06), 1), Uint8Array.of(5, 0)])))) }],
        ["a signature with unused bits", { signature: bits(Uint8Array.of(0x30, 0), 1) }],
    ];
    for (const [what, change] of refusals) {
        it(`are refused with ${what}`, () => {
            assert.throws(() => parseCertificate(certificate(change), "certificate"), (error) => error instanceof EvidenceRefused && error.refusal.code === "AE-ATTEST-MALFORMED");
        });
    }

    it("are refused with a signature in another encoding of the same numbers", () => {
        const world = sgxWorld();
        const [leaf, root] = [world.tcbSigning, world.root].map((spec) => parseCertificate(issueCertificate(spec, world.keys), "certificate")) as [Certificate, Certificate];
        const role = (certificate: Certificate, ca: boolean) => ({ document: "certificate", commonNames: [certificate.subject.commonName], keyType: "P-256", ca, keyUsage: null } as const);
        const verify = (changed: Certificate): void => verifyPath([changed, root], [role(leaf, false), role(root, true)], new Set([fingerprintOf(root)]), Date.UTC(2026, 2, 1));
        verify(leaf);
        for (const signature of [
            Buffer.concat([leaf.signature, Uint8Array.of(0)]),
            Buffer.concat([Uint8Array.of(0x30, 0x81), leaf.signature.subarray(1)]),
            new Uint8Array(0),
            seq(int(0), int(0)),
            seq(int(1), int(1)),
        ]) {
            assert.throws(() => verify({ ...leaf, signature }), EvidenceRefused);
        }
    });

    it("are refused as a path without roots, and with more roles than certificates", () => {
        const world = sgxWorld();
        const root = parseCertificate(issueCertificate(world.root, world.keys), "root");
        const role = { document: "root", commonNames: [root.subject.commonName], keyType: "P-256", ca: true, keyUsage: null } as const;
        for (const [path, roles, anchors] of [[[], [], []], [[root], [role, role], [fingerprintOf(root)]], [[root], [role], []]] as const) {
            assert.throws(() => verifyPath(path, roles, new Set(anchors), Date.UTC(2026, 2, 1)), (error) => error instanceof EvidenceRefused && error.refusal.code === "AE-ATTEST-CHAIN");
        }
    });
});

const fingerprintOf = (certificate: Certificate): string => fingerprint(certificate.encoded);

describe("genuine certificates of AMD", () => {
    it("read, with their RSASSA-PSS signatures verified up to the pinned root", function () {
        const [ask, ark] = parseCertificateChain(genuine(this, "snp-cert-chain-milan.pem").toString("latin1"), ["ASK", "ARK"]);
        const vcek = parseCertificate(genuine(this, "snp-vcek-milan.der"), "VCEK");
        assert.equal(fingerprintOf(ark!), "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd");
        const role = (document: string, commonName: string, ca: boolean) => ({ document, commonNames: [commonName], keyType: ca ? "RSA-4096" : "P-384", ca, keyUsage: ca ? KeyUsage.certificateSign : null } as const);
        verifyPath([vcek, ask!, ark!], [role("VCEK", "SEV-VCEK", false), role("ASK", "SEV-Milan", true), role("ARK", "ARK-Milan", true)], new Set([fingerprintOf(ark!)]), NOW);
    });
});

describe("revocation lists", () => {
    it("read their serial numbers, whatever the leading zero", () => {
        const world = sgxWorld();
        world.rootCrl.revoked = [Uint8Array.of(0x7f), Uint8Array.of(0x80), Uint8Array.of(0xff, 0x01)];
        const { revoked } = parseRevocationList(issueRevocationList(world.rootCrl, world.keys), "CRL");
        assert.deepEqual([...revoked], ["7f", "80", "ff01"]);
    });

    const list = (...fields: Uint8Array[]): Uint8Array => {
        const content = seq(...fields);
        return seq(content, ECDSA_SHA256, bits(signDer(keys.get("issuer"), content)));
    };
    const head = [int(1), ECDSA_SHA256, name("issuer"), utcTime(NOW)];
    const entry = (...further: Uint8Array[]): Uint8Array => seq(int(5), utcTime(NOW), ...further);
    const refusals: [what: string, der: Uint8Array][] = [
        ["no next update", list(...head)],
        ["version 1", list(ECDSA_SHA256, name("issuer"), utcTime(NOW), utcTime(NOW))],
        ["an empty list of entries", list(...head, utcTime(NOW), seq())],
        ["an entry with an unknown critical extension", list(...head, utcTime(NOW), seq(entry(seq(seq(oid("2.5.29.29"), TRUE, octets(seq()))))))],
        ["an entry with bytes after its extensions", list(...head, utcTime(NOW), seq(entry(seq(seq(oid("2.5.29.21"), octets(tlv(0x0a, Uint8Array.of(1))))), tlv(0x05))))],
        ["a delta indicator", list(...head, utcTime(NOW), tlv(0xa0, seq(seq(oid("2.5.29.27"), TRUE, octets(int(1))))))],
        ["bytes after the extensions", list(...head, utcTime(NOW), tlv(0xa0, seq(seq(oid("2.5.29.20"), octets(int(1))))), tlv(0x05))],
        ["trailing bytes", Buffer.concat([list(...head, utcTime(NOW)), Uint8Array.of(0)])],
    ];
    for (const [what, der] of refusals) {
        it(`are refused with ${what}`, () => {
            assert.throws(() => parseRevocationList(der, "CRL"), (error) => error instanceof EvidenceRefused && error.refusal.code === "AE-ATTEST-MALFORMED");
        });
    }

    it("hold a revoked serial number in hexadecimal", () => {
        assert.ok(parseRevocationList(list(...head, utcTime(NOW), seq(entry())), "CRL").revoked.has(hex(Uint8Array.of(5))));
    });
});

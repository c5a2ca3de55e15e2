// Certificates and revocation lists in the form of Intel's, well-formed unless a specification says otherwise.
import { bits, int, octets, oid, seq, set, tlv, TRUE, utcTime, utf8 } from "../snp/der";
import { signDer, type Keyring } from "./keys";

const ECDSA_SHA256 = seq(oid("1.2.840.10045.4.3.2"));

/** One extension; `value` is the content of its OCTET STRING. */
export interface ExtensionSpec {
    readonly id: string;
    readonly critical: boolean;
    readonly value: Uint8Array;
}

/** What a certificate says and who signs it; keys are names in a keyring. */
export interface CertificateSpec {
    subject: string;
    issuer: string;
    key: string;
    signer: string;
    serial: Uint8Array;
    notBefore: number;
    notAfter: number;
    extensions: ExtensionSpec[];
}

/** What a revocation list says and who signs it. */
export interface RevocationListSpec {
    issuer: string;
    signer: string;
    thisUpdate: number;
    nextUpdate: number;
    revoked: Uint8Array[];
    extensions: ExtensionSpec[];
}

/** Intel's naming: common name, organization, place. */
export function name(commonName: string): Uint8Array {
    const attribute = (id: string, value: Uint8Array): Uint8Array => set(seq(oid(id), value));
    return seq(
        attribute("2.5.4.3", utf8(commonName)),
        attribute("2.5.4.10", utf8("Test Corporation")),
        attribute("2.5.4.7", utf8("Santa Clara")),
        attribute("2.5.4.8", utf8("CA")),
        attribute("2.5.4.6", tlv(0x13, Buffer.from("US"))),
    );
}

/** A minimal INTEGER of a big-endian magnitude. */
export function magnitude(bytes: Uint8Array): Uint8Array {
    return (bytes[0] ?? 0) >= 0x80 ? tlv(0x02, Uint8Array.of(0), bytes) : tlv(0x02, bytes);
}

/** Basic constraints of an authority with a path length. */
export function authority(pathLength: number): ExtensionSpec {
    return { id: "2.5.29.19", critical: true, value: seq(TRUE, int(pathLength)) };
}

/** Basic constraints of an end entity. */
export const endEntity: ExtensionSpec = { id: "2.5.29.19", critical: true, value: seq() };

/** Key usage for signing certificates and lists. */
export const signsCertificates: ExtensionSpec = { id: "2.5.29.15", critical: true, value: bits(Uint8Array.of(0x06), 1) };

/** Key usage for signing data. */
export const signsData: ExtensionSpec = { id: "2.5.29.15", critical: true, value: bits(Uint8Array.of(0xc0), 6) };

function extension({ id, critical, value }: ExtensionSpec): Uint8Array {
    return seq(oid(id), ...(critical ? [TRUE] : []), octets(value));
}

function signed(content: Uint8Array, signer: string, keys: Keyring): Uint8Array {
    return seq(content, ECDSA_SHA256, bits(signDer(keys.get(signer), content)));
}

/** Issues a certificate. */
export function issueCertificate(spec: CertificateSpec, keys: Keyring): Uint8Array {
    return signed(seq(
        tlv(0xa0, int(2)),
        magnitude(spec.serial),
        ECDSA_SHA256,
        name(spec.issuer),
        seq(utcTime(spec.notBefore), utcTime(spec.notAfter)),
        name(spec.subject),
        keys.get(spec.key).spki,
        tlv(0xa3, seq(...spec.extensions.map(extension))),
    ), spec.signer, keys);
}

/** Issues a revocation list. */
export function issueRevocationList(spec: RevocationListSpec, keys: Keyring): Uint8Array {
    const entries = spec.revoked.map((serial) => seq(magnitude(serial), utcTime(spec.thisUpdate), seq(seq(oid("2.5.29.21"), octets(tlv(0x0a, Uint8Array.of(1)))))));
    return signed(seq(
        int(1),
        ECDSA_SHA256,
        name(spec.issuer),
        utcTime(spec.thisUpdate),
        utcTime(spec.nextUpdate),
        ...(entries.length === 0 ? [] : [seq(...entries)]),
        tlv(0xa0, seq(extension({ id: "2.5.29.20", critical: false, value: int(1) }), ...spec.extensions.map(extension))),
    ), spec.signer, keys);
}

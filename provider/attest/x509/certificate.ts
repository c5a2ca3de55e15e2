// X.509 v3 certificates (RFC 5280 §4.1) of the attestation profiles, read strictly.

import { malformed } from "../refusal";
import { readPublicKey, readSignatureAlgorithm, type PublicKey, type SignatureAlgorithm } from "./algorithm";
import { DerReader, Tag } from "./der";
import { authorityKeyIdentifier, basicConstraints, keyUsage, readExtensions, subjectKeyIdentifier, type Extensions } from "./extensions";
import { readName, type Name } from "./name";
import { decodePem } from "./pem";
import { readTime } from "./time";

/** A certificate that was read, not yet one that is believed. */
export interface Certificate {
    /** The whole certificate, for pinning and comparison. */
    readonly encoded: Uint8Array;
    /** The bytes that the issuer signed. */
    readonly signed: Uint8Array;
    readonly signatureAlgorithm: SignatureAlgorithm;
    readonly signature: Uint8Array;
    /** Magnitude of the serial number, big-endian, minimal. */
    readonly serial: Uint8Array;
    readonly issuer: Name;
    readonly subject: Name;
    /** Milliseconds since the epoch. */
    readonly notBefore: number;
    /** Milliseconds since the epoch. */
    readonly notAfter: number;
    readonly publicKey: PublicKey;
    readonly extensions: Extensions;
    readonly ca: boolean;
    readonly pathLength: number | null;
    /** Named bits, or null when the extension is absent. */
    readonly keyUsage: number | null;
    readonly subjectKeyIdentifier: Uint8Array | null;
    readonly authorityKeyIdentifier: Uint8Array | null;
}

const MAX_CERTIFICATE = 8192;
const VERSION_3 = 2;
// RFC 5280 §4.1.2.2: at most 20 octets, of which a leading zero is not part of the magnitude.
const MAX_SERIAL = 20;

/**
 * Reads one certificate.
 *
 * @param der - the whole document
 * @param document - its name in refusals, such as `PCK certificate`
 * @throws EvidenceRefused for anything that the profiles do not contain
 */
export function parseCertificate(der: Uint8Array, document: string): Certificate {
    if (der.length > MAX_CERTIFICATE) {
        throw malformed(document, `${der.length} bytes`, `at most ${MAX_CERTIFICATE} bytes`);
    }
    const outer = new DerReader(der, document).only(Tag.sequence, "certificate");
    const signed = outer.read(Tag.sequence, "signed part");
    const signatureAlgorithm = readSignatureAlgorithm(outer, "signature algorithm");
    const signature = outer.bitStringBytes("signature");
    outer.end("certificate");

    const fields = new DerReader(signed.content, document);
    const versionField = fields.enter(Tag.context(0), "version");
    const version = versionField.smallInteger("version");
    versionField.end("version");
    if (version !== VERSION_3) {
        throw fields.error("version", String(version), String(VERSION_3));
    }
    const serial = fields.unsigned("serial number", MAX_SERIAL);
    const innerAlgorithm = readSignatureAlgorithm(fields, "signature algorithm");
    if (innerAlgorithm !== signatureAlgorithm) {
        throw fields.error("signature algorithm", `${innerAlgorithm} inside, ${signatureAlgorithm} outside`, "the same twice");
    }
    const issuer = readName(fields, "issuer");
    const validity = fields.enter(Tag.sequence, "validity");
    const notBefore = readTime(validity, "not before");
    const notAfter = readTime(validity, "not after");
    validity.end("validity");
    const subject = readName(fields, "subject");
    const publicKey = readPublicKey(fields, "public key");
    const extensionField = fields.enter(Tag.context(3), "extensions");
    const extensions = readExtensions(extensionField, "extensions");
    extensionField.end("extensions");
    fields.end("signed part");

    return {
        encoded: der,
        signed: signed.encoded,
        signatureAlgorithm,
        signature,
        serial,
        issuer,
        subject,
        notBefore,
        notAfter,
        publicKey,
        extensions,
        ...basicConstraints(extensions, document),
        keyUsage: keyUsage(extensions, document),
        subjectKeyIdentifier: subjectKeyIdentifier(extensions, document),
        authorityKeyIdentifier: authorityKeyIdentifier(extensions, document),
    };
}

/**
 * Reads a chain of canonical PEM blocks, one for each name.
 *
 * @param pem - the blocks, leaf first
 * @param documents - names in refusals; also fixes how many there have to be
 */
export function parseCertificateChain(pem: string, documents: readonly string[]): Certificate[] {
    const chain = documents[0] ?? "certificate";
    const blocks = decodePem(pem, "CERTIFICATE", `${chain} chain`);
    if (blocks.length !== documents.length) {
        throw malformed(`${chain} chain`, `${blocks.length} certificates`, `${documents.length}: ${documents.join(", ")}`);
    }
    return blocks.map((der, index) => parseCertificate(der, documents[index] ?? chain));
}

// X.509 v2 certificate revocation lists (RFC 5280 §5), whole lists only.

import { equalBytes, hex } from "../bytes";
import { malformed, refuse } from "../refusal";
import { readSignatureAlgorithm, verifySigned, type SignatureAlgorithm } from "./algorithm";
import type { Certificate } from "./certificate";
import { DerReader, Tag } from "./der";
import { authorityKeyIdentifier, ExtensionId, KeyUsage, readExtensions, type Extensions } from "./extensions";
import { readName, type Name } from "./name";
import { checkValidity, readTime } from "./time";

/** A revocation list that was read, not yet one that is believed. */
export interface RevocationList {
    readonly document: string;
    readonly signed: Uint8Array;
    readonly signatureAlgorithm: SignatureAlgorithm;
    readonly signature: Uint8Array;
    readonly issuer: Name;
    /** Milliseconds since the epoch. */
    readonly thisUpdate: number;
    /** Milliseconds since the epoch. */
    readonly nextUpdate: number;
    /** Revoked serial numbers, lower-case hexadecimal of the minimal magnitude. */
    readonly revoked: ReadonlySet<string>;
    readonly authorityKeyIdentifier: Uint8Array | null;
}

const MAX_LIST = 4 << 20;
const VERSION_2 = 1;
const ENTRY_EXTENSIONS: ReadonlySet<string> = new Set([ExtensionId.reasonCode, ExtensionId.invalidityDate]);
const LIST_EXTENSIONS: ReadonlySet<string> = new Set([ExtensionId.crlNumber, ExtensionId.authorityKeyIdentifier]);

/**
 * Reads one revocation list. Lists without nextUpdate, delta lists and partial lists are refused.
 *
 * @param der - the whole document
 * @param document - its name in refusals, such as `PCK CRL`
 */
export function parseRevocationList(der: Uint8Array, document: string): RevocationList {
    if (der.length > MAX_LIST) {
        throw malformed(document, `${der.length} bytes`, `at most ${MAX_LIST} bytes`);
    }
    const outer = new DerReader(der, document).only(Tag.sequence, "list");
    const signed = outer.read(Tag.sequence, "signed part");
    const signatureAlgorithm = readSignatureAlgorithm(outer, "signature algorithm");
    const signature = outer.bitStringBytes("signature");
    outer.end("list");

    const fields = new DerReader(signed.content, document);
    const version = fields.smallInteger("version");
    const innerAlgorithm = readSignatureAlgorithm(fields, "signature algorithm");
    if (version !== VERSION_2 || innerAlgorithm !== signatureAlgorithm) {
        throw fields.error("version", `version ${version}, ${innerAlgorithm}`, `version ${VERSION_2}, ${signatureAlgorithm}`);
    }
    const issuer = readName(fields, "issuer");
    const thisUpdate = readTime(fields, "this update");
    const nextUpdate = readTime(fields, "next update");
    const revoked = readEntries(fields);
    const extensions = readListExtensions(fields);
    fields.end("signed part");

    return {
        document, signed: signed.encoded, signatureAlgorithm, signature, issuer, thisUpdate, nextUpdate, revoked,
        authorityKeyIdentifier: authorityKeyIdentifier(extensions, document),
    };
}

function readEntries(fields: DerReader): ReadonlySet<string> {
    const revoked = new Set<string>();
    if (fields.peek() !== Tag.sequence) {
        return revoked;
    }
    const entries = fields.enter(Tag.sequence, "revoked certificates");
    do {
        const entry = entries.enter(Tag.sequence, "revoked certificate");
        const serial = hex(entry.unsigned("serial number", 20));
        readTime(entry, "revocation date");
        if (!entry.done) {
            refuseUnknownCritical(readExtensions(entry, "entry extensions"), ENTRY_EXTENSIONS, fields);
        }
        entry.end("revoked certificate");
        revoked.add(serial);
    } while (!entries.done);
    return revoked;
}

function readListExtensions(fields: DerReader): Extensions {
    if (fields.done) {
        return new Map();
    }
    const field = fields.enter(Tag.context(0), "extensions");
    const extensions = readExtensions(field, "extensions");
    field.end("extensions");
    refuseUnknownCritical(extensions, LIST_EXTENSIONS, fields);
    return extensions;
}

function refuseUnknownCritical(extensions: Extensions, known: ReadonlySet<string>, reader: DerReader): void {
    for (const [id, { critical }] of extensions) {
        if (critical && !known.has(id)) {
            throw reader.error("extensions", `the critical extension ${id}`, "no critical extension beyond the known ones");
        }
    }
}

/**
 * Believes a list at a time: signed by this CA, which may sign lists, and current.
 *
 * @param list - the list
 * @param ca - the certificate authority, already verified
 * @param at - verification time, milliseconds
 */
export function checkRevocationList(list: RevocationList, ca: Certificate, at: number): void {
    const { document } = list;
    if (!equalBytes(list.issuer.encoded, ca.subject.encoded)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: issuer`, `"${list.issuer.commonName}"`, `"${ca.subject.commonName}"`);
    }
    if (list.authorityKeyIdentifier !== null && ca.subjectKeyIdentifier !== null
        && !equalBytes(list.authorityKeyIdentifier, ca.subjectKeyIdentifier)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: authority key identifier`, hex(list.authorityKeyIdentifier), hex(ca.subjectKeyIdentifier));
    }
    if (!ca.ca || ca.keyUsage === null || (ca.keyUsage & KeyUsage.crlSign) === 0) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: issuer`, "a certificate that may not sign lists", "a CA with the CRL signing usage");
    }
    if (!verifySigned(ca.publicKey, list.signatureAlgorithm, list.signed, list.signature, document)) {
        throw refuse("AE-ATTEST-SIGNATURE", `${document}: signature`, "invalid", `a signature of "${ca.subject.commonName}"`);
    }
    checkValidity(document, list.thisUpdate, list.nextUpdate, at);
}

/**
 * Refuses a certificate that its issuer has revoked.
 *
 * @param certificate - the certificate
 * @param document - its name in the refusal
 * @param list - a list that {@link checkRevocationList} has believed; must be of the certificate's issuer
 */
export function checkNotRevoked(certificate: Certificate, document: string, list: RevocationList): void {
    if (!equalBytes(certificate.issuer.encoded, list.issuer.encoded)) {
        throw refuse("AE-ATTEST-CHAIN", `${list.document}: issuer`, `"${list.issuer.commonName}"`, `"${certificate.issuer.commonName}", who issued the ${document}`);
    }
    const serial = hex(certificate.serial);
    if (list.revoked.has(serial)) {
        throw refuse("AE-ATTEST-REVOKED", `${document}: serial number`, `${serial}, revoked by "${list.issuer.commonName}"`, "a certificate that is not revoked");
    }
}

// Certification paths with one role for each place: a certificate is only ever used for what it was issued for.

import { sha256 } from "@noble/hashes/sha2";
import { equalBytes, hex } from "../bytes";
import { refuse } from "../refusal";
import { verifySigned, type KeyType } from "./algorithm";
import type { Certificate } from "./certificate";
import { ExtensionId } from "./extensions";
import { checkValidity } from "./time";

/** What a certificate has to be to stand at one place of a path. */
export interface CertificateRole {
    /** Name in refusals, such as `PCK certificate`. */
    readonly document: string;
    /** The exact common names that this role may have. */
    readonly commonNames: readonly string[];
    readonly keyType: KeyType;
    /** Whether it is a certificate authority. */
    readonly ca: boolean;
    /** Key usage bits that have to be set; null when the profile has no key usage extension. */
    readonly keyUsage: number | null;
    /** Extensions beyond the standard ones that are understood where they are critical. */
    readonly understood?: readonly string[];
}

/** A trust anchor: SHA-256 of the root certificate's DER, lower-case hexadecimal. */
export type Fingerprint = string;

const STANDARD: readonly string[] = [ExtensionId.keyUsage, ExtensionId.basicConstraints, ExtensionId.crlDistributionPoints,
    ExtensionId.subjectKeyIdentifier, ExtensionId.authorityKeyIdentifier];

/** SHA-256 of a certificate's DER. */
export function fingerprint(der: Uint8Array): Fingerprint {
    return hex(sha256(der));
}

/**
 * Verifies a whole path: roles, names, key identifiers, signatures, validity, and the pinned root.
 *
 * @param path - leaf first, root last; as many certificates as roles
 * @param roles - the role of each place
 * @param anchors - accepted roots
 * @param at - verification time, milliseconds
 * @throws EvidenceRefused naming the certificate and the property
 */
export function verifyPath(path: readonly Certificate[], roles: readonly CertificateRole[], anchors: ReadonlySet<Fingerprint>, at: number): void {
    const root = path[path.length - 1];
    const rootRole = roles[roles.length - 1];
    if (root === undefined || rootRole === undefined || path.length !== roles.length) {
        throw refuse("AE-ATTEST-CHAIN", "certificate chain: length", String(path.length), String(roles.length));
    }
    // The hash covers every byte of the root, its signature of itself included, which therefore proves nothing more.
    if (!anchors.has(fingerprint(root.encoded))) {
        throw refuse("AE-ATTEST-CHAIN", `${rootRole.document}: fingerprint`, fingerprint(root.encoded), anchors.size === 0 ? "a pinned root, but none is" : [...anchors].join(" or "));
    }
    path.forEach((certificate, index) => {
        const role = roles[index] ?? rootRole;
        checkRole(certificate, role, index, at);
        const issuer = path[index + 1];
        if (issuer !== undefined) {
            checkIssued(certificate, issuer, role.document);
        }
    });
}

function checkRole(certificate: Certificate, role: CertificateRole, below: number, at: number): void {
    const { document } = role;
    if (!role.commonNames.includes(certificate.subject.commonName)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: common name`, `"${certificate.subject.commonName}"`, role.commonNames.map((name) => `"${name}"`).join(" or "));
    }
    if (certificate.publicKey.type !== role.keyType) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: key`, certificate.publicKey.type, role.keyType);
    }
    if (certificate.ca !== role.ca) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: CA flag`, String(certificate.ca), String(role.ca));
    }
    // `below` certificates stand under this one, of which the leaf is not counted (RFC 5280 §4.2.1.9).
    if (certificate.pathLength !== null && certificate.pathLength < below - 1) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: path length`, String(certificate.pathLength), `at least ${below - 1}`);
    }
    if (role.keyUsage !== null && (certificate.keyUsage === null || (certificate.keyUsage & role.keyUsage) !== role.keyUsage)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: key usage`, certificate.keyUsage === null ? "absent" : `bits ${certificate.keyUsage}`, `bits ${role.keyUsage}`);
    }
    for (const [id, { critical }] of certificate.extensions) {
        if (critical && !STANDARD.includes(id) && role.understood?.includes(id) !== true) {
            throw refuse("AE-ATTEST-CHAIN", `${document}: extensions`, `the critical extension ${id}`, "no critical extension beyond the known ones");
        }
    }
    checkValidity(document, certificate.notBefore, certificate.notAfter, at);
}

function checkIssued(certificate: Certificate, issuer: Certificate, document: string): void {
    if (!equalBytes(certificate.issuer.encoded, issuer.subject.encoded)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: issuer`, `"${certificate.issuer.commonName}"`, `"${issuer.subject.commonName}"`);
    }
    if (certificate.authorityKeyIdentifier !== null && issuer.subjectKeyIdentifier !== null
        && !equalBytes(certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier)) {
        throw refuse("AE-ATTEST-CHAIN", `${document}: authority key identifier`, hex(certificate.authorityKeyIdentifier), hex(issuer.subjectKeyIdentifier));
    }
    if (!verifySigned(issuer.publicKey, certificate.signatureAlgorithm, certificate.signed, certificate.signature, document)) {
        throw refuse("AE-ATTEST-SIGNATURE", `${document}: signature`, "invalid", `a signature of "${issuer.subject.commonName}"`);
    }
}

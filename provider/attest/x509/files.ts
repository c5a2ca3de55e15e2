// Certificates, revocation lists and public keys given as files, PEM or DER.

import { malformed } from "../refusal";
import { DerReader, Tag } from "./der";
import { decodePem } from "./pem";

/** What a file can hold. */
export type X509Kind = "certificate" | "list" | "publicKey";

/** One document of a file. */
export interface X509File {
    readonly kind: X509Kind;
    readonly der: Uint8Array;
}

const LABELS: Readonly<Record<string, X509Kind>> = { CERTIFICATE: "certificate", "X509 CRL": "list", "PUBLIC KEY": "publicKey" };
const PEM_START = "-----BEGIN ";

/**
 * Splits files into documents. A PEM file holds blocks of one label and nothing else; a DER file holds one document,
 * whose kind is told from its first fields. The documents themselves are not checked here.
 *
 * @param files - contents, each PEM or DER
 * @throws EvidenceRefused for a file that is neither
 */
export function readX509Files(files: readonly Uint8Array[]): X509File[] {
    return files.flatMap((file, index) => readFile(file, `file ${index + 1}`));
}

function readFile(file: Uint8Array, document: string): X509File[] {
    const text = Buffer.from(file).toString("latin1");
    if (!text.startsWith(PEM_START)) {
        return [{ kind: kindOf(file, document), der: file }];
    }
    const label = text.slice(PEM_START.length, text.indexOf("-----", PEM_START.length));
    const kind = LABELS[label];
    if (kind === undefined) {
        throw malformed(document, `a PEM block "${label.slice(0, 40)}"`, Object.keys(LABELS).map((known) => `"${known}"`).join(", "));
    }
    return decodePem(text, label, document).map((der) => ({ kind, der }));
}

function kindOf(der: Uint8Array, document: string): X509Kind {
    const outer = new DerReader(der, document).only(Tag.sequence, "document");
    const first = outer.enter(Tag.sequence, "first element");
    // TBSCertificate begins with [0] version, TBSCertList with its version, an AlgorithmIdentifier with an OID.
    switch (first.peek()) {
        case Tag.context(0):
            return "certificate";
        case Tag.integer:
            return "list";
        case Tag.oid:
            return "publicKey";
        default:
            throw malformed(document, "another DER document", "a certificate, a revocation list or a public key");
    }
}

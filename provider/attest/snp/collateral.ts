// What a SEV-SNP report is verified against: three certificates and a revocation list, from files or from AMD's service.

import { equalBytes, isZero } from "../bytes";
import type { AmdProduct } from "../collateral/kds";
import type { CollateralSources } from "../collateral/sources";
import { malformed, refuse } from "../refusal";
import { parseCertificate, type Certificate } from "../x509/certificate";
import { parseRevocationList, type RevocationList } from "../x509/crl";
import { readX509Files } from "../x509/files";
import { decodeTcb, possibleProducts } from "./extensions";
import type { SnpReport } from "./parse";

/** Certificates and list, read but not yet believed. */
export interface SnpCollateral {
    /** VCEK or VLEK. */
    readonly leaf: Certificate;
    /** ASK or ASVK. */
    readonly authority: Certificate;
    /** ARK. */
    readonly root: Certificate;
    readonly list: RevocationList | null;
}

/**
 * Sorts files into their places: the root signs itself, the authority is its only other CA, the leaf is no CA.
 *
 * @param files - leaf, authority and root certificate in any order and number of files, and at most one revocation list
 * @throws EvidenceRefused when one is missing or one too many
 */
export function readSnpCollateral(files: readonly Uint8Array[]): SnpCollateral {
    const documents = readX509Files(files);
    const keys = documents.filter(({ kind }) => kind === "publicKey");
    if (keys.length > 0) {
        throw malformed("SNP collateral", "a public key", "certificates and a revocation list");
    }
    const certificates = documents.filter(({ kind }) => kind === "certificate").map(({ der }, index) => parseCertificate(der, `certificate ${index + 1}`));
    const selfIssued = (certificate: Certificate): boolean => equalBytes(certificate.subject.encoded, certificate.issuer.encoded);
    const lists = documents.filter(({ kind }) => kind === "list").map(({ der }) => parseRevocationList(der, "AMD CRL"));
    if (lists.length > 1) {
        throw malformed("SNP collateral: revocation lists", String(lists.length), "one at most");
    }
    return {
        leaf: only(certificates.filter((certificate) => !certificate.ca && !selfIssued(certificate)), "VCEK or VLEK certificate"),
        authority: only(certificates.filter((certificate) => certificate.ca && !selfIssued(certificate)), "ASK or ASVK certificate"),
        root: only(certificates.filter(selfIssued), "ARK certificate"),
        list: lists[0] ?? null,
    };
}

function only(certificates: readonly Certificate[], document: string): Certificate {
    const [certificate] = certificates;
    if (certificate === undefined || certificates.length !== 1) {
        throw refuse("AE-ATTEST-COLLATERAL", document, certificate === undefined ? "missing" : `given ${certificates.length} times`, "given once");
    }
    return certificate;
}

/**
 * Obtains the certificates and list of a report from AMD's Key Distribution Service.
 *
 * A VLEK is not published: its holder, the cloud provider, hands it out with the report.
 *
 * @throws EvidenceRefused naming the document that cannot be had
 */
export async function fetchSnpCollateral(report: SnpReport, sources: CollateralSources, at: number): Promise<SnpCollateral> {
    if (report.signingKey === "VLEK") {
        throw refuse("AE-ATTEST-COLLATERAL", "VLEK certificate", "not published by AMD", "the certificate that the cloud provider gives with the report");
    }
    if (isZero(report.chipId)) {
        throw refuse("AE-ATTEST-COLLATERAL", "VCEK certificate", "a chip id masked by the host", "a chip id to ask AMD's service for, or the certificate as a file");
    }
    const { product, leaf } = await vcekOf(report, sources, at);
    const [chain, list] = await Promise.all([sources.kds.certificateChain(product, "vcek", at), sources.kds.revocationList(product, "vcek", at)]);
    return readSnpCollateral([leaf, new TextEncoder().encode(chain), list]);
}

// Where the report leaves the product open, the service knows the chip under the right one only.
async function vcekOf(report: SnpReport, sources: CollateralSources, at: number): Promise<{ product: AmdProduct; leaf: Uint8Array }> {
    const products = possibleProducts(report);
    const request = async (product: AmdProduct): Promise<{ product: AmdProduct; leaf: Uint8Array }> =>
        ({ product, leaf: await sources.kds.vcek(product, report.chipId, decodeTcb(product, report.reportedTcb, "REPORTED_TCB"), at) });
    let failure: unknown;
    for (const product of products) {
        try {
            return await request(product);
        } catch (error) {
            failure ??= error;
        }
    }
    throw failure;
}

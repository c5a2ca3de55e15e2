// SGX quote v3 (Intel SGX ECDSA Quote Library Reference, appendix A.4): header, report body, signature data, and no more.

import { openQuote, openSignatureData, readCertification, signedPart, type QuoteHeader } from "../dcap/quote";
import { parseReportBody, REPORT_BODY_LENGTH, type ReportBody } from "../dcap/report-body";
import type { SignedQuote } from "../dcap/verify";

const DOCUMENT = "SGX quote";
const TEE_SGX = 0;

/** A parsed SGX quote. */
export interface SgxQuote extends SignedQuote {
    readonly header: QuoteHeader;
    readonly body: ReportBody;
}

/**
 * Parses an SGX quote v3.
 *
 * @param bytes - exactly one quote
 * @throws EvidenceRefused for everything else, trailing bytes included
 */
export function parseSgxQuote(bytes: Uint8Array): SgxQuote {
    const { reader, header } = openQuote(bytes, DOCUMENT, [3], TEE_SGX);
    const body = parseReportBody(reader.take(REPORT_BODY_LENGTH, "report body"), DOCUMENT);
    const { signature, attestationKey, rest } = openSignatureData(reader, DOCUMENT);
    return {
        header,
        body,
        signedPart: signedPart(bytes, REPORT_BODY_LENGTH),
        signature,
        attestationKey,
        certification: readCertification(rest, DOCUMENT),
    };
}

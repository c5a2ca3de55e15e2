// TDX quotes v4 and v5 (Intel TDX DCAP Quoting Library, appendix A.3): header, body, signature data, and no more.

import { ByteReader } from "../bytes";
import { openQuote, openSignatureData, readCertification, signedPart, type Certification, type QuoteHeader } from "../dcap/quote";
import type { SignedQuote } from "../dcap/verify";
import { malformed, refuse } from "../refusal";
import { parseTdBody, TD_BODY_1_0, TD_BODY_1_5, type TdBody } from "./body";

const DOCUMENT = "TDX quote";
const TEE_TDX = 0x81;
const CERTIFICATION_QE_REPORT = 6;
/** Version 5 describes its body by type and size; type 1 would be an SGX report. */
const BODY_TYPES: Readonly<Record<number, number>> = { 2: TD_BODY_1_0, 3: TD_BODY_1_5 };
const BODY_DESCRIPTOR_LENGTH = 6;

/** A parsed TDX quote. */
export interface TdxQuote extends SignedQuote {
    readonly header: QuoteHeader;
    readonly body: TdBody;
}

/**
 * Parses a TDX quote v4 or v5.
 *
 * @param bytes - exactly one quote; the buffers of some drivers are larger than the quote, so cut them first
 * @throws EvidenceRefused for everything else, trailing bytes included
 */
export function parseTdxQuote(bytes: Uint8Array): TdxQuote {
    const { reader, header } = openQuote(bytes, DOCUMENT, [4, 5], TEE_TDX);
    const bodyLength = header.version === 4 ? TD_BODY_1_0 : readBodyDescriptor(reader);
    const body = parseTdBody(reader.take(bodyLength, "body"), DOCUMENT);
    const { signature, attestationKey, rest } = openSignatureData(reader, DOCUMENT);
    return {
        header,
        body,
        signedPart: signedPart(bytes, header.version === 4 ? bodyLength : BODY_DESCRIPTOR_LENGTH + bodyLength),
        signature,
        attestationKey,
        certification: readNestedCertification(rest),
    };
}

function readBodyDescriptor(reader: ByteReader): number {
    const type = reader.u16("body type");
    const size = reader.u32("body size");
    const expected = BODY_TYPES[type];
    if (expected === undefined) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${DOCUMENT}: body type`, String(type), "2 (TDX 1.0) or 3 (TDX 1.5)");
    }
    if (size !== expected) {
        throw malformed(`${DOCUMENT}: body size`, String(size), `${expected} for body type ${type}`);
    }
    return size;
}

/** From version 4 on, the QE report is itself certification data, of type 6, around data of type 5. */
function readNestedCertification(reader: ByteReader): Certification {
    const type = reader.u16("outer certification data type");
    if (type !== CERTIFICATION_QE_REPORT) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${DOCUMENT}: outer certification data type`, String(type), `${CERTIFICATION_QE_REPORT} (QE report)`);
    }
    const inner = reader.take(reader.u32("outer certification data length"), "outer certification data");
    reader.end();
    return readCertification(new ByteReader(inner, `${DOCUMENT} certification data`), DOCUMENT);
}

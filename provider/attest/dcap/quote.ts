// What SGX and TDX quotes have in common: the header, and the certification of the attestation key.
// Layout: Intel SGX ECDSA Quote Library Reference, appendix A.4 (v3); Intel TDX DCAP Quoting Library, appendix A.3 (v4, v5).

import { ByteReader, hex } from "../bytes";
import { malformed, refuse } from "../refusal";
import { parseCertificateChain, type Certificate } from "../x509/certificate";
import { parseReportBody, REPORT_BODY_LENGTH, type ReportBody } from "./report-body";

const QUOTE_HEADER_LENGTH = 48;
const ATTESTATION_KEY_P256 = 2;
const CERTIFICATION_PCK_CHAIN = 5;
const INTEL_QE_VENDOR = "939a7233f79c4ca9940a0db3957f0607";
// A quote with a three-certificate chain has some 5 KB.
const MAX_QUOTE = 16384;

/** Names of the certificates in a quote. */
export const PCK_CHAIN = ["PCK certificate", "PCK CA certificate", "SGX root certificate"] as const;

/** Header fields that verifiers or people look at. */
export interface QuoteHeader {
    readonly version: number;
    /** QE's and PCE's security versions in v3; reserved in later versions. */
    readonly qeSvn: number;
    readonly pceSvn: number;
    readonly userData: Uint8Array;
}

/** How the platform certifies the attestation key. */
export interface Certification {
    /** The quoting enclave's report and the bytes that its signature covers. */
    readonly qeReport: ReportBody;
    readonly qeReportBytes: Uint8Array;
    readonly qeReportSignature: Uint8Array;
    /** All of it is covered by the QE report. */
    readonly qeAuthenticationData: Uint8Array;
    /** PCK certificate, PCK CA, root. */
    readonly pckChain: readonly [Certificate, Certificate, Certificate];
}

/** Opens a quote and reads its header. */
export function openQuote(bytes: Uint8Array, document: string, versions: readonly number[], teeType: number): { reader: ByteReader; header: QuoteHeader } {
    if (bytes.length > MAX_QUOTE) {
        throw malformed(`${document}: length`, `${bytes.length} bytes`, `at most ${MAX_QUOTE} bytes`);
    }
    const reader = new ByteReader(bytes, document);
    const version = reader.u16("version");
    if (!versions.includes(version)) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${document}: version`, String(version), versions.join(" or "));
    }
    const keyType = reader.u16("attestation key type");
    if (keyType !== ATTESTATION_KEY_P256) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${document}: attestation key type`, String(keyType), `${ATTESTATION_KEY_P256} (ECDSA P-256)`);
    }
    const tee = reader.u32("TEE type");
    if (tee !== teeType) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${document}: TEE type`, `0x${tee.toString(16)}`, `0x${teeType.toString(16)}`);
    }
    const qeSvn = reader.u16("QE SVN");
    const pceSvn = reader.u16("PCE SVN");
    const vendor = hex(reader.take(16, "QE vendor id"));
    if (vendor !== INTEL_QE_VENDOR) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${document}: QE vendor id`, vendor, `${INTEL_QE_VENDOR} (Intel)`);
    }
    const userData = reader.take(20, "user data");
    return { reader, header: { version, qeSvn, pceSvn, userData } };
}

/** Reads the length-prefixed signature data, which has to fill the rest of the quote. */
export function openSignatureData(reader: ByteReader, document: string): { signature: Uint8Array; attestationKey: Uint8Array; rest: ByteReader } {
    const length = reader.u32("signature data length");
    if (length !== reader.remaining) {
        throw malformed(`${document}: signature data length`, `${length} with ${reader.remaining} bytes left`, "exactly the rest of the quote");
    }
    const rest = new ByteReader(reader.take(length, "signature data"), `${document} signature data`);
    reader.end();
    return { signature: rest.take(64, "quote signature"), attestationKey: rest.take(64, "attestation key"), rest };
}

/** Reads QE report, its signature, authentication data and PCK chain, up to the end of the data. */
export function readCertification(reader: ByteReader, document: string): Certification {
    const qeReportBytes = reader.take(REPORT_BODY_LENGTH, "QE report");
    const qeReportSignature = reader.take(64, "QE report signature");
    const qeAuthenticationData = reader.take(reader.u16("QE authentication data length"), "QE authentication data");
    const type = reader.u16("certification data type");
    if (type !== CERTIFICATION_PCK_CHAIN) {
        throw refuse("AE-ATTEST-UNSUPPORTED", `${document}: certification data type`, String(type), `${CERTIFICATION_PCK_CHAIN} (PCK certificate chain)`);
    }
    const chain = reader.take(reader.u32("certification data length"), "certification data");
    reader.end();
    return {
        qeReport: parseReportBody(qeReportBytes, "QE report"),
        qeReportBytes,
        qeReportSignature,
        qeAuthenticationData,
        pckChain: parsePckChain(chain),
    };
}

/** The header and body that the attestation key signs. */
export function signedPart(bytes: Uint8Array, bodyLength: number): Uint8Array {
    return bytes.subarray(0, QUOTE_HEADER_LENGTH + bodyLength);
}

function parsePckChain(bytes: Uint8Array): Certification["pckChain"] {
    // Intel's quoting library counts the terminating NUL of the text, others do not.
    const text = bytes[bytes.length - 1] === 0 ? bytes.subarray(0, -1) : bytes;
    const [leaf, ca, root] = parseCertificateChain(Buffer.from(text).toString("latin1"), PCK_CHAIN);
    if (leaf === undefined || ca === undefined || root === undefined) {
        throw malformed("PCK certificate chain", "incomplete", PCK_CHAIN.join(", "));
    }
    return [leaf, ca, root];
}

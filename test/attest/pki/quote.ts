// Quotes in Intel's layouts, from their fields.
import { createHash } from "node:crypto";
import { signRaw, type Keyring } from "./keys";

/** Fields of an SGX report body; absent ones are zero. */
export interface ReportFields {
    cpuSvn?: Uint8Array;
    miscSelect?: Uint8Array;
    attributes: Uint8Array;
    mrenclave: Uint8Array;
    mrsigner: Uint8Array;
    configId?: Uint8Array;
    isvProdId: number;
    isvSvn: number;
    configSvn?: number;
    reportData: Uint8Array;
}

/** Fields of a TD quote body; absent ones are zero. */
export interface TdFields {
    teeTcbSvn: Uint8Array;
    mrSignerSeam?: Uint8Array;
    seamAttributes?: Uint8Array;
    tdAttributes: Uint8Array;
    xfam: Uint8Array;
    mrtd: Uint8Array;
    mrConfigId?: Uint8Array;
    mrOwner?: Uint8Array;
    mrOwnerConfig?: Uint8Array;
    rtmr0?: Uint8Array;
    reportData: Uint8Array;
    /** Makes it a TDX 1.5 body. */
    update?: { teeTcbSvn2: Uint8Array; mrServiceTd?: Uint8Array };
}

/** Everything around the body. */
export interface QuoteFields {
    version: number;
    teeType: number;
    attestationKeyType: number;
    vendor: Uint8Array;
    userData: Uint8Array;
    /** Version 5 only. */
    bodyType: number;
    /** Version 5 only; null for the true one. */
    bodySize: number | null;
    qeReport: ReportFields;
    /** Null lets the report bind attestation key and authentication data as it should. */
    qeReportData: Uint8Array | null;
    qeAuthenticationData: Uint8Array;
    /** Added to the authentication data after the QE report was made. */
    authenticationDataGrowth: Uint8Array;
    certificationType: number;
    outerCertificationType: number;
    /** Names of keys. */
    attestationKey: string;
    quoteSigner: string;
    qeReportSigner: string;
    /** Whether the chain ends in a NUL, as Intel's library writes it. */
    terminated: boolean;
}

/** A field at an offset. */
type Placement = readonly [offset: number, bytes: Uint8Array | undefined];

function place(length: number, ...fields: readonly Placement[]): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const [offset, field] of fields) {
        if (field !== undefined) {
            bytes.set(field, offset);
        }
    }
    return bytes;
}

/** Little-endian, 16 bits. */
export function u16(value: number): Uint8Array {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
}

/** Little-endian, 32 bits. */
export function u32(value: number): Uint8Array {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
}

/** An SGX report body, 384 bytes. */
export function reportBody(report: ReportFields): Uint8Array {
    return place(384, [0, report.cpuSvn], [16, report.miscSelect], [48, report.attributes], [64, report.mrenclave], [128, report.mrsigner],
        [192, report.configId], [256, u16(report.isvProdId)], [258, u16(report.isvSvn)], [260, u16(report.configSvn ?? 0)], [320, report.reportData]);
}

/** A TD quote body, 584 or 648 bytes. */
export function tdBody(td: TdFields): Uint8Array {
    const { update } = td;
    return place(update === undefined ? 584 : 648, [0, td.teeTcbSvn], [64, td.mrSignerSeam], [112, td.seamAttributes], [120, td.tdAttributes],
        [128, td.xfam], [136, td.mrtd], [184, td.mrConfigId], [232, td.mrOwner], [280, td.mrOwnerConfig], [328, td.rtmr0], [520, td.reportData],
        [584, update?.teeTcbSvn2], [600, update?.mrServiceTd]);
}

/**
 * Signs a quote of any version around a body.
 *
 * @param pckChain - PEM, leaf first
 */
export function signQuote(fields: QuoteFields, body: Uint8Array, pckChain: string, keys: Keyring): Uint8Array {
    const point = keys.get(fields.attestationKey).point;
    const header = Buffer.concat([u16(fields.version), u16(fields.attestationKeyType), u32(fields.teeType), u32(0), fields.vendor, fields.userData]);
    const descriptor = fields.version === 5 ? [u16(fields.bodyType), u32(fields.bodySize ?? body.length)] : [];
    const signedPart = Buffer.concat([header, ...descriptor, body]);

    const bound = createHash("sha256").update(point).update(fields.qeAuthenticationData).digest();
    const qeReport = reportBody({ ...fields.qeReport, reportData: fields.qeReportData ?? bound });
    const authenticationData = Buffer.concat([fields.qeAuthenticationData, fields.authenticationDataGrowth]);
    const chain = Buffer.from(fields.terminated ? `${pckChain}\0` : pckChain, "latin1");
    const certification = Buffer.concat([
        qeReport, signRaw(keys.get(fields.qeReportSigner), qeReport),
        u16(authenticationData.length), authenticationData,
        u16(fields.certificationType), u32(chain.length), chain,
    ]);
    const nested = fields.version === 3 ? certification : Buffer.concat([u16(fields.outerCertificationType), u32(certification.length), certification]);
    const signatureData = Buffer.concat([signRaw(keys.get(fields.quoteSigner), signedPart), point, nested]);
    return Buffer.concat([signedPart, u32(signatureData.length), signatureData]);
}

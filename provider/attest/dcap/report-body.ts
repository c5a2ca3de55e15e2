// The SGX report body (Intel SDM vol. 3D, "REPORT structure"): 384 bytes in quotes and in QE reports.

import { ByteReader } from "../bytes";

/** Size of a report body, bytes. */
export const REPORT_BODY_LENGTH = 384;

/** Bits of the first byte of the attributes. */
export const Attribute = { init: 0x01, debug: 0x02, mode64: 0x04, provisionKey: 0x10, launchTokenKey: 0x20, cet: 0x40, kss: 0x80 } as const;

/** An enclave as the processor reports it. */
export interface ReportBody {
    readonly cpuSvn: Uint8Array;
    readonly miscSelect: Uint8Array;
    readonly isvExtProdId: Uint8Array;
    /** Flags (8 bytes), then the extended feature request mask (8 bytes). */
    readonly attributes: Uint8Array;
    readonly mrenclave: Uint8Array;
    readonly mrsigner: Uint8Array;
    readonly configId: Uint8Array;
    readonly isvProdId: number;
    readonly isvSvn: number;
    readonly configSvn: number;
    readonly isvFamilyId: Uint8Array;
    readonly reportData: Uint8Array;
}

/** Reads a report body; reserved fields have to be zero. */
export function parseReportBody(bytes: Uint8Array, document: string): ReportBody {
    const reader = new ByteReader(bytes, document);
    const cpuSvn = reader.take(16, "CPUSVN");
    const miscSelect = reader.take(4, "MISCSELECT");
    reader.zeros(12, "reserved bytes 20 to 31");
    const isvExtProdId = reader.take(16, "ISVEXTPRODID");
    const attributes = reader.take(16, "ATTRIBUTES");
    const mrenclave = reader.take(32, "MRENCLAVE");
    reader.zeros(32, "reserved bytes 96 to 127");
    const mrsigner = reader.take(32, "MRSIGNER");
    reader.zeros(32, "reserved bytes 160 to 191");
    const configId = reader.take(64, "CONFIGID");
    const isvProdId = reader.u16("ISVPRODID");
    const isvSvn = reader.u16("ISVSVN");
    const configSvn = reader.u16("CONFIGSVN");
    reader.zeros(42, "reserved bytes 262 to 303");
    const isvFamilyId = reader.take(16, "ISVFAMILYID");
    const reportData = reader.take(64, "REPORTDATA");
    reader.end();
    return { cpuSvn, miscSelect, isvExtProdId, attributes, mrenclave, mrsigner, configId, isvProdId, isvSvn, configSvn, isvFamilyId, reportData };
}

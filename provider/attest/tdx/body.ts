// The TD quote body (Intel TDX DCAP Quoting Library, appendix A.3.2): 584 bytes, or 648 for TDX 1.5.

import { ByteReader } from "../bytes";

/** Size of the body of TDX 1.0, the only one in version 4. */
export const TD_BODY_1_0 = 584;
/** Size of the body of TDX 1.5. */
export const TD_BODY_1_5 = 648;

/** A trust domain as the TDX module reports it. */
export interface TdBody {
    readonly teeTcbSvn: Uint8Array;
    readonly mrSeam: Uint8Array;
    readonly mrSignerSeam: Uint8Array;
    readonly seamAttributes: Uint8Array;
    readonly tdAttributes: Uint8Array;
    readonly xfam: Uint8Array;
    readonly mrtd: Uint8Array;
    readonly mrConfigId: Uint8Array;
    readonly mrOwner: Uint8Array;
    readonly mrOwnerConfig: Uint8Array;
    readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    readonly reportData: Uint8Array;
    /** Only in TDX 1.5: the TCB after updates that preserved the domain, and the hash of its service domains. */
    readonly update: { readonly teeTcbSvn2: Uint8Array; readonly mrServiceTd: Uint8Array } | null;
}

/** Reads a TD quote body of either size. */
export function parseTdBody(bytes: Uint8Array, document: string): TdBody {
    const reader = new ByteReader(bytes, document);
    const register = (name: string): Uint8Array => reader.take(48, name);
    const teeTcbSvn = reader.take(16, "TEE_TCB_SVN");
    const mrSeam = register("MRSEAM");
    const mrSignerSeam = register("MRSIGNERSEAM");
    const seamAttributes = reader.take(8, "SEAMATTRIBUTES");
    const tdAttributes = reader.take(8, "TDATTRIBUTES");
    const xfam = reader.take(8, "XFAM");
    const mrtd = register("MRTD");
    const mrConfigId = register("MRCONFIGID");
    const mrOwner = register("MROWNER");
    const mrOwnerConfig = register("MROWNERCONFIG");
    const rtmrs = [register("RTMR0"), register("RTMR1"), register("RTMR2"), register("RTMR3")] as const;
    const reportData = reader.take(64, "REPORTDATA");
    const update = bytes.length === TD_BODY_1_5 ? { teeTcbSvn2: reader.take(16, "TEE_TCB_SVN_2"), mrServiceTd: register("MRSERVICETD") } : null;
    reader.end();
    return { teeTcbSvn, mrSeam, mrSignerSeam, seamAttributes, tdAttributes, xfam, mrtd, mrConfigId, mrOwner, mrOwnerConfig, rtmrs, reportData, update };
}

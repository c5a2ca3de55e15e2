// Claims of an SGX quote.

import { hex } from "../bytes";
import { platformClaims, type DcapClaims } from "../dcap/claims";
import { Attribute } from "../dcap/report-body";
import type { VerifiedSgx } from "./verify";

/** Claims about an enclave. Byte strings are hexadecimal in the byte order of the report. */
export interface SgxClaims extends DcapClaims {
    readonly evidence: "sgx";
    readonly mrenclave: string;
    readonly mrsigner: string;
    readonly isvProdId: number;
    readonly isvSvn: number;
    readonly isvExtProdId: string;
    readonly isvFamilyId: string;
    readonly configId: string;
    readonly configSvn: number;
    /** 8 bytes of flags. */
    readonly attributes: string;
    /** 8 bytes of enabled processor state. */
    readonly xfrm: string;
    readonly miscSelect: string;
    readonly cpuSvn: string;
}

/** States the claims of a verified quote. */
export function sgxClaims({ quote: { body }, platform, level }: VerifiedSgx): SgxClaims {
    const flags = body.attributes[0] ?? 0;
    return {
        evidence: "sgx",
        ...platformClaims(platform, level, []),
        reportData: hex(body.reportData),
        measurement: hex(body.mrenclave),
        debug: (flags & Attribute.debug) === 0 ? "disabled" : "enabled",
        mrenclave: hex(body.mrenclave),
        mrsigner: hex(body.mrsigner),
        isvProdId: body.isvProdId,
        isvSvn: body.isvSvn,
        isvExtProdId: hex(body.isvExtProdId),
        isvFamilyId: hex(body.isvFamilyId),
        configId: hex(body.configId),
        configSvn: body.configSvn,
        attributes: hex(body.attributes.subarray(0, 8)),
        xfrm: hex(body.attributes.subarray(8)),
        miscSelect: hex(body.miscSelect),
        cpuSvn: hex(body.cpuSvn),
    };
}

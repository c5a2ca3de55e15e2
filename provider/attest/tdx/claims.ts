// Claims of a TDX quote.

import { hex } from "../bytes";
import { platformClaims, type DcapClaims } from "../dcap/claims";
import { TCB_STATUSES, type TcbStatus } from "../dcap/tcb-status";
import type { VerifiedTdx } from "./verify";

/** Claims about a trust domain. Byte strings are hexadecimal in the byte order of the report. */
export interface TdxClaims extends DcapClaims {
    readonly evidence: "tdx";
    readonly quoteVersion: number;
    readonly teeTcbSvn: string;
    /** Only in reports of TDX 1.5. */
    readonly teeTcbSvn2: string | null;
    /** The worst status of the TDX modules involved; null where the platform's level covers the module. */
    readonly moduleStatus: TcbStatus | null;
    readonly mrSeam: string;
    readonly mrSignerSeam: string;
    readonly seamAttributes: string;
    readonly tdAttributes: string;
    readonly xfam: string;
    readonly mrtd: string;
    readonly mrConfigId: string;
    readonly mrOwner: string;
    readonly mrOwnerConfig: string;
    readonly rtmr0: string;
    readonly rtmr1: string;
    readonly rtmr2: string;
    readonly rtmr3: string;
    /** Only in reports of TDX 1.5. */
    readonly mrServiceTd: string | null;
}

/** States the claims of a verified quote. */
export function tdxClaims({ quote: { header, body }, platform, states }: VerifiedTdx): TdxClaims {
    const modules = states.flatMap(({ moduleLevel }) => moduleLevel === null ? [] : [moduleLevel]);
    // With two states the worse platform level stands for the platform; the other one is a part like the modules.
    const [level, ...levels] = states.map((state) => state.level).sort((left, right) => rank(right.tcbStatus) - rank(left.tcbStatus));
    if (level === undefined) {
        throw new Error("a verified quote has at least one state");
    }
    return {
        evidence: "tdx",
        ...platformClaims(platform, level, [...levels, ...modules]),
        reportData: hex(body.reportData),
        measurement: hex(body.mrtd),
        // The whole first byte is "TD under debug".
        debug: body.tdAttributes[0] === 0 ? "disabled" : "enabled",
        quoteVersion: header.version,
        teeTcbSvn: hex(body.teeTcbSvn),
        teeTcbSvn2: body.update === null ? null : hex(body.update.teeTcbSvn2),
        moduleStatus: modules.map(({ tcbStatus }) => tcbStatus).sort((left, right) => rank(right) - rank(left))[0] ?? null,
        mrSeam: hex(body.mrSeam),
        mrSignerSeam: hex(body.mrSignerSeam),
        seamAttributes: hex(body.seamAttributes),
        tdAttributes: hex(body.tdAttributes),
        xfam: hex(body.xfam),
        mrtd: hex(body.mrtd),
        mrConfigId: hex(body.mrConfigId),
        mrOwner: hex(body.mrOwner),
        mrOwnerConfig: hex(body.mrOwnerConfig),
        rtmr0: hex(body.rtmrs[0]),
        rtmr1: hex(body.rtmrs[1]),
        rtmr2: hex(body.rtmrs[2]),
        rtmr3: hex(body.rtmrs[3]),
        mrServiceTd: body.update === null ? null : hex(body.update.mrServiceTd),
    };
}

function rank(status: TcbStatus): number {
    return TCB_STATUSES.indexOf(status);
}

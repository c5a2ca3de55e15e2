// Claims about an Intel platform, common to SGX and TDX.

import type { Claims } from "../evidence";
import { combineStatus, type TcbStatus } from "./tcb-status";
import type { VerifiedPlatform } from "./verify";

/** Platform claims of SGX and TDX quotes. */
export interface DcapClaims extends Claims {
    readonly platform: string;
    readonly measurement: string;
    readonly status: TcbStatus;
    /** When the platform's TCB level was defined, an instant. */
    readonly tcbDate: string;
    readonly tcbEvaluationDataNumber: number;
    /** Status of the platform alone. */
    readonly platformStatus: TcbStatus;
    /** Status of the quoting enclave alone. */
    readonly qeStatus: TcbStatus;
    readonly qeSvn: number;
    readonly fmspc: string;
    readonly pceId: string;
    readonly pceSvn: number;
    /** Null on single-package platforms, whose certificates do not say. */
    readonly dynamicPlatform: boolean | null;
    readonly cachedKeys: boolean | null;
    readonly smt: boolean | null;
}

/** A part of the TCB with a status of its own. */
export interface TcbPart {
    readonly tcbStatus: TcbStatus;
    readonly tcbDate: string;
    readonly advisoryIDs: readonly string[];
}

/**
 * The platform's part of the claims.
 *
 * @param level - the level that the platform reaches
 * @param parts - further parts (TDX module); the quoting enclave is added here
 */
export function platformClaims(verified: VerifiedPlatform, level: TcbPart, parts: readonly TcbPart[]): Omit<DcapClaims, "evidence" | "measurement" | "reportData" | "debug"> {
    const { pck, qeLevel } = verified;
    const all = [level, ...parts, qeLevel];
    return {
        assurance: verified.assurance,
        platform: pck.platformInstanceId ?? pck.ppid,
        status: all.map(({ tcbStatus }) => tcbStatus).reduce(combineStatus),
        advisories: [...new Set(all.flatMap(({ advisoryIDs }) => advisoryIDs))].sort(),
        tcbDate: level.tcbDate,
        tcbEvaluationDataNumber: verified.tcbEvaluationDataNumber,
        platformStatus: level.tcbStatus,
        qeStatus: qeLevel.tcbStatus,
        qeSvn: verified.qeSvn,
        fmspc: pck.fmspc,
        pceId: pck.pceId,
        pceSvn: pck.pceSvn,
        dynamicPlatform: pck.configuration?.dynamicPlatform ?? null,
        cachedKeys: pck.configuration?.cachedKeys ?? null,
        smt: pck.configuration?.smtEnabled ?? null,
    };
}

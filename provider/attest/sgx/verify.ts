// Verification of SGX quotes: what DCAP quotes share, and the platform's TCB level.

import type { DcapCollateral } from "../dcap/collateral";
import type { SgxTcbInfo } from "../dcap/schemas";
import { belowEveryLevel, reachesSgx, verifyQuote, type VerifiedPlatform } from "../dcap/verify";
import type { VerificationContext } from "../evidence";
import type { SgxQuote } from "./parse";
import type { SgxPolicy } from "./policy";

/** An SGX quote that verified. */
export interface VerifiedSgx {
    readonly quote: SgxQuote;
    readonly platform: VerifiedPlatform;
    /** The first level that the platform reaches, which decides its status. */
    readonly level: SgxTcbInfo["tcbLevels"][number];
}

/** Verifies an SGX quote; see {@link verifyQuote}. */
export function verifySgxQuote(quote: SgxQuote, collateral: DcapCollateral<SgxTcbInfo>, context: VerificationContext<SgxPolicy>): VerifiedSgx {
    const platform = verifyQuote(quote, collateral, "QE", context, "sgx");
    const level = collateral.tcbInfo.content.tcbLevels.find(({ tcb }) => reachesSgx(platform.pck, tcb));
    if (level === undefined) {
        throw belowEveryLevel(platform.pck);
    }
    return { quote, platform, level };
}

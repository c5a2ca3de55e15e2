// Verification of TDX quotes: what DCAP quotes share, the TDX module's identity, and both TCB levels.

import { equalBytes, fromHex, hex } from "../bytes";
import type { DcapCollateral } from "../dcap/collateral";
import { checkMasked, matchIsvLevel } from "../dcap/quoting-enclave";
import type { IsvLevel, TdxTcbInfo } from "../dcap/schemas";
import { belowEveryLevel, reaches, reachesSgx, verifyQuote, type VerifiedPlatform } from "../dcap/verify";
import type { VerificationContext } from "../evidence";
import { refuse } from "../refusal";
import type { TdxQuote } from "./parse";
import type { TdxPolicy } from "./policy";

type TdxLevel = TdxTcbInfo["tcbLevels"][number];

/** State of the platform for one TEE_TCB_SVN. */
export interface TdxState {
    readonly level: TdxLevel;
    /** Null for modules of major version 0, which the platform's level covers. */
    readonly moduleLevel: IsvLevel | null;
}

/** A TDX quote that verified. */
export interface VerifiedTdx {
    readonly quote: TdxQuote;
    readonly platform: VerifiedPlatform;
    /** At launch; and after updates that preserved the domain, where the report tells. */
    readonly states: readonly TdxState[];
}

/** Verifies a TDX quote; see {@link verifyQuote}. */
export function verifyTdxQuote(quote: TdxQuote, collateral: DcapCollateral<TdxTcbInfo>, context: VerificationContext<TdxPolicy>): VerifiedTdx {
    const platform = verifyQuote(quote, collateral, "TD_QE", context, "tdx");
    const info = collateral.tcbInfo.content;
    const { body } = quote;
    const tcbs = body.update === null ? [body.teeTcbSvn] : [body.teeTcbSvn, body.update.teeTcbSvn2];
    return { quote, platform, states: tcbs.map((teeTcbSvn) => stateOf(quote, platform, teeTcbSvn, info)) };
}

/** The major version of the module selects its identity: 0 the platform's, others `TDX_xx` with levels of their own. */
function stateOf(quote: TdxQuote, platform: VerifiedPlatform, teeTcbSvn: Uint8Array, info: TdxTcbInfo): TdxState {
    const [minor = 0, major = 0] = teeTcbSvn;
    const id = `TDX_${hex(Uint8Array.of(major)).toUpperCase()}`;
    const module = info.tdxModuleIdentities.find((candidate) => candidate.id === id);
    const identity = major === 0 ? info.tdxModule : module;
    if (identity === undefined) {
        throw refuse("AE-ATTEST-TCB", "TDX module: identity", id, info.tdxModuleIdentities.map((known) => known.id).join(" or ") || "a listed module");
    }
    const { mrSignerSeam, seamAttributes } = quote.body;
    if (!equalBytes(mrSignerSeam, fromHex(identity.mrsigner, "TDX module"))) {
        throw refuse("AE-ATTEST-TCB", "TDX module: MRSIGNERSEAM", hex(mrSignerSeam), identity.mrsigner);
    }
    // None is defined for production modules, so none is let pass where a mask leaves it open (Intel's QVL does the same).
    if (seamAttributes.some((byte) => byte !== 0)) {
        throw refuse("AE-ATTEST-TCB", "TDX module: SEAMATTRIBUTES", hex(seamAttributes), "0".repeat(2 * seamAttributes.length));
    }
    checkMasked("TDX module: SEAMATTRIBUTES", seamAttributes, identity.attributes, identity.attributesMask);
    const moduleLevel = major === 0 || module === undefined ? null : matchIsvLevel(module.tcbLevels, minor, "TDX module: version");

    // With a module identity, its levels judge the first two components, which are the module's version.
    const from = major === 0 ? 0 : 2;
    const level = info.tcbLevels.find(({ tcb }) => reachesSgx(platform.pck, tcb) && reaches([...teeTcbSvn], tcb.tdxtcbcomponents, from));
    if (level === undefined) {
        throw belowEveryLevel(platform.pck);
    }
    return { level, moduleLevel };
}

// Intel TDX: quote versions 4 and 5 with ECDSA P-256.

import { parseDcapCollateral, readDcapFile, type DcapCollateral } from "../dcap/collateral";
import { pckCaOf } from "../dcap/chain";
import { readPckPlatform } from "../dcap/pck";
import { tdxTcbInfoSchema, type TdxTcbInfo } from "../dcap/schemas";
import type { EvidenceType } from "../evidence";
import { appraiseTdx } from "./appraise";
import { tdxClaims, type TdxClaims } from "./claims";
import { parseTdxQuote, type TdxQuote } from "./parse";
import { tdxPolicySchema, tdxReferencesSchema, type TdxPolicy, type TdxReferences } from "./policy";
import { verifyTdxQuote, type VerifiedTdx } from "./verify";

/** The type `tdx`. Collateral files: one, in the shape that `readDcapFile` describes. */
export const tdx: EvidenceType<TdxQuote, DcapCollateral<TdxTcbInfo>, VerifiedTdx, TdxClaims, TdxPolicy, TdxReferences> = {
    name: "tdx",
    policy: tdxPolicySchema,
    references: tdxReferencesSchema,
    reportDataLength: 64,
    parse: parseTdxQuote,
    readCollateral: (files) => parseDcapCollateral(readDcapFile(files), tdxTcbInfoSchema),
    async fetchCollateral({ certification: { pckChain: [pck] } }, { pcs }, at) {
        const { fmspc } = readPckPlatform(pck, "PCK certificate");
        return parseDcapCollateral(await pcs.collateral("tdx", fmspc, pckCaOf(pck), at), tdxTcbInfoSchema);
    },
    verify: verifyTdxQuote,
    claims: tdxClaims,
    appraise: appraiseTdx,
};

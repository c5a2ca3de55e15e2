// Intel SGX: DCAP quote version 3 with ECDSA P-256.

import { parseDcapCollateral, readDcapFile, type DcapCollateral } from "../dcap/collateral";
import { pckCaOf } from "../dcap/chain";
import { readPckPlatform } from "../dcap/pck";
import { sgxTcbInfoSchema, type SgxTcbInfo } from "../dcap/schemas";
import type { EvidenceType } from "../evidence";
import { appraiseSgx } from "./appraise";
import { sgxClaims, type SgxClaims } from "./claims";
import { parseSgxQuote, type SgxQuote } from "./parse";
import { sgxPolicySchema, sgxReferencesSchema, type SgxPolicy, type SgxReferences } from "./policy";
import { verifySgxQuote, type VerifiedSgx } from "./verify";

/** The type `sgx`. Collateral files: one, in the shape that `readDcapFile` describes. */
export const sgx: EvidenceType<SgxQuote, DcapCollateral<SgxTcbInfo>, VerifiedSgx, SgxClaims, SgxPolicy, SgxReferences> = {
    name: "sgx",
    policy: sgxPolicySchema,
    references: sgxReferencesSchema,
    reportDataLength: 64,
    parse: parseSgxQuote,
    readCollateral: (files) => parseDcapCollateral(readDcapFile(files), sgxTcbInfoSchema),
    async fetchCollateral({ certification: { pckChain: [pck] } }, { pcs }, at) {
        const { fmspc } = readPckPlatform(pck, "PCK certificate");
        return parseDcapCollateral(await pcs.collateral("sgx", fmspc, pckCaOf(pck), at), sgxTcbInfoSchema);
    },
    verify: verifySgxQuote,
    claims: sgxClaims,
    appraise: appraiseSgx,
};

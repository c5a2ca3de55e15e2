// SGX and TDX: the rows that are compared with the npm package too, and genuine samples at the edges of their validity.
import { evidenceTypes } from "../../../provider/attest/registry";
import { parseTrust } from "../../../provider/attest/policy";
import { verifyEvidence } from "../../../provider/attest/verifier";
import { build, NOW, sgxWorld, tdxWorld, type World } from "../pki/intel";
import { judge } from "../pki/judge";
import { agreedRows } from "./agreed-rows";
import { describeVerdict, hexOf, type Case, type Known } from "./case";
import { certificateRows } from "./certificate-rows";
import { quoteRows } from "./quote-rows";

const STATUS_CLAIMS: readonly string[] = ["status", "advisories"];
const appraisal = (claim: string): boolean => STATUS_CLAIMS.includes(claim);
const collateralOf = (file: Uint8Array): unknown => JSON.parse(Buffer.from(file).toString("utf8"));

/** Worlds of the test PKI, one case a row and TEE. */
export function dcapCases(): Case[] {
    return [...agreedRows, ...certificateRows, ...quoteRows].flatMap(({ input, tees, change }) => tees.map((tee): Case => {
        const world: World = tee === "sgx" ? sgxWorld() : tdxWorld();
        change(world);
        const { quote, file, root } = build(world);
        const verdict = judge(world);
        return {
            name: `${tee}: ${input}`,
            ours: describeVerdict(verdict, appraisal),
            detail: verdict.reasons.map(({ claim }) => claim).join(", "),
            request: { kind: "dcap", quote: hexOf(quote), collateral: collateralOf(file), root: hexOf(root), at: NOW / 1000 },
        };
    }));
}

/** The genuine samples, at the first and last second of their validity and beside them. */
export function genuineDcapCases(read: (name: string) => Uint8Array): Case[] {
    return GENUINE.flatMap(({ tee, file, length, times }) => times.map((time): Case => {
        const quote = read(`${file}.bin`).subarray(0, length);
        const collateral = read(`${file}.collateral.json`);
        const at = Date.parse(time);
        const options = { trust: parseTrust({}), roots: { assurance: "hardware" } as const, at, reportData: null, references: null };
        const verdict = tee === "sgx" ? verifyEvidence(evidenceTypes.sgx, quote, [collateral], options) : verifyEvidence(evidenceTypes.tdx, quote, [collateral], options);
        return {
            name: `${tee}: the genuine quote at ${time}`,
            ours: describeVerdict(verdict, appraisal),
            detail: verdict.reasons.map(({ claim }) => claim).join(", "),
            request: { kind: "dcap", quote: hexOf(quote), collateral: collateralOf(collateral), root: "", at: at / 1000 },
        };
    }));
}

const GENUINE = [
    { tee: "sgx", file: "sgx-quote-v3", length: 4600, times: ["2025-06-19T10:56:10Z", "2025-06-19T10:56:11Z", "2025-07-01T00:00:00Z", "2025-07-19T10:01:18Z", "2025-07-19T10:01:19Z"] },
    { tee: "tdx", file: "tdx-quote-v4", length: 4936, times: ["2025-06-19T10:32:26Z", "2025-06-19T10:32:27Z", "2025-07-01T00:00:00Z", "2025-07-19T10:00:35Z", "2025-07-19T10:00:36Z"] },
] as const;

const FORM = "theirs does without what it cannot read or does not need; ours knows one form of a chain and a quote, so that no byte can vary";
const APPRAISAL = "theirs leaves attributes to its caller; ours appraises them by the default policy";
const AUTHENTICATION = "the length stands in the quote (Intel, SGX ECDSA Quote Library Reference, A.4), and Intel's Quote.cpp takes any; theirs knows the 32 bytes of today's QE";
const REVOKED = "the same decision; ours still states what it found";

/** Disagreements by the name of the case, or by the row for both TEEs. */
export const dcapKnown: Readonly<Record<string, Known>> = {
    "a root whose path length forbids the intermediate": { right: "ours", why: "RFC 5280, 4.2.1.9, for a root that states its own limit" },
    "a PCK certificate with the name of the TCB signer": { right: "ours", why: "Intel's QuoteVerifier.cpp, step 4.1.2.4.4: the name has to say that it is a PCK certificate" },
    "a PCK certificate as signer of the TCB information": { right: "ours", why: "whoever holds a PCK could state any TCB level; only the name tells the roles apart" },
    "a leaf that may not sign data": { right: "ours", why: "RFC 5280, 4.2.1.3" },
    "a leaf with an unknown critical extension": { right: "ours", why: "RFC 5280, 4.2: must be rejected" },
    "a chain without its root": { right: "either", why: FORM },
    "a chain with its root twice": { right: "either", why: FORM },
    "a chain with CR LF": { right: "either", why: FORM },
    "a PCK CRL of the future": { right: "ours", why: "a list counts from its thisUpdate on; theirs looks at its end only" },
    "no certificates for the PCK CRL's issuer": { right: "either", why: "theirs takes the CA of the quote; ours wants the collateral whole" },
    "QE authentication data of 16 bytes, bound as it should be": { right: "ours", why: AUTHENTICATION },
    "QE authentication data of 40 bytes, bound as it should be": { right: "ours", why: AUTHENTICATION },
    "QE report data with a tail after the hash": { right: "ours", why: "the report data is the hash and 32 zero bytes" },
    "70 bytes after a quote": { right: "either", why: FORM },
    "a reserved byte of the report that is set": { right: "either", why: "the byte is signed; ours does not pretend to understand fields it does not know" },
    "outer certification data of type 5": { right: "ours", why: "what follows is laid out as type 6, and type 5 is a chain in PEM" },
    "TCB information of another PCEID": { right: "ours", why: "Intel's QuoteVerifier.cpp, step 4.1.2.4.10, compares FMSPC and PCEID" },
    "another TCB type": { right: "ours", why: "the type says how levels are compared, and only type 0 is defined" },
    "TCB information of version 2 in the layout of version 3": { right: "ours", why: "version 2 has other members" },
    "an unknown member of the TCB information": { right: "either", why: "the document is signed; ours waits until somebody knows what the member means" },
    "a revoked level": { right: "either", why: REVOKED },
    "a revoked module": { right: "either", why: REVOKED },
    "an enclave with the provisioning key": { right: "either", why: APPRAISAL },
    "a domain with performance monitoring": { right: "either", why: APPRAISAL },
    "a domain with unknown processor state": { right: "either", why: APPRAISAL },
    "TDX 1.5 whose current module is older than that at launch": {
        right: "either", why: "Intel's TDRelaunchCheck.cpp looks at TEE_TCB_SVN_2 only where the launch is out of date; ours takes the worse of the two, as the domain depends on both",
    },
    "tdx: the genuine quote at 2025-07-19T10:00:35Z": { right: "either", why: "RFC 5280, 5.1.2.5: the next list comes no later than nextUpdate; ours still takes that second, theirs ends before it" },
};

// Disagreements about quotes, TCB information, QE identity and status.
import { createHash } from "node:crypto";
import type { World } from "../pki/intel";
import { BOTH, bytes, type Row } from "./row";

const accepted = { tees: BOTH, theirs: "UpToDate" } as const;
const sgxAccepted = { ...accepted, tees: ["sgx"] } as const;
const tdxAccepted = { ...accepted, tees: ["tdx"] } as const;

const APPRAISAL = "theirs returns what it found and leaves the appraisal to its caller; ours appraises by the default policy, and both state the same";
const CONVERGENCE = "an outdated QE on a platform that needs configuration is OutOfDateConfigurationNeeded (convergeTcbStatusWithQeTcbStatus in Intel's TcbLevelCheck.cpp); the worse of the two alone loses the configuration";
const MODULE = "theirs does not judge the TDX module: neither its signer and attributes nor the identities in the TCB information";

/** Makes it version 5 with the body of TDX 1.5. */
function toTdx15(world: World, current: Uint8Array): void {
    world.quote.version = 5;
    world.quote.bodyType = 3;
    world.td!.update = { teeTcbSvn2: current };
}

const formRows: readonly Row[] = [
    {
        ...accepted, input: "QE authentication data that grew", ours: "refused: QE report: report data", right: "ours",
        why: "theirs hashes the first 32 bytes and ignores the rest, which is then bound to nothing",
        change: (world) => { world.quote.authenticationDataGrowth = bytes("00"); },
    },
    ...[16, 40].map((length): Row => ({
        input: `QE authentication data of ${length} bytes, bound as it should be`, tees: BOTH, ours: "UpToDate", theirs: "refused: QE report hash mismatch", right: "ours",
        why: "the quote carries the length of the authentication data; 32 is only what Intel's QE writes today",
        change: (world) => { world.quote.qeAuthenticationData = new Uint8Array(length).fill(1); },
    })),
    {
        ...accepted, input: "QE report data with a tail after the hash", ours: "refused: QE report: report data", right: "ours",
        why: "the report data is the hash and 32 zero bytes",
        change(world) {
            const hash = createHash("sha256").update(world.keys.get("attestation").point).update(world.quote.qeAuthenticationData).digest();
            world.quote.qeReportData = Buffer.concat([hash, bytes(`${"00".repeat(31)}01`)]);
        },
    },
    {
        ...accepted, input: "another QE vendor", ours: "refused: SGX quote: QE vendor id", tees: ["sgx"], right: "ours",
        why: "signature data and QE identity are in the form of Intel's QE, and say nothing of another's",
        change: (world) => { world.quote.vendor = new Uint8Array(16); },
    },
    {
        ...accepted, input: "70 bytes after a quote", ours: "refused: SGX quote: signature data length", tees: ["sgx"], right: "either",
        why: "theirs never reads them; ours accounts for every byte, so that one quote has one form",
        change: (world) => { world.alter.quote = (quote) => Buffer.concat([quote, new Uint8Array(70)]); },
    },
    {
        ...sgxAccepted, input: "a reserved byte of the report that is set", ours: "refused: SGX quote: reserved bytes 20 to 31", right: "either",
        why: "the byte is signed; ours does not pretend to understand a report with fields it does not know",
        change: (world) => { world.body.miscSelect = bytes("0000000001"); },
    },
    {
        ...tdxAccepted, input: "a body size of 0 in version 5", ours: "refused: TDX quote: body size", right: "ours",
        why: "theirs does not compare the size with the type's",
        change(world) { world.quote.version = 5; world.quote.bodySize = 0; },
    },
    {
        ...tdxAccepted, input: "outer certification data of type 5", ours: "refused: TDX quote: outer certification data type", right: "ours",
        why: "what follows is laid out as type 6, and type 5 is a chain in PEM",
        change: (world) => { world.quote.outerCertificationType = 5; },
    },
];

const documentRows: readonly Row[] = [
    {
        ...accepted, input: "TCB information of another PCEID", ours: "refused: TCB info: PCEID", right: "ours",
        why: "the PCESVN of another PCE says nothing; Intel's QuoteVerifier.cpp, step 4.1.2.4.10, compares FMSPC and PCEID",
        change: (world) => { world.tcbInfo["pceId"] = "0001"; },
    },
    {
        ...accepted, input: "a next update that is no date", ours: "refused: TCB info: nextUpdate", right: "ours",
        why: "theirs compares with NaN, so that the document never expires",
        change: (world) => { world.tcbInfo.nextUpdate = "never"; },
    },
    {
        ...accepted, input: "another TCB type", ours: "refused: TCB info: tcbType", right: "ours",
        why: "the type says how levels are compared, and only type 0 is defined",
        change: (world) => { world.tcbInfo["tcbType"] = 1; },
    },
    {
        ...sgxAccepted, input: "TCB information of version 2 in the layout of version 3", ours: "refused: TCB info: version", right: "ours",
        why: "version 2 has other members",
        change: (world) => { world.tcbInfo["version"] = 2; },
    },
    {
        ...accepted, input: "an unknown member of the TCB information", ours: "refused: TCB info: ", right: "either",
        why: "the document is signed; ours waits until somebody knows what the member means",
        change: (world) => { world.tcbInfo["further"] = true; },
    },
    {
        input: "a TCB component of 256", tees: BOTH, ours: "refused: TCB info: tcbLevels.0.tcb.sgxtcbcomponents.3.svn", theirs: "OutOfDate INTEL-SA-00828", right: "ours",
        why: "a component is one byte; theirs passes on to the next level",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcb.sgxtcbcomponents[3]!.svn = 256; },
    },
];

const statusRows: readonly Row[] = [
    {
        input: "an outdated platform", tees: BOTH, ours: "OutOfDate; refused: status, advisories", theirs: "OutOfDate INTEL-SA-00828", right: "either", why: APPRAISAL,
        change: (world) => { world.facts.components[0] = 3; },
    },
    {
        input: "an outdated QE", tees: BOTH, ours: "OutOfDate; refused: status, advisories", theirs: "OutOfDate INTEL-SA-00615", right: "either", why: APPRAISAL,
        change: (world) => { world.quote.qeReport.isvSvn = 7; },
    },
    ...["ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"].map((status): Row => ({
        input: `an outdated QE on a platform of status ${status}`, tees: BOTH,
        ours: "OutOfDateConfigurationNeeded; refused: status, advisories", theirs: "OutOfDate INTEL-SA-00615", right: "ours", why: CONVERGENCE,
        change(world) { world.tcbInfo.tcbLevels[0].tcbStatus = status; world.quote.qeReport.isvSvn = 7; },
    })),
    {
        input: "a revoked level", tees: BOTH, ours: "Revoked; refused: status", theirs: "refused: TCB status is invalid: Revoked", right: "either",
        why: "the same decision; ours still states what it found",
        change: (world) => { world.tcbInfo.tcbLevels[0].tcbStatus = "Revoked"; },
    },
    {
        ...sgxAccepted, input: "an enclave with the provisioning key", ours: "UpToDate; refused: attributes.PROVISIONKEY", right: "either", why: APPRAISAL,
        change: (world) => { world.body.attributes = bytes("1500000000000000e700000000000000"); },
    },
    {
        ...tdxAccepted, input: "a domain with performance monitoring", ours: "UpToDate; refused: tdAttributes.PERFMON", right: "either", why: APPRAISAL,
        change: (world) => { world.td!.tdAttributes = bytes("0000001000000080"); },
    },
    {
        ...tdxAccepted, input: "a domain with unknown processor state", ours: "UpToDate; refused: xfam", right: "either", why: APPRAISAL,
        change: (world) => { world.td!.xfam = bytes("e702060000000080"); },
    },
];

const moduleRows: readonly Row[] = [
    {
        ...tdxAccepted, input: "another SEAM signer", ours: "refused: TDX module: MRSIGNERSEAM", right: "ours", why: MODULE,
        change: (world) => { world.td!.mrSignerSeam = bytes("01".repeat(48)); },
    },
    {
        ...tdxAccepted, input: "SEAM attributes that are set", ours: "refused: TDX module: SEAMATTRIBUTES", right: "ours", why: MODULE,
        change: (world) => { world.td!.seamAttributes = bytes("0100000000000000"); },
    },
    {
        ...tdxAccepted, input: "a module without identity", ours: "refused: TDX module: identity", right: "ours", why: MODULE,
        change: (world) => { world.td!.teeTcbSvn = bytes("06030200000000000000000000000000"); },
    },
    {
        ...tdxAccepted, input: "a revoked module", ours: "Revoked; refused: status", right: "ours", why: MODULE,
        change: (world) => { world.tcbInfo.tdxModuleIdentities![0].tcbLevels[0].tcbStatus = "Revoked"; },
    },
    {
        input: "an outdated module", tees: ["tdx"], ours: "OutOfDate; refused: status", theirs: "refused: No matching TCB level found", right: "ours",
        why: "bytes 0 and 1 are the module's version, judged by its identity; the platform's levels are compared from byte 2 on (isTdxTcbHigherOrEqual in Intel's TcbLevelCheck.cpp)",
        change: (world) => { world.td!.teeTcbSvn = bytes("03010200000000000000000000000000"); },
    },
    {
        ...tdxAccepted, input: "TDX 1.5 whose current module is older than that at launch", ours: "OutOfDate; refused: status", right: "either",
        why: "Intel's TDRelaunchCheck.cpp looks at TEE_TCB_SVN_2 only where the launch is out of date; ours takes the worse of the two, as the domain depends on both",
        change: (world) => toTdx15(world, bytes("03010200000000000000000000000000")),
    },
];

/** Quotes, signed documents and status. */
export const quoteRows: readonly Row[] = [...formRows, ...documentRows, ...statusRows, ...moduleRows];

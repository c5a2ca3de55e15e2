// What both verifiers decide alike, so that a disagreement means something.
import { NOW } from "../pki/intel";
import { authority, issueCertificate, signsCertificates } from "../pki/x509";
import { BOTH, bytes, type Row } from "./row";

type Agreed = Omit<Row, "right" | "why">;

const before = (at: number): string => new Date(at - 1000).toISOString().replace(".000Z", "Z");

/** Agreed outcomes, each verifier in its own words. */
export const agreedRows: readonly Agreed[] = [
    { input: "nothing wrong", tees: BOTH, ours: "UpToDate", theirs: "UpToDate", change: () => undefined },
    { input: "no NUL after the chain", tees: BOTH, ours: "UpToDate", theirs: "UpToDate", change: (world) => { world.quote.terminated = false; } },
    { input: "version 5", tees: ["tdx"], ours: "UpToDate", theirs: "UpToDate", change: (world) => { world.quote.version = 5; } },
    {
        input: "a quote signed by another key", tees: BOTH, ours: "refused: quote: signature", theirs: "refused: ISV enclave report signature is invalid",
        change: (world) => { world.quote.quoteSigner = "other"; },
    },
    {
        input: "a QE report signed by another key", tees: BOTH, ours: "refused: QE report: signature", theirs: "refused: Signature is invalid for qe_report in quote",
        change: (world) => { world.quote.qeReportSigner = "other"; },
    },
    {
        input: "TCB information signed by another key", tees: BOTH, ours: "refused: TCB info: signature", theirs: "refused: Signature is invalid for tcb_info",
        change: (world) => { world.jsonSigner = "other"; },
    },
    {
        input: "expired TCB information", tees: BOTH, ours: "refused: TCB info: validity", theirs: "refused: TCBInfo expired",
        change: (world) => { world.tcbInfo.nextUpdate = before(NOW); },
    },
    {
        input: "TCB information of another FMSPC", tees: BOTH, ours: "refused: TCB info: FMSPC", theirs: "refused: Fmspc mismatch",
        change: (world) => { world.tcbInfo["fmspc"] = "00A067110001"; },
    },
    {
        input: "a root that is not pinned", tees: BOTH, ours: "refused: SGX root certificate: fingerprint",
        theirs: "refused: Failed to verify certificate chain - intermediate signature invalid",
        change(world) {
            const pretender = { ...world.root, key: "pretender", signer: "pretender" };
            world.pckCa.signer = "pretender";
            world.alter.certificates = ([pck, ca]) => [pck!, ca!, issueCertificate(pretender, world.keys)];
        },
    },
    {
        input: "an expired leaf", tees: BOTH, ours: "refused: PCK certificate: validity", theirs: "refused: Certificate is expired or not yet valid",
        change: (world) => { world.pck.notAfter = NOW - 1000; },
    },
    {
        input: "a CA as leaf", tees: BOTH, ours: "refused: PCK certificate: CA flag", theirs: "refused: CaUsedAsEndEntity",
        change: (world) => { world.pck.extensions = [{ ...signsCertificates, value: bytes("03020186") }, authority(0)]; },
    },
    {
        input: "a revoked PCK", tees: BOTH, ours: "refused: PCK certificate: serial number", theirs: "refused: Certificate is revoked",
        change: (world) => { world.pckCrl.revoked.push(world.pck.serial); },
    },
    {
        input: "a revoked intermediate", tees: BOTH, ours: "refused: PCK CA certificate: serial number", theirs: "refused: Certificate is revoked",
        change: (world) => { world.rootCrl.revoked.push(world.pckCa.serial); },
    },
    {
        input: "a QE in debug mode that the identity's mask lets pass", tees: BOTH, ours: "refused: QE report: ATTRIBUTES.DEBUG", theirs: "refused: Debug mode is enabled",
        change(world) {
            world.quote.qeReport.attributes = bytes("1700000000000000e700000000000000");
            world.qeIdentity["attributesMask"] = "F9FFFFFFFFFFFFFF0000000000000000";
        },
    },
    {
        input: "a debug enclave", tees: ["sgx"], ours: "UpToDate; refused: debug", theirs: "refused: Debug mode is enabled",
        change: (world) => { world.body.attributes = bytes("0700000000000000e700000000000000"); },
    },
    {
        input: "a platform below every level", tees: BOTH, ours: "refused: TCB level", theirs: "refused: No matching TCB level found",
        change: (world) => { world.facts.components[0] = 2; },
    },
    {
        input: "SEPT_VE_DISABLE clear", tees: ["tdx"], ours: "UpToDate; refused: tdAttributes.SEPT_VE_DISABLE", theirs: "refused: SEPT_VE_DISABLE is not enabled",
        change: (world) => { world.td!.tdAttributes = bytes("0000000000000000"); },
    },
];

// Disagreements about certificates and revocation lists.
import { NOW } from "../pki/intel";
import { authority, endEntity, signsCertificates, signsData } from "../pki/x509";
import { BOTH, bytes, type Row } from "./row";

const accepted = { tees: BOTH, theirs: "UpToDate" } as const;
const LISTS = "a revocation list counts only if its issuer signed it and it is current (RFC 5280, 6.3.3); theirs reads serial numbers out of whatever it gets";

/** Certificates and lists. */
export const certificateRows: readonly Row[] = [
    {
        ...accepted, input: "an intermediate that says it is no CA", ours: "refused: PCK CA certificate: CA flag", right: "ours",
        why: "RFC 5280, 6.1.4 (k); theirs looks at the flag of the leaf only",
        change: (world) => { world.pckCa.extensions = [signsCertificates, endEntity]; },
    },
    {
        ...accepted, input: "an intermediate without basic constraints", ours: "refused: PCK CA certificate: CA flag", right: "ours",
        why: "RFC 5280, 6.1.4 (k)",
        change: (world) => { world.pckCa.extensions = [signsCertificates]; },
    },
    {
        ...accepted, input: "an intermediate that may not sign certificates", ours: "refused: PCK CA certificate: key usage", right: "ours",
        why: "RFC 5280, 6.1.4 (n)",
        change: (world) => { world.pckCa.extensions = [signsData, authority(0)]; },
    },
    {
        ...accepted, input: "a root whose path length forbids the intermediate", ours: "refused: SGX root certificate: path length", right: "ours",
        why: "RFC 5280, 4.2.1.9, for a root that states its own limit",
        change: (world) => { world.root.extensions = [signsCertificates, authority(0)]; },
    },
    {
        ...accepted, input: "a leaf whose issuer is not the name of the intermediate", ours: "refused: PCK certificate: issuer", right: "ours",
        why: "RFC 5280, 6.1.3 (a)(4)",
        change: (world) => { world.pck.issuer = "Intel SGX PCK Processor CA"; },
    },
    {
        ...accepted, input: "a PCK certificate with the name of the TCB signer", ours: "refused: PCK certificate: common name", right: "ours",
        why: "the root issues for several purposes, and only the name tells them apart",
        change: (world) => { world.pck.subject = "Intel SGX TCB Signing"; },
    },
    {
        ...accepted, input: "a PCK certificate as signer of the TCB information", ours: "refused: TCB info signing certificate: common name", right: "ours",
        why: "as above: whoever holds one such key could state any TCB level",
        change(world) {
            world.tcbSigning = { ...world.pck, issuer: world.root.subject, signer: "root" };
            world.jsonSigner = "pck";
        },
    },
    {
        ...accepted, input: "a leaf that may not sign data", ours: "refused: PCK certificate: key usage", right: "ours",
        why: "RFC 5280, 4.2.1.3",
        change: (world) => { world.pck.extensions = [signsCertificates, endEntity]; },
    },
    {
        ...accepted, input: "a leaf with a repeated extension", ours: "refused: PCK certificate: extensions", right: "ours",
        why: "RFC 5280, 4.2: no more than one instance",
        change: (world) => { world.pck.extensions.push(endEntity); },
    },
    {
        ...accepted, input: "a leaf with an unknown critical extension", ours: "refused: PCK certificate: extensions", right: "ours",
        why: "RFC 5280, 4.2: must be rejected",
        change: (world) => { world.pck.extensions.push({ id: "2.5.29.30", critical: true, value: bytes("3000") }); },
    },
    {
        ...accepted, input: "a chain without its root", ours: "refused: PCK certificate chain", right: "either",
        why: "theirs ends at the pinned root all the same; ours knows one form of a chain, so that no byte of it can vary",
        change: (world) => { world.alter.certificates = (chain) => chain.slice(0, 2); },
    },
    {
        ...accepted, input: "a chain with its root twice", ours: "refused: PCK certificate chain", right: "either",
        why: "as above",
        change: (world) => { world.alter.certificates = (chain) => [...chain, chain[2]!]; },
    },
    {
        ...accepted, input: "a chain with CR LF", ours: "refused: PCK certificate chain", right: "either",
        why: "RFC 7468 allows both ends of line; Intel writes LF, and ours knows one form",
        change: (world) => { world.alter.pckChain = (pem) => pem.replaceAll("\n", "\r\n"); },
    },
    {
        ...accepted, input: "an expired PCK CRL", ours: "refused: PCK CRL: validity", right: "ours", why: LISTS,
        change: (world) => { world.pckCrl.nextUpdate = NOW - 1000; },
    },
    {
        ...accepted, input: "an expired root CA CRL", ours: "refused: root CA CRL: validity", right: "ours", why: LISTS,
        change: (world) => { world.rootCrl.nextUpdate = NOW - 1000; },
    },
    {
        ...accepted, input: "a PCK CRL of the future", ours: "refused: PCK CRL: validity", right: "ours", why: LISTS,
        change: (world) => { world.pckCrl.thisUpdate = NOW + 1000; },
    },
    {
        ...accepted, input: "a PCK CRL with a bad signature", ours: "refused: PCK CRL: signature", right: "ours", why: LISTS,
        change: (world) => { world.pckCrl.signer = "other"; },
    },
    {
        ...accepted, input: "a root CA CRL with a bad signature", ours: "refused: root CA CRL: signature", right: "ours", why: LISTS,
        change: (world) => { world.rootCrl.signer = "other"; },
    },
    {
        ...accepted, input: "an empty PCK CRL", ours: "refused: PCK CRL: list", right: "ours",
        why: "theirs ignores a list that it cannot read, and then nothing is revoked",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, pckCrl: new Uint8Array(0) }); },
    },
    {
        ...accepted, input: "the root CA CRL in place of the PCK CRL", ours: "refused: PCK CRL: issuer", right: "ours", why: LISTS,
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, pckCrl: collateral.rootCaCrl }); },
    },
    {
        ...accepted, input: "no certificates for the PCK CRL's issuer", ours: "refused: PCK CRL issuer certificate chain", right: "ours",
        why: "theirs never reads them, as it verifies no list",
        change: (world) => { world.alter.collateral = (collateral) => ({ ...collateral, pckCrlIssuerChain: "nothing" }); },
    },
    {
        input: "the PCK's serial number in the list of another issuer", tees: BOTH, ours: "UpToDate", theirs: "refused: Certificate is revoked", right: "ours",
        why: "a serial number is unique within one issuer (RFC 5280, 4.1.2.2), and the root's list is not about certificates of the PCK CA",
        change: (world) => { world.rootCrl.revoked.push(world.pck.serial); },
    },
];

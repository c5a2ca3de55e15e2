// The nine documents beside a quote, as read from a file or from the service; nothing in them is believed yet.

import { z } from "zod";
import { fromHex } from "../bytes";
import type { PcsCollateral } from "../collateral/pcs";
import { refuse } from "../refusal";
import { parseCertificateChain, type Certificate } from "../x509/certificate";
import { parseRevocationList, type RevocationList } from "../x509/crl";
import { qeIdentitySchema, type QeIdentity, type TcbInfo } from "./schemas";
import { parseCanonicalJson } from "./signed-json";

/** A signed document: what it says, and the text that is signed. */
export interface SignedDocument<T> {
    readonly content: T;
    readonly text: string;
    readonly signature: string;
    /** Signer and root. */
    readonly chain: readonly [Certificate, Certificate];
}

/** Collateral of one quote, read. */
export interface DcapCollateral<Info extends TcbInfo> {
    readonly pckCrl: RevocationList;
    /** PCK CA and root. */
    readonly pckCrlChain: readonly [Certificate, Certificate];
    readonly rootCrl: RevocationList;
    readonly tcbInfo: SignedDocument<Info>;
    readonly qeIdentity: SignedDocument<QeIdentity>;
}

// The shape of the published samples: texts of the service's answers, lists in hexadecimal.
const fileSchema = z.strictObject({
    pck_crl_issuer_chain: z.string(),
    root_ca_crl: z.string(),
    pck_crl: z.string(),
    tcb_info_issuer_chain: z.string(),
    tcb_info: z.string(),
    tcb_info_signature: z.string(),
    qe_identity_issuer_chain: z.string(),
    qe_identity: z.string(),
    qe_identity_signature: z.string(),
});

const FILE_INDENT = 2;

/** Reads collateral from one file: JSON with the nine documents, indented by two, without a final line end. */
export function readDcapFile(files: readonly Uint8Array[]): PcsCollateral {
    const [file] = files;
    if (file === undefined || files.length !== 1) {
        throw refuse("AE-ATTEST-COLLATERAL", "collateral", `${files.length} files`, "one JSON file with TCB information, QE identity and revocation lists");
    }
    // Text that is not UTF-8 decodes to replacement characters, which the canonical forms below refuse.
    const json = parseCanonicalJson(Buffer.from(file).toString("utf8"), fileSchema, "collateral", FILE_INDENT);
    return {
        pckCrlIssuerChain: json.pck_crl_issuer_chain,
        rootCaCrl: fromHex(json.root_ca_crl, "root CA CRL"),
        pckCrl: fromHex(json.pck_crl, "PCK CRL"),
        tcbInfoIssuerChain: json.tcb_info_issuer_chain,
        tcbInfo: json.tcb_info,
        tcbInfoSignature: json.tcb_info_signature,
        qeIdentityIssuerChain: json.qe_identity_issuer_chain,
        qeIdentity: json.qe_identity,
        qeIdentitySignature: json.qe_identity_signature,
    };
}

/** Writes collateral as such a file. */
export function writeDcapFile(collateral: PcsCollateral): Uint8Array {
    const json: z.infer<typeof fileSchema> = {
        pck_crl_issuer_chain: collateral.pckCrlIssuerChain,
        root_ca_crl: Buffer.from(collateral.rootCaCrl).toString("hex"),
        pck_crl: Buffer.from(collateral.pckCrl).toString("hex"),
        tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
        tcb_info: collateral.tcbInfo,
        tcb_info_signature: collateral.tcbInfoSignature,
        qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
        qe_identity: collateral.qeIdentity,
        qe_identity_signature: collateral.qeIdentitySignature,
    };
    return Buffer.from(JSON.stringify(json, null, FILE_INDENT), "utf8");
}

/** Reads every document strictly. */
export function parseDcapCollateral<Info extends TcbInfo>(raw: PcsCollateral, tcbInfoSchema: z.ZodType<Info>): DcapCollateral<Info> {
    const tcbInfoChain = twoCertificates(raw.tcbInfoIssuerChain, "TCB info signing certificate");
    return {
        pckCrl: parseRevocationList(raw.pckCrl, "PCK CRL"),
        pckCrlChain: twoCertificates(raw.pckCrlIssuerChain, "PCK CRL issuer certificate"),
        rootCrl: parseRevocationList(raw.rootCaCrl, "root CA CRL"),
        tcbInfo: {
            content: parseCanonicalJson(raw.tcbInfo, tcbInfoSchema, "TCB info"),
            text: raw.tcbInfo,
            signature: raw.tcbInfoSignature,
            chain: tcbInfoChain,
        },
        qeIdentity: {
            content: parseCanonicalJson(raw.qeIdentity, qeIdentitySchema, "QE identity"),
            text: raw.qeIdentity,
            signature: raw.qeIdentitySignature,
            // Usually the same text, then read once.
            chain: raw.qeIdentityIssuerChain === raw.tcbInfoIssuerChain ? tcbInfoChain : twoCertificates(raw.qeIdentityIssuerChain, "QE identity signing certificate"),
        },
    };
}

function twoCertificates(pem: string, document: string): readonly [Certificate, Certificate] {
    const [signer, root] = parseCertificateChain(pem, [document, "SGX root certificate"]);
    if (signer === undefined || root === undefined) {
        throw refuse("AE-ATTEST-COLLATERAL", document, "absent", "signer and root");
    }
    return [signer, root];
}

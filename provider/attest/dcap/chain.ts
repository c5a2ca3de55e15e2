// Certification paths and revocation of the DCAP infrastructure: each certificate in its one role.

import type { PckCa } from "../collateral/pcs";
import { equalBytes } from "../bytes";
import { refuse } from "../refusal";
import type { Certificate } from "../x509/certificate";
import { checkNotRevoked, checkRevocationList, type RevocationList } from "../x509/crl";
import { KeyUsage } from "../x509/extensions";
import { verifyPath, type CertificateRole, type Fingerprint } from "../x509/path";
import type { DcapCollateral } from "./collateral";
import type { TcbInfo } from "./schemas";
import { PCK_CHAIN } from "./quote";

const ROOT_CA = "Intel SGX Root CA";
const TCB_SIGNING = "Intel SGX TCB Signing";
const PCK = "Intel SGX PCK Certificate";
const PCK_CAS: Readonly<Record<string, PckCa>> = {
    "Intel SGX PCK Processor CA": "processor",
    "Intel SGX PCK Platform CA": "platform",
};

const CA_USAGE = KeyUsage.certificateSign | KeyUsage.crlSign;

function role(document: string, commonNames: readonly string[], ca: boolean): CertificateRole {
    return { document, commonNames, keyType: "P-256", ca, keyUsage: ca ? CA_USAGE : KeyUsage.digitalSignature };
}

const rootRole = role(PCK_CHAIN[2], [ROOT_CA], true);
const pckRoles = [role(PCK_CHAIN[0], [PCK], false), role(PCK_CHAIN[1], Object.keys(PCK_CAS), true), rootRole];

/** Which authority issued a PCK certificate, by its common name. */
export function pckCaOf(certificate: Certificate): PckCa {
    const ca = PCK_CAS[certificate.issuer.commonName];
    if (ca === undefined) {
        throw refuse("AE-ATTEST-CHAIN", "PCK certificate: issuer", `"${certificate.issuer.commonName}"`, Object.keys(PCK_CAS).map((name) => `"${name}"`).join(" or "));
    }
    return ca;
}

/**
 * Verifies the PCK chain and every issuer chain, both revocation lists, and that nothing is revoked.
 *
 * @param pckChain - PCK, PCK CA, root, as the quote carries them
 * @param anchors - pinned roots
 * @param at - verification time, milliseconds
 */
export function verifyChains(pckChain: readonly [Certificate, Certificate, Certificate], collateral: DcapCollateral<TcbInfo>, anchors: ReadonlySet<Fingerprint>, at: number): void {
    const [pck, pckCa, root] = pckChain;
    verifyPath(pckChain, pckRoles, anchors, at);

    checkRevocationList(collateral.rootCrl, root, at);
    checkNotRevoked(pckCa, PCK_CHAIN[1], collateral.rootCrl);
    checkRevocationList(collateral.pckCrl, pckCa, at);
    checkNotRevoked(pck, PCK_CHAIN[0], collateral.pckCrl);

    // The list came with its issuer's chain: it has to be the authority of this very quote.
    const [listIssuer] = collateral.pckCrlChain;
    const listIssuerName = "PCK CRL issuer certificate";
    verifyPath(collateral.pckCrlChain, [role(listIssuerName, [pckCa.subject.commonName], true), rootRole], anchors, at);
    checkNotRevoked(listIssuer, listIssuerName, collateral.rootCrl);
    if (!equalBytes(listIssuer.publicKey.spki, pckCa.publicKey.spki)) {
        throw refuse("AE-ATTEST-CHAIN", `${listIssuerName}: key`, "another key", "the key of the PCK CA certificate in the quote");
    }

    const { tcbInfo, qeIdentity } = collateral;
    verifySigner(tcbInfo.chain, "TCB info signing certificate", collateral.rootCrl, anchors, at);
    if (qeIdentity.chain !== tcbInfo.chain) {
        verifySigner(qeIdentity.chain, "QE identity signing certificate", collateral.rootCrl, anchors, at);
    }
}

function verifySigner(chain: readonly [Certificate, Certificate], name: string, rootCrl: RevocationList, anchors: ReadonlySet<Fingerprint>, at: number): void {
    verifyPath(chain, [role(name, [TCB_SIGNING], false), rootRole], anchors, at);
    checkNotRevoked(chain[0], name, rootCrl);
}

// SEV-SNP verification: certificate path, revocation, the leaf's extensions, and the report's signature.

import type { AmdProduct, AmdTcb } from "../collateral/kds";
import { anchorsOf, type Assurance, type VerificationContext } from "../evidence";
import { refuse } from "../refusal";
import { AMD_ROOTS } from "../roots";
import { verifyEcdsa } from "../x509/algorithm";
import { checkNotRevoked, checkRevocationList } from "../x509/crl";
import { KeyUsage } from "../x509/extensions";
import { fingerprint, verifyPath, type CertificateRole, type Fingerprint } from "../x509/path";

import type { SnpCollateral } from "./collateral";
import { checkEndorsedPlatform, checkProcessor, decodeTcb, PRODUCTS } from "./extensions";
import type { SnpReport } from "./parse";
import type { SnpPolicy } from "./policy";

/** A report whose signature and chain hold. */
export interface VerifiedSnp {
    readonly report: SnpReport;
    readonly assurance: Assurance;
    readonly product: AmdProduct;
    readonly tcb: Readonly<Record<"reported" | "committed" | "launch" | "current", AmdTcb>>;
    readonly cspId: string | null;
    /** Whether a current revocation list was checked. */
    readonly revocationChecked: boolean;
}

/**
 * Verifies a report. The product line is the root's; everything else has to agree with it.
 *
 * @throws EvidenceRefused at the first check that fails
 */
export function verifySnp(report: SnpReport, collateral: SnpCollateral, { at, roots, policy }: VerificationContext<SnpPolicy>): VerifiedSnp {
    const { leaf, authority, root } = collateral;
    const product = productOf(root.subject.commonName);
    const vendor = new Set<Fingerprint>([AMD_ROOTS[product]]);
    verifyPath([leaf, authority, root], rolesOf(product, report.signingKey), anchorsOf(roots, vendor, fingerprint), at);

    const revocationChecked = checkRevocation(collateral, policy, at);
    const { tcb, cspId } = checkEndorsedPlatform(product, leaf, report, policy.maskedChipId);
    checkProcessor(product, report);
    if (!verifyEcdsa(leaf.publicKey, report.signed, report.signature)) {
        throw refuse("AE-ATTEST-SIGNATURE", "SNP report: signature", "invalid", `a signature of the ${report.signingKey}`);
    }
    return {
        report,
        assurance: roots.assurance,
        product,
        tcb: {
            reported: tcb,
            committed: decodeTcb(product, report.committedTcb, "COMMITTED_TCB"),
            launch: decodeTcb(product, report.launchTcb, "LAUNCH_TCB"),
            current: decodeTcb(product, report.currentTcb, "CURRENT_TCB"),
        },
        cspId,
        revocationChecked,
    };
}

function productOf(rootName: string): AmdProduct {
    const product = PRODUCTS.find((name) => rootName === `ARK-${name}`);
    if (product === undefined) {
        throw refuse("AE-ATTEST-CHAIN", "ARK certificate: common name", `"${rootName}"`, PRODUCTS.map((name) => `"ARK-${name}"`).join(" or "));
    }
    return product;
}

function rolesOf(product: AmdProduct, signingKey: SnpReport["signingKey"]): readonly CertificateRole[] {
    const vlek = signingKey === "VLEK";
    return [
        { document: `${signingKey} certificate`, commonNames: [`SEV-${signingKey}`], keyType: "P-384", ca: false, keyUsage: null },
        {
            document: vlek ? "ASVK certificate" : "ASK certificate", commonNames: [vlek ? `SEV-VLEK-${product}` : `SEV-${product}`],
            keyType: "RSA-4096", ca: true, keyUsage: KeyUsage.certificateSign,
        },
        { document: "ARK certificate", commonNames: [`ARK-${product}`], keyType: "RSA-4096", ca: true, keyUsage: KeyUsage.certificateSign | KeyUsage.crlSign },
    ];
}

// The ARK's list names revoked ASKs and ASVKs; AMD revokes a VCEK by raising the TCB.
function checkRevocation({ authority, root, list }: SnpCollateral, policy: SnpPolicy, at: number): boolean {
    if (list === null) {
        if (policy.revocation === "required") {
            throw refuse("AE-ATTEST-COLLATERAL", "AMD CRL", "missing", "the revocation list that the ARK signs", "authentic:trust.snp.revocation");
        }
        return false;
    }
    checkRevocationList(list, root, at);
    checkNotRevoked(authority, "ASK or ASVK certificate", list);
    return true;
}

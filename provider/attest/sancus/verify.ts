// Sancus verification: the MAC under the key of the module as it was built.

import { spongentMac } from "../../crypto/spongent";
import { equalBytes } from "../bytes";
import type { Assurance, VerificationContext } from "../evidence";
import { malformed, refuse } from "../refusal";
import type { SancusEvidence } from "./parse";
import type { SancusPolicy } from "./policy";

/**
 * The module key, derived in memory from the node key and the module's identity (`sancusModuleKey`). It is a secret:
 * whoever made it wipes it.
 */
export interface SancusCollateral {
    /** 8 or 16 bytes. */
    readonly moduleKey: Uint8Array;
}

/** Evidence that the module with this key made. */
export interface VerifiedSancus {
    readonly evidence: SancusEvidence;
    readonly assurance: Assurance;
    /** Bits. */
    readonly security: 64 | 128;
}

/** The key as the one collateral "file". */
export function readSancusCollateral(files: readonly Uint8Array[]): SancusCollateral {
    const [moduleKey, ...more] = files;
    if (moduleKey === undefined || more.length > 0 || (moduleKey.length !== 8 && moduleKey.length !== 16)) {
        throw malformed("Sancus collateral", `${files.length} files`, "the module key alone, 8 or 16 bytes");
    }
    return { moduleKey };
}

/**
 * Verifies evidence in time that does not depend on the tag. Only the module with this text and layout, on the node
 * with this key, can make it.
 *
 * @throws EvidenceRefused when the MAC is wrong
 */
export function verifySancus(evidence: SancusEvidence, { moduleKey }: SancusCollateral, { roots }: VerificationContext<SancusPolicy>): VerifiedSancus {
    if (!equalBytes(spongentMac(moduleKey, evidence.message), evidence.tag)) {
        throw refuse("AE-ATTEST-SIGNATURE", "Sancus evidence: tag", "invalid", "a MAC of the module under its key");
    }
    return { evidence, assurance: roots.assurance, security: moduleKey.length === 8 ? 64 : 128 };
}

// The seam of the verifiers (RFC 9334): what an evidence type provides, and what a verdict says.

import type { ZodType } from "zod";
import type { CollateralSources } from "./collateral/sources";
import type { Refusal } from "./refusal";
import type { Fingerprint } from "./x509/path";

/** Evidence types that have a verifier. */
export type EvidenceName = "none" | "sgx" | "tdx" | "snp" | "psa" | "sancus" | "keystone" | "optee";

/** Who vouches for the attester: a vendor's hardware root, a pinned emulator, or nobody. */
export type Assurance = "hardware" | "emulated" | "none";

/** Whether the attester could be debugged (EAT `dbgstat`, RFC 9711 §4.2.9). */
export type DebugStatus = "disabled" | "enabled";

/**
 * Claims of verified evidence in one vocabulary, JSON-serializable. Types add their own fields.
 * Byte strings are lower-case hexadecimal.
 */
export interface Claims {
    readonly evidence: EvidenceName;
    readonly assurance: Assurance;
    /** What the attester was asked to bind (EAT `eat_nonce`), at the width that the type carries. */
    readonly reportData: string;
    /** Identity of the device (EAT `ueid`); null where the evidence has none. */
    readonly platform: string | null;
    /** The measurement that identifies the code, the type's main one; null where nothing measures it. */
    readonly measurement: string | null;
    readonly debug: DebugStatus;
    /** Appraisal of the trusted computing base by its maker (`UpToDate` and so on); null where there is none. */
    readonly status: string | null;
    /** Security advisories that the maker names for this state, sorted. */
    readonly advisories: readonly string[];
}

/** The root set that the declared backend of a node selects; evidence of one never satisfies the other. */
export type RootSet =
    /** Vendor roots, pinned in this package. */
    | { readonly assurance: "hardware" }
    /** Roots of this node's emulator, recorded when the node was created. */
    | {
        readonly assurance: "emulated";
        /** Root certificates (DER), or public keys for types without certificates. */
        readonly anchors: readonly Uint8Array[];
    };

/** What `verify` may depend on besides its inputs: nothing here is read from the environment. */
export interface VerificationContext<Policy> {
    /** Verification time, milliseconds since the epoch, read once. */
    readonly at: number;
    readonly roots: RootSet;
    readonly policy: Policy;
}

/**
 * One evidence type. The four steps are pure; each later step takes only what the earlier one returned.
 * `Evidence` is what was parsed, `Collateral` what is needed beside it, `Verified` what signatures vouch for.
 */
export interface EvidenceType<Evidence, Collateral, Verified, K extends Claims, Policy, References> {
    readonly name: EvidenceName;
    /** Schema of the section `authentic:trust.<name>`, with the strictest defaults. */
    readonly policy: ZodType<Policy>;
    /** Schema of the reference values for one attester. */
    readonly references: ZodType<References>;
    /** Width of the report data that the type carries, bytes: the first bytes of the 64 that protocols compute. */
    readonly reportDataLength: number;

    /** Reads evidence strictly: every byte is accounted for. @throws EvidenceRefused */
    parse(bytes: Uint8Array): Evidence;
    /** Reads collateral given as files (certificates, lists, JSON in the shape of the published samples). @throws EvidenceRefused */
    readCollateral(files: readonly Uint8Array[]): Collateral;
    /** Obtains collateral from its services or their cache. @throws EvidenceRefused naming the missing or expired document */
    fetchCollateral(evidence: Evidence, sources: CollateralSources, at: number): Promise<Collateral>;
    /** Checks chains, signatures, revocation and times. @throws EvidenceRefused at the first failure */
    verify(evidence: Evidence, collateral: Collateral, context: VerificationContext<Policy>): Verified;
    /** States what was verified, in the common vocabulary. */
    claims(verified: Verified): K;
    /**
     * Compares claims with the policy and, when given, the reference values.
     *
     * @returns every reason for a refusal; empty means acceptable
     */
    appraise(claims: K, policy: Policy, references: References | null): readonly Refusal[];
}

/** The outcome, JSON-serializable. */
export interface Verdict {
    readonly accepted: boolean;
    /** The maker's status of the trusted computing base, where the type has one and verification got that far. */
    readonly status: string | null;
    readonly advisories: readonly string[];
    /** Null when the evidence was refused before anything vouched for it. */
    readonly claims: Claims | null;
    /** Why it was refused; empty when accepted. */
    readonly reasons: readonly Refusal[];
    /** What the caller chose not to compare, `reportData` or `references`: such a verdict does not identify the attester. */
    readonly unchecked: readonly string[];
}

/** Accepted root certificates of a path: the vendor's for hardware, the node's own for an emulator. */
export function anchorsOf(roots: RootSet, vendor: ReadonlySet<Fingerprint>, fingerprintOf: (der: Uint8Array) => Fingerprint): ReadonlySet<Fingerprint> {
    return roots.assurance === "hardware" ? vendor : new Set(roots.anchors.map(fingerprintOf));
}

// One comparison with a crate: evidence, our opinion of it, and the request that asks for the other one.
import type { Verdict } from "../../../provider/attest/evidence";
import type { CrateRequest } from "./crates";

/** A case of the table. */
export interface Case {
    /** Unique; also the key of the list of known disagreements. */
    readonly name: string;
    readonly ours: string;
    /** What ours says in detail, for the table. */
    readonly detail: string;
    readonly request: CrateRequest;
}

/** A known disagreement. */
export interface Known {
    readonly right: "ours" | "theirs" | "either";
    readonly why: string;
}

/** Lower-case hexadecimal. */
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/**
 * Whether a verdict says that the evidence verified, in the words of {@link describeAnswer}. The crates leave the
 * appraisal to their callers, so the named claims do not count as refusals.
 *
 * @param appraisal - claims that are the policy's matter in the other verifier
 */
export function describeVerdict({ claims, status, advisories, reasons }: Verdict, appraisal: (claim: string) => boolean): string {
    const verified = claims !== null && reasons.every(({ claim }) => appraisal(claim));
    return verified ? ["verified", status ?? "", ...[...advisories].sort()].filter((word) => word !== "").join(" ") : "refused";
}

// Collecting the reasons of an appraisal: every claim that fails is reported, not only the first.

import type { Refusal, RefusalCode } from "./refusal";

/**
 * Gathers refusals while claims are compared.
 *
 * @example
 * const reasons = new Reasons();
 * reasons.unless(claims.debug === "disabled", "AE-ATTEST-POLICY", "debug", claims.debug, "disabled", "authentic:trust.snp.debug");
 * return reasons.list;
 */
export class Reasons {
    private readonly refusals: Refusal[] = [];

    /** The refusals so far. */
    get list(): readonly Refusal[] {
        return this.refusals;
    }

    /** Adds a refusal unless the condition holds. */
    unless(holds: boolean, code: RefusalCode, claim: string, found: string, required: string, setting: string | null = null): void {
        if (!holds) {
            this.refusals.push({ code, claim, found, required, setting });
        }
    }

    /** Requires one of several values; an absent list requires nothing. */
    oneOf(accepted: readonly string[] | undefined, code: RefusalCode, claim: string, found: string | null, setting: string | null = null): void {
        if (accepted !== undefined) {
            this.unless(found !== null && accepted.includes(found), code, claim, found ?? "absent", anyOf(accepted), setting);
        }
    }
}

/** `a or b`, or `nothing` for an empty list. */
export function anyOf(values: readonly string[]): string {
    return values.length === 0 ? "a listed value, but none is listed" : values.join(" or ");
}

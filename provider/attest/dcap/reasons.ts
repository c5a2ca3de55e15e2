// The reasons of one DCAP appraisal: each check is one line that names claim, requirement and setting.

import type { Refusal, RefusalCode } from "../refusal";

/** Reasons so far. Checks go on after a failure, so that people see all of them at once. */
export class Reasons {
    private readonly reasons: Refusal[] = [];

    /** @param section - the policy section, whose settings are under `authentic:trust.<section>` */
    constructor(private readonly section: "sgx" | "tdx") {}

    /** What was collected. */
    get all(): readonly Refusal[] {
        return this.reasons;
    }

    /**
     * A property that the policy has to accept.
     *
     * @param holds - whether it does
     * @param setting - member of the policy section that would accept it; null when none does
     */
    policy(holds: boolean, claim: string, found: string, required: string, setting: string | null, code: RefusalCode = "AE-ATTEST-POLICY"): void {
        if (!holds) {
            this.reasons.push({ code, claim, found, required, setting: setting === null ? null : `authentic:trust.${this.section}.${setting}` });
        }
    }

    /** A measured value that has to be one of the reference values; undefined leaves it open. */
    reference(claim: string, found: string, required: readonly string[] | undefined): void {
        if (required !== undefined && !required.includes(found)) {
            this.reasons.push({ code: "AE-ATTEST-MEASUREMENT", claim, found, required: required.join(" or "), setting: null });
        }
    }

    /** The machine that was enrolled, where one was. */
    device(found: string, enrolled: string | undefined): void {
        if (enrolled !== undefined && found !== enrolled) {
            this.reasons.push({ code: "AE-ATTEST-BINDING", claim: "platform", found, required: `${enrolled}, the enrolled machine`, setting: null });
        }
    }
}

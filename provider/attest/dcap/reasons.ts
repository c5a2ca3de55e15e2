// The reasons of a DCAP appraisal: shorthands in which each check is one line of claim, requirement and setting.

import { Reasons } from "../appraisal";
import type { RefusalCode } from "../refusal";

/** Reasons whose settings are members of one policy section. */
export class DcapReasons extends Reasons {
    /** @param section - settings are under `authentic:trust.<section>` */
    constructor(private readonly section: "sgx" | "tdx") {
        super();
    }

    /**
     * A property that the policy has to accept.
     *
     * @param holds - whether it does
     * @param setting - member of the policy section that would accept it; null when none does
     */
    policy(holds: boolean, claim: string, found: string, required: string, setting: string | null, code: RefusalCode = "AE-ATTEST-POLICY"): void {
        this.unless(holds, code, claim, found, required, setting === null ? null : `authentic:trust.${this.section}.${setting}`);
    }

    /** A measured value that has to be one of the reference values; undefined leaves it open. */
    reference(claim: string, found: string, required: readonly string[] | undefined): void {
        this.oneOf(required, "AE-ATTEST-MEASUREMENT", claim, found);
    }

    /** The machine that was enrolled, where one was. */
    device(found: string, enrolled: string | undefined): void {
        this.unless(enrolled === undefined || found === enrolled, "AE-ATTEST-BINDING", "platform", found, `${enrolled ?? ""}, the enrolled machine`);
    }
}

// The part of the policy that SGX and TDX share: platform state, collateral age, enrolled machines.

import { z } from "zod";
import { hexString, instantText, setOf, unsignedInteger } from "../policy-types";
import { TCB_STATUSES } from "./tcb-status";

const ADVISORY = /^INTEL-SA-\d{5}$/;

/** Members of `authentic:trust.sgx` and `authentic:trust.tdx` alike. `Revoked` is never accepted. */
export const dcapPolicyShape = {
    /** Accepted TCB statuses. */
    tcbStatuses: setOf(z.enum(TCB_STATUSES).exclude(["Revoked"])).prefault(["UpToDate"]),
    /** Accepted advisories of the platform's TCB level, or `any`. */
    advisories: z.union([z.literal("any"), setOf(z.string().regex(ADVISORY, "must be such as INTEL-SA-00615"))]).prefault([]),
    /** Lowest accepted evaluation data number of TCB information and QE identity: refuses rolled-back collateral. */
    minTcbEvaluationDataNumber: unsignedInteger(32).default(0),
    /** Earliest accepted date of the platform's TCB level. */
    minTcbDate: instantText.optional(),
    /** Oldest accepted collateral in days; by default its own next update decides alone. */
    maxCollateralAgeDays: z.number().positive().optional(),
    /** Enrolled machines (platform instance id, else PPID); by default every genuine machine. */
    platforms: setOf(hexString(16)).optional(),
    /** Whether a platform whose packages can be replaced after enrolment is accepted. */
    dynamicPlatform: z.boolean().default(true),
    /** Whether a platform whose keys are cached by the registration service is accepted. */
    cachedKeys: z.boolean().default(true),
    /** Whether simultaneous multithreading may be enabled; the TCB status already reflects what Intel advises. */
    smt: z.boolean().default(true),
    /** Whether debuggable code is accepted. It keeps no secret from the machine's owner. */
    debug: z.boolean().default(false),
};

/** The shared part of the SGX and TDX policies. */
export type DcapPolicy = z.infer<z.ZodObject<typeof dcapPolicyShape>>;

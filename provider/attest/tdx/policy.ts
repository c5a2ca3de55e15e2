// Section `authentic:trust.tdx`, and the reference values of one trust domain.

import { z } from "zod";
import { dcapPolicyShape } from "../dcap/policy";
import { hexString, oneOrMore } from "../policy-types";

/** Policy for TDX quotes. Masks are in the byte order of the report. */
export const tdxPolicySchema = z.strictObject({
    ...dcapPolicyShape,
    /** Whether a trust domain that uses performance monitoring is accepted. */
    perfmon: z.boolean().default(false),
    /** Processor state components that may be enabled: what TDX modules allow at most. */
    xfamAllowed: hexString(8).default("e7db060000000000"),
}).prefault({});

/** A complete TDX policy. */
export type TdxPolicy = z.infer<typeof tdxPolicySchema>;

const register = oneOrMore(hexString(48));
/** Registers that run-time code extends are named one by one, with `any` as the explicit way to ignore one. */
const registerOrAny = z.union([z.literal("any"), register]);
const ZERO = "00".repeat(48);

/** Reference values of one trust domain. */
export const tdxReferencesSchema = z.strictObject({
    mrtd: register,
    rtmr0: registerOrAny,
    rtmr1: registerOrAny,
    rtmr2: registerOrAny,
    rtmr3: registerOrAny,
    /** Set by whoever starts the domain: zero unless stated. */
    mrConfigId: registerOrAny.prefault(ZERO),
    mrOwner: registerOrAny.prefault(ZERO),
    mrOwnerConfig: registerOrAny.prefault(ZERO),
    /** The machine that was enrolled for this node. */
    platform: hexString(16).optional(),
});

/** Reference values of one trust domain. */
export type TdxReferences = z.infer<typeof tdxReferencesSchema>;

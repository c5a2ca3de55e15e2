// Section `authentic:trust.sgx`, and the reference values of one enclave.

import { z } from "zod";
import { dcapPolicyShape } from "../dcap/policy";
import { hexString, oneOrMore, unsignedInteger } from "../policy-types";

/** Policy for SGX quotes. Masks are in the byte order of the report. */
export const sgxPolicySchema = z.strictObject({
    ...dcapPolicyShape,
    /** Whether an enclave with access to the provisioning key is accepted. */
    provisionKey: z.boolean().default(false),
    /** Whether an enclave with access to the launch token key is accepted. */
    launchTokenKey: z.boolean().default(false),
    /** Processor state components that may be enabled: all architectural ones up to AMX. */
    xfrmAllowed: hexString(8).default("e71a060000000000"),
    /** Extended exception information that may be enabled. */
    miscSelectAllowed: hexString(4).default("00000000"),
}).prefault({});

/** A complete SGX policy. */
export type SgxPolicy = z.infer<typeof sgxPolicySchema>;

const ZERO_CONFIG_ID = "00".repeat(64);

/**
 * Reference values of one enclave: its exact code (`mrenclave`), or a signer with product and minimum version.
 * With both, both have to match.
 */
export const sgxReferencesSchema = z.strictObject({
    mrenclave: oneOrMore(hexString(32)).optional(),
    mrsigner: oneOrMore(hexString(32)).optional(),
    isvProdId: unsignedInteger(16).optional(),
    minIsvSvn: unsignedInteger(16).optional(),
    /** Set by whoever loads the enclave and not measured: zero unless stated. */
    configId: hexString(64).default(ZERO_CONFIG_ID),
    configSvn: unsignedInteger(16).default(0),
    /** The machine that was enrolled for this node. */
    platform: hexString(16).optional(),
}).refine((value) => value.mrenclave !== undefined || value.mrsigner !== undefined, "must name mrenclave or mrsigner")
    .refine((value) => value.mrsigner === undefined || value.mrenclave !== undefined || (value.isvProdId !== undefined && value.minIsvSvn !== undefined),
        "mrsigner needs isvProdId and minIsvSvn, for a signer signs many enclaves");

/** Reference values of one enclave. */
export type SgxReferences = z.infer<typeof sgxReferencesSchema>;

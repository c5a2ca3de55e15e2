// Section `authentic:trust.optee`, and the reference values of one trusted application.

import { z } from "zod";
import { hexString, oneOrMore, setOf } from "../policy-types";

/** Policy for evidence of the OP-TEE attestation PTA. */
export const opteePolicySchema = z.strictObject({
    /** RSA public keys of enrolled devices, canonical PEM of a SubjectPublicKeyInfo. Evidence of any other device is refused. */
    devices: setOf(z.string().min(1).max(2048)).prefault([]),
}).prefault({});

/** A complete OP-TEE policy. */
export type OpteePolicy = z.infer<typeof opteePolicySchema>;

/**
 * Reference values of one trusted application: results of the *memory* measurement commands only
 * (`PTA_ATTESTATION_HASH_TA_MEMORY`, `PTA_ATTESTATION_HASH_TEE_MEMORY`).
 *
 * The PTA signs the digest of a TA's *file* under the same key with the same form, and a TA file that is present proves
 * nothing about what runs. Its digests are listed so that they are recognized and never taken for a memory measurement.
 */
export const opteeReferencesSchema = z.strictObject({
    memory: oneOrMore(hexString(32)),
    fileDigests: setOf(hexString(32)).prefault([]),
    /** SHA-256 of the SubjectPublicKeyInfo of the device that was enrolled for this node. */
    platform: hexString(32).optional(),
}).refine(({ memory, fileDigests }) => !memory.some((value) => fileDigests.includes(value)), "a value is listed both as a memory measurement and as a file digest");

/** Reference values of one trusted application. */
export type OpteeReferences = z.infer<typeof opteeReferencesSchema>;

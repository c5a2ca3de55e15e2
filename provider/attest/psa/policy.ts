// Section `authentic:trust.psa`, and the reference values of one device's firmware.

import { z } from "zod";
import { hexString, oneOrMore, setOf } from "../policy-types";

/** The profile of RFC 9783. */
export const RFC9783_PROFILE = "tag:psacertified.org,2023:psa#tfm";

/** An enrolled device: its attestation public key, its kind, and its instance id where that is not derived from the key. */
const deviceSchema = z.strictObject({
    /** Canonical PEM of a P-256 SubjectPublicKeyInfo. */
    key: z.string().min(1).max(1024),
    /** 33 bytes. RFC 9783 derives it from the key, so it may be left out there; legacy tokens need it. */
    instanceId: hexString(33).optional(),
    /** What its tokens have to say of the kind of device, 32 bytes; where it is left out, what the evidence is judged for decides alone. */
    implementationId: hexString(32).optional(),
});

/** Policy for PSA tokens. */
export const psaPolicySchema = z.strictObject({
    /** Enrolled devices. Evidence of any other device is refused. */
    devices: z.array(deviceSchema).default([]),
    /** Profiles whose tokens, with the labels of RFC 9783, are accepted. */
    profiles: setOf(z.string().min(1).max(256)).prefault([RFC9783_PROFILE]),
    /** Profiles whose tokens, with the labels that preceded RFC 9783, are accepted. */
    legacyProfiles: setOf(z.string().min(1).max(256)).prefault([]),
    /** Whether a token without a boot seed is accepted. */
    withoutBootSeed: z.boolean().default(false),
    /** Whether software components without a version are accepted. */
    withoutVersion: z.boolean().default(false),
}).prefault({});

/** A complete PSA policy. */
export type PsaPolicy = z.infer<typeof psaPolicySchema>;

const digest = z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/, "must be a digest of 32, 48 or 64 bytes in lower-case hexadecimal");

/** Reference values of one device: every component of a token has to match one entry, and every entry one component. */
export const psaReferencesSchema = z.strictObject({
    implementationId: oneOrMore(hexString(32)),
    softwareComponents: z.array(z.strictObject({
        measurementType: z.string().optional(),
        measurement: oneOrMore(digest),
        signerId: oneOrMore(digest),
        version: z.string().optional(),
    })).min(1),
    /** The caller of the attestation service: negative for the non-secure side. */
    clientId: z.int().optional(),
    /** Instance id of the device that was enrolled for this node. */
    platform: hexString(33).optional(),
});

/** Reference values of one device. */
export type PsaReferences = z.infer<typeof psaReferencesSchema>;

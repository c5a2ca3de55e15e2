// Section `authentic:trust.keystone`, and the reference values of one enclave.

import { z } from "zod";
import { hexString, oneOrMore, setOf } from "../policy-types";

/** Policy for Keystone reports. */
export const keystonePolicySchema = z.strictObject({
    /** Ed25519 public keys of enrolled devices. Evidence of any other device is refused. */
    devices: setOf(hexString(32)).prefault([]),
    /** SHA3-512 of the security monitors that are accepted. */
    securityMonitors: setOf(hexString(64)).prefault([]),
}).prefault({});

/** A complete Keystone policy. */
export type KeystonePolicy = z.infer<typeof keystonePolicySchema>;

/** Reference values of one enclave. */
export const keystoneReferencesSchema = z.strictObject({
    /** SHA3-512 of the enclave. */
    measurement: oneOrMore(hexString(64)),
    /** Key of the device that was enrolled for this node. */
    platform: hexString(32).optional(),
});

/** Reference values of one enclave. */
export type KeystoneReferences = z.infer<typeof keystoneReferencesSchema>;

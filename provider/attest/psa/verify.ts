// PSA token verification: the profile, the enrolled key of the instance, and the signature.

import { sha256 } from "@noble/hashes/sha2";
import { concat, equalBytes, fromHex, hex } from "../bytes";
import type { Assurance, VerificationContext } from "../evidence";
import { malformed, refuse } from "../refusal";
import { isSampleTokenKey, refuseTestKey } from "../test-keys";
import { parsePublicKey, verifyEcdsa, type PublicKey } from "../x509/algorithm";
import { decodePem } from "../x509/pem";
import type { PsaToken } from "./parse";
import type { PsaPolicy } from "./policy";

/** A token whose signature holds under the key of its instance. */
export interface VerifiedPsa {
    readonly token: PsaToken;
    readonly assurance: Assurance;
}

interface EnrolledDevice {
    readonly key: PublicKey;
    /** What the policy maps to the key; null where the key itself determines it. */
    readonly instanceId: Uint8Array | null;
    readonly implementationId: Uint8Array | null;
}

/** RFC 9783, section 4.2.1: 0x01 ‖ SHA-256 of the public key as an uncompressed point. */
export function instanceIdOf(key: PublicKey): Uint8Array {
    return concat(Uint8Array.of(0x01), sha256(key.raw));
}

/**
 * Verifies a token under the one enrolled key of its instance id. The key, not the message, fixes the algorithm.
 *
 * @throws EvidenceRefused at the first check that fails
 */
export function verifyPsa(token: PsaToken, _collateral: null, { roots, policy }: VerificationContext<PsaPolicy>): VerifiedPsa {
    checkProfile(token, policy);
    const devices = roots.assurance === "hardware" ? enrolledDevices(policy) : roots.anchors.map((spki) => ({ key: p256(spki), instanceId: null, implementationId: null }));
    const device = deviceOf(token, devices);
    if (device.implementationId !== null && !equalBytes(device.implementationId, token.implementationId)) {
        throw refuse("AE-ATTEST-BINDING", "PSA token: implementationId", hex(token.implementationId), `that of the enrolled device, ${hex(device.implementationId)}`);
    }
    // The legacy profile exists to examine tokens such as the public samples, whose key no device has.
    if (token.labels !== "legacy" || !isSampleTokenKey(device.key.spki)) {
        refuseTestKey("PSA attestation key", device.key.spki);
    }
    if (!verifyEcdsa(device.key, token.message.signed, token.message.signature)) {
        throw refuse("AE-ATTEST-SIGNATURE", "PSA token: signature", "invalid", "a signature of the instance's attestation key");
    }
    return { token, assurance: roots.assurance };
}

function checkProfile(token: PsaToken, policy: PsaPolicy): void {
    const legacy = token.labels === "legacy";
    const accepted = legacy ? policy.legacyProfiles : policy.profiles;
    if (!accepted.includes(token.profile)) {
        const setting = `authentic:trust.psa.${legacy ? "legacyProfiles" : "profiles"}`;
        throw refuse("AE-ATTEST-POLICY", "PSA token: profile", `"${token.profile}"${legacy ? " with labels that preceded RFC 9783" : ""}`,
            legacy ? "a token of RFC 9783" : accepted.map((name) => `"${name}"`).join(" or "), setting);
    }
}

function enrolledDevices(policy: PsaPolicy): EnrolledDevice[] {
    return policy.devices.map(({ key, instanceId, implementationId }, index) => {
        const device = `authentic:trust.psa.devices[${index}]`;
        const document = `${device}.key`;
        const [der, ...more] = decodePem(key, "PUBLIC KEY", document);
        if (der === undefined || more.length > 0) {
            throw malformed(document, `${1 + more.length} keys`, "one public key");
        }
        return {
            key: p256(der),
            instanceId: instanceId === undefined ? null : fromHex(instanceId, `${device}.instanceId`),
            implementationId: implementationId === undefined ? null : fromHex(implementationId, `${device}.implementationId`),
        };
    });
}

function p256(spki: Uint8Array): PublicKey {
    const key = parsePublicKey(spki, "PSA attestation key");
    if (key.type !== "P-256") {
        throw malformed("PSA attestation key", key.type, "a P-256 key");
    }
    return key;
}

function deviceOf(token: PsaToken, devices: readonly EnrolledDevice[]): EnrolledDevice {
    // In RFC 9783 the instance id is the key's, whatever a policy says; before, only the policy's mapping counts.
    const device = devices.find(({ key, instanceId }) => {
        const expected = token.labels === "rfc9783" ? instanceIdOf(key) : instanceId;
        const mapped = instanceId === null || equalBytes(instanceId, token.instanceId);
        return expected !== null && mapped && equalBytes(expected, token.instanceId);
    });
    if (device === undefined) {
        throw refuse("AE-ATTEST-BINDING", "PSA token: instanceId", hex(token.instanceId), "an enrolled device", "authentic:trust.psa.devices");
    }
    return device;
}

// Evidence of modules on TrustZone boards: a PSA token of an enrolled device, with the firmware and the module in it, whose
// nonce the firmware computed for this module alone (docs/trustzone.md, "Evidence").
import { sha512 } from "@noble/hashes/sha2";
import { z } from "zod";
import type { RootSet, Verdict } from "../../attest/evidence";
import type { Trust } from "../../attest/policy";
import { hexString } from "../../attest/policy-types";
import { psa } from "../../attest/psa";
import { verifyEvidence } from "../../attest/verifier";
import { concat, fromHex, hex, label } from "../../protocol/bytes";
import type { EvidenceToAppraise } from "../../session/session";

/** An enrolled device: what a Node pins. Byte strings are lower-case hexadecimal. */
export const deviceSchema = z.strictObject({
    /** Kind of device, 32 bytes. */
    implementationId: hexString(32),
    /** 0x01 ‖ SHA-256 of the attestation key, 33 bytes (RFC 9783, section 4.2.1). */
    instanceId: hexString(33),
    /** The P-256 attestation key as an uncompressed point, 65 bytes. */
    publicKey: hexString(65),
    /** Measurement of the secure firmware that it must run, 32 bytes. */
    firmware: hexString(32),
});
export type Device = z.infer<typeof deviceSchema>;

/** SubjectPublicKeyInfo of a P-256 point (RFC 5480): everything before the point. */
const P256_SPKI = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
/** Nobody signs software there: a measurement alone says what it is, and a module's covers its deployer's key. */
const NOBODY = "00".repeat(32);

/**
 * A device's attestation key as DER.
 *
 * @param publicKey - an uncompressed P-256 point, hexadecimal
 */
export const spkiOf = ({ publicKey }: Pick<Device, "publicKey">): Uint8Array => concat(P256_SPKI, fromHex("public key", publicKey));

/**
 * The nonce of a token: `SHA-512("aex/v1/trustzone/nonce\0" ‖ measurement ‖ report data)`.
 *
 * @param measurement - of the module that asked for the token, 32 bytes
 * @param reportData - what it wants bound, 64 bytes
 */
export const tokenNonce = (measurement: Uint8Array, reportData: Uint8Array): Uint8Array => sha512(concat(label("aex/v1/trustzone/nonce"), measurement, reportData));

/** What a token has to show, beside the module. */
export interface Expected extends Pick<Device, "firmware"> {
    /** Of one of these kinds. */
    readonly implementationId: string | readonly string[];
    /** Absent: any enrolled device. */
    readonly instanceId?: string | undefined;
}

/** What evidence is about, and whether it is fresh. */
type Shown = Pick<EvidenceToAppraise, "evidence" | "measurement" | "reportData">;

/**
 * Judges a token.
 *
 * @param roots - the key of the one device that was enrolled, or `authentic:trust.psa.devices` for hardware
 * @param at - verification time, milliseconds since the epoch
 */
export function judgeToken(trust: Trust, roots: RootSet, expected: Expected, { evidence, measurement, reportData }: Shown, at: number): Verdict {
    const references = {
        implementationId: expected.implementationId,
        ...(expected.instanceId === undefined ? {} : { platform: expected.instanceId }),
        softwareComponents: [
            { measurementType: "PRoT", measurement: expected.firmware, signerId: NOBODY },
            { measurementType: "ARoT", measurement: hex(measurement), signerId: NOBODY },
        ],
    };
    return verifyEvidence(psa, evidence, [], { trust, roots, at, reportData: tokenNonce(measurement, reportData), references });
}

// Attestation keys whose private halves are published: evidence under them proves nothing, whoever enrolled them.
//
// Each fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo in DER, as
// `openssl pkey -pubin -in key.pem -outform DER | sha256sum` prints it; of a symmetric key, the SHA-256 of its bytes.

import { sha256 } from "@noble/hashes/sha2";
import { hex } from "./bytes";
import { refuse } from "./refusal";

/** The key of the sample tokens of TrustedFirmware's tf-m-tools (iat-verifier/tests/data), P-256. */
const SAMPLE_TOKENS = "45d852b8ab34e60e66d904c289f945edadf3de2446e8eaf61df17333ac5fd8e2";

const PUBLISHED: ReadonlyMap<string, string> = new Map([
    // OP-TEE/optee_os keys/default.pem (keys/default_ta.pem is a link to it), RSA-2048.
    ["3a21983aeeda3a503f4d3de2ff6fedbaa8b4389ab6ef7261cbdb1de85434fcc3", "the default key of OP-TEE's sources"],
    // OP-TEE/optee_os core/pta/veraison_attestation/sign.c, P-256.
    ["51b944cdfa544d4c3273aa6bf350625a7dd53bbb6a71723274f538b19a207760", "the test key of OP-TEE's Veraison attestation PTA"],
    // Keystone sdk/include/verifier/test_dev_key.h ("sanctum_dev_public_key"), Ed25519.
    ["66741e20f2048c2c12c5d57cddffdd260068fa029dd198afa4103e556f4fbdde", "Keystone's test device key"],
    // Trusted Firmware-M platform/ext/common/template/tfm_initial_attestation_key.pem, P-256.
    ["7b1a17147ca907e16cad79901fef13991ec6206e3d148b657068ad6c4cba4626", "Trusted Firmware-M's initial attestation test key"],
    [SAMPLE_TOKENS, "the key of the iat-verifier's sample tokens"],
    // Node keys that the published Sancus core is simulated with, 64 and 128 bits.
    ["3f8a286ab667f1b60da3a12c138461dac343cab1eb3928c433a8062a61d417f8", "the node key of the published 64-bit Sancus core"],
    ["cead1ed094c6fbc78df5320c5efa0379dbddbcf3a68ce0309e8201738324d157", "the node key of the published 128-bit Sancus core"],
]);

/**
 * Names the publication of a key.
 *
 * @param key - SubjectPublicKeyInfo in DER, or the bytes of a symmetric key
 * @returns what the key is, or null when it is not a known test key
 */
export function publishedTestKey(key: Uint8Array): string | null {
    return PUBLISHED.get(hex(sha256(key))) ?? null;
}

/** Whether a key is the one of the public sample tokens, which no device has. */
export function isSampleTokenKey(spki: Uint8Array): boolean {
    return hex(sha256(spki)) === SAMPLE_TOKENS;
}

/**
 * Refuses a key whose private half is published. No setting accepts one.
 *
 * @param claim - what the key is in the evidence, `PSA attestation key`
 * @param key - as for {@link publishedTestKey}
 * @throws EvidenceRefused naming the publication
 */
export function refuseTestKey(claim: string, key: Uint8Array): void {
    const publication = publishedTestKey(key);
    if (publication !== null) {
        throw refuse("AE-ATTEST-CHAIN", claim, publication, "a key whose private half only the device has");
    }
}

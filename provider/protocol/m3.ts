// M3 and M4: a table update, HPKE-sealed to the module's fresh key and signed, and its confirmation
// (docs/protocol.md section 4).
import { sha256 } from "@noble/hashes/sha2";
import { concat, label } from "./bytes";
import type { HpkeContext, KeyPair } from "./hpke";
import { openSigned, sealSigned, type Opened, type Sealed } from "./sealed";

const M3 = { label: "m3", length: "u16", name: "M3" } as const;

/**
 * Seals and signs an M3.
 *
 * @param session - `SHA-256(M1 ‖ M2core)`, 32 bytes
 * @param pkE - the module's fresh key, 32 bytes
 * @param plaintext - an encoded table update, at most 65,519 bytes
 * @param secretKey - the deployer's Ed25519 seed
 * @param ephemeral - for vectors only
 * @throws RangeError for another length; ProtocolError for a pkE of small order
 */
export function sealM3(session: Uint8Array, pkE: Uint8Array, plaintext: Uint8Array, secretKey: Uint8Array, ephemeral?: KeyPair): Sealed {
    return sealSigned(M3, session, pkE, plaintext, secretKey, ephemeral);
}

/**
 * Checks the signature of an M3 and opens it (the module's side).
 *
 * @param recipient - the session's key pair; the caller erases it in every case
 * @param deployerKey - the measured public key
 * @throws ProtocolError (malformed, signature or decryption)
 */
export function openM3(session: Uint8Array, m3: Uint8Array, recipient: KeyPair, deployerKey: Uint8Array): Opened {
    return openSigned(M3, session, m3, recipient, deployerKey);
}

/**
 * M4: the confirmation that only the holder of pkE's secret key can compute.
 *
 * @param context - of the M3
 * @returns 32 bytes; the deployer compares in constant time
 */
export const confirmation = (context: HpkeContext, m1: Uint8Array, m2Core: Uint8Array, m3: Uint8Array): Uint8Array =>
    context.exportSecret(concat(label("aex/v1/confirm"), sha256(concat(m1, m2Core, m3))));

// The binding of evidence to one challenge: the whole report data, never a prefix.

import { equalBytes, fromHex, hex } from "./bytes";
import type { Claims } from "./evidence";
import type { Refusal } from "./refusal";

/** Width of the report data that protocols compute, bytes. */
export const REPORT_DATA_LENGTH = 64;

/**
 * Compares report data at the full width of the evidence type.
 *
 * @param claims - verified claims
 * @param expected - 64 bytes, computed by the verifier from its own nonce
 * @param width - bytes that the type carries; the documented truncation to its first bytes
 * @returns the reason for a refusal, or null when they are the same
 */
export function checkBinding(claims: Claims, expected: Uint8Array, width: number): Refusal | null {
    if (expected.length !== REPORT_DATA_LENGTH || width < 32 || width > REPORT_DATA_LENGTH) {
        throw new RangeError(`report data has ${REPORT_DATA_LENGTH} bytes, of which a type carries at least 32`);
    }
    const required = expected.subarray(0, width);
    if (equalBytes(fromHex(claims.reportData, "report data"), required)) {
        return null;
    }
    return { code: "AE-ATTEST-BINDING", claim: "reportData", found: claims.reportData, required: hex(required), setting: null };
}

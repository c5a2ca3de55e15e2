// The Keystone attestation report: enclave report, security monitor report, device key; 1352 bytes.
//
// Keystone, sdk/include/verifier/report.h:
// enclave: hash64 | data_len u64 | data[1024] | signature64;  sm: hash64 | public_key32 | signature64;  dev_public_key32
import { ByteReader, concat } from "../bytes";
import { malformed } from "../refusal";

const MAX_DATA = 1024;

/** Every field of a report. Byte fields are views into the input, the signed parts copies. */
export interface KeystoneReport {
    /** SHA3-512 of the enclave's initial memory. */
    readonly enclaveHash: Uint8Array;
    /** What the enclave had signed, at most 1024 bytes. */
    readonly data: Uint8Array;
    readonly enclaveSignature: Uint8Array;
    /** SHA3-512 of the security monitor. */
    readonly monitorHash: Uint8Array;
    /** Ed25519 key of the security monitor, derived from the device key and the monitor's hash at boot. */
    readonly monitorKey: Uint8Array;
    readonly monitorSignature: Uint8Array;
    readonly deviceKey: Uint8Array;
    /** hash ‖ data_len ‖ data: what the monitor signs. */
    readonly enclaveSigned: Uint8Array;
    /** hash ‖ public key: what the device signs. */
    readonly monitorSigned: Uint8Array;
}

/**
 * Parses a report. The data field is zero beyond `data_len`: nothing signs those bytes.
 *
 * @throws EvidenceRefused when any byte is not what the layout allows
 */
export function parseKeystoneReport(bytes: Uint8Array): KeystoneReport {
    const reader = new ByteReader(bytes, "Keystone report");
    const enclaveHash = reader.take(64, "enclave hash");
    // Bounded as an integer of 64 bits, before it is used as a length.
    const dataLength = reader.u64("data_len");
    if (dataLength > BigInt(MAX_DATA)) {
        throw malformed("Keystone report: data_len", String(dataLength), `at most ${MAX_DATA}`);
    }
    const length = Number(dataLength);
    const data = reader.take(length, "data");
    reader.zeros(MAX_DATA - length, "data beyond data_len");
    const enclaveSignature = reader.take(64, "enclave signature");
    const monitorHash = reader.take(64, "security monitor hash");
    const monitorKey = reader.take(32, "security monitor key");
    const monitorSignature = reader.take(64, "security monitor signature");
    const deviceKey = reader.take(32, "device key");
    reader.end();
    return {
        enclaveHash, data, enclaveSignature, monitorHash, monitorKey, monitorSignature, deviceKey,
        enclaveSigned: bytes.slice(0, 64 + 8 + length),
        monitorSigned: concat(monitorHash, monitorKey),
    };
}

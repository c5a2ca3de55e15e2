// SIGSTRUCT: the vendor's signature on an enclave, 1808 bytes (Intel SDM vol. 3D, "Enclave Signature Structure
// (SIGSTRUCT)"). EINIT compares it with what was built: measurement, attributes, and the signature under its own modulus.
import { sign } from "node:crypto";
import { MODULUS, type VendorKey } from "./vendor-key";

/** Bytes of the structure. */
export const SIGSTRUCT = 1808;

/** Offsets of its fields. */
export const AT = {
    header: 0, vendor: 16, date: 20, header2: 24, modulus: 128, exponent: 512, signature: 516,
    miscSelect: 900, miscMask: 904, attributes: 928, xfrm: 936, attributeMask: 944, xfrmMask: 952, enclaveHash: 960, isvProdId: 1024, isvSvn: 1026,
    q1: 1040, q2: 1424,
} as const;

/** What the signature covers: bytes 0 to 127 and 900 to 1027. */
const SIGNED = [[0, 128], [900, 1028]] as const;

const HEADER = "06000000e10000000000010000000000";
const HEADER2 = "01010000600000006000000001000000";
/** Of the kit's format, not of the build: signing the same image again gives the same bytes. Decimal digits as hexadecimal. */
const DATE = 0x2026_01_01;
const EXPONENT = 3;

/** ATTRIBUTES.FLAGS (SDM vol. 3D, "ATTRIBUTES"): 64-bit mode; EINIT sets INIT itself. */
export const MODE64 = 0x4n;
export const DEBUG = 0x2n;
/** XFRM: x87, SSE and AVX (SDM vol. 3D, "SECS.ATTRIBUTES.XFRM"). */
export const XFRM = 0x7n;
const ALL = 0xffff_ffff_ffff_ffffn;
const ALL_MISC = 0xffff_ffff;

/** What is signed. */
export interface Signed {
    /** MRENCLAVE, 32 bytes. */
    readonly measurement: Uint8Array;
    readonly isvProdId: number;
    readonly isvSvn: number;
    /** Whether the enclave may be debugged: it then keeps no secret from its machine. Off unless asked for. */
    readonly debug?: boolean;
}

/** The two parts that are signed, one after the other. */
export const signedPart = (sigstruct: Uint8Array): Buffer => Buffer.concat(SIGNED.map(([from, to]) => sigstruct.subarray(from, to)));

/** Little-endian numbers of 384 bytes. */
const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
const toBytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * MODULUS, "0"), "hex").reverse();

/**
 * Signs an enclave. Deterministic: RSASSA-PKCS1-v1_5 (RFC 8017 §8.2) with SHA-256.
 * The masks leave the loader nothing to choose, so a debuggable enclave needs a signature of its own.
 *
 * @returns 1808 bytes
 */
export function makeSigstruct({ measurement, isvProdId, isvSvn, debug = false }: Signed, vendor: VendorKey): Uint8Array {
    const structure = Buffer.alloc(SIGSTRUCT);
    structure.write(HEADER, AT.header, "hex");
    structure.writeUInt32LE(DATE, AT.date);
    structure.write(HEADER2, AT.header2, "hex");
    structure.set(vendor.modulus, AT.modulus);
    structure.writeUInt32LE(EXPONENT, AT.exponent);
    structure.writeUInt32LE(ALL_MISC, AT.miscMask);
    structure.writeBigUInt64LE(debug ? MODE64 | DEBUG : MODE64, AT.attributes);
    structure.writeBigUInt64LE(XFRM, AT.xfrm);
    structure.writeBigUInt64LE(ALL, AT.attributeMask);
    structure.writeBigUInt64LE(ALL, AT.xfrmMask);
    structure.set(measurement, AT.enclaveHash);
    structure.writeUInt16LE(isvProdId, AT.isvProdId);
    structure.writeUInt16LE(isvSvn, AT.isvSvn);
    structure.set(sign("sha256", signedPart(structure), vendor.key).reverse(), AT.signature);
    // EINIT divides with their help: Q1 = ⌊S² / M⌋, Q2 = ⌊(S³ − Q1·S·M) / M⌋ (SDM vol. 3D, EINIT).
    const [s, m] = [toNumber(structure.subarray(AT.signature, AT.signature + MODULUS)), toNumber(vendor.modulus)];
    const q1 = s * s / m;
    const q2 = (s ** 3n - q1 * s * m) / m;
    structure.set(toBytes(q1), AT.q1);
    structure.set(toBytes(q2), AT.q2);
    return new Uint8Array(structure);
}

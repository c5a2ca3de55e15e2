// The SEV-SNP attestation report, versions 2 to 5, from bytes to fields.
//
// AMD, "SEV Secure Nested Paging Firmware ABI Specification", publication 56860, revision 1.58: table 23
// (ATTESTATION_REPORT), table 10 (guest policy), table 24 (PLATFORM_INFO), table 139 (ECDSA signature).
//
//   000  4 VERSION           030  4 VMPL             0c0 32 HOST_DATA            188  3 CPUID family, model, stepping (from 3 on)
//   004  4 GUEST_SVN         034  4 SIGNATURE_ALGO   0e0 48 ID_KEY_DIGEST        1a0 64 CHIP_ID
//   008  8 POLICY            038  8 CURRENT_TCB      110 48 AUTHOR_KEY_DIGEST    1e0  8 COMMITTED_TCB
//   010 16 FAMILY_ID         040  8 PLATFORM_INFO    140 32 REPORT_ID            1e8  4 CURRENT build, minor, major, 0
//   020 16 IMAGE_ID          048  4 key flags        160 32 REPORT_ID_MA         1ec  4 COMMITTED build, minor, major, 0
//   050 64 REPORT_DATA       090 48 MEASUREMENT      180  8 REPORTED_TCB         1f0  8 LAUNCH_TCB
//   1f8 16 LAUNCH and CURRENT mitigation vectors (from 5 on)
//   2a0 512 signature: R and S, 72 bytes each, little-endian, then zeros
import { ByteReader } from "../bytes";
import { malformed, refuse } from "../refusal";

/** Bytes of a report, whatever its version. */
export const REPORT_LENGTH = 0x4a0;
const SIGNED_LENGTH = 0x2a0;
const SIGNATURE_COMPONENT = 72;
const P384_SCALAR = 48;

/** A security version number of eight bytes; which byte means what depends on the product. */
export type RawTcb = Uint8Array;

/** The guest policy that the launch was bound to. */
export interface GuestPolicy {
    readonly abiMajor: number;
    readonly abiMinor: number;
    readonly smtAllowed: boolean;
    readonly migrationAgentAllowed: boolean;
    readonly debugAllowed: boolean;
    readonly singleSocket: boolean;
    readonly cxlAllowed: boolean;
    readonly memoryAes256Xts: boolean;
    readonly raplDisabled: boolean;
    readonly ciphertextHiding: boolean;
    readonly pageSwapDisabled: boolean;
}

/** State of the platform when the report was made. */
export interface PlatformInfo {
    readonly smtEnabled: boolean;
    readonly tsmeEnabled: boolean;
    readonly eccEnabled: boolean;
    readonly raplDisabled: boolean;
    readonly ciphertextHidingEnabled: boolean;
    /** The firmware found no aliased memory since reset: the mitigation of CVE-2024-21944. */
    readonly aliasCheckComplete: boolean;
    readonly iommuWriteSafe: boolean;
    readonly tioEnabled: boolean;
}

/** A firmware version. */
export interface FirmwareVersion {
    readonly major: number;
    readonly minor: number;
    readonly build: number;
}

/** Every field of a report. Byte fields are views into the input. */
export interface SnpReport {
    readonly version: 2 | 3 | 4 | 5;
    readonly guestSvn: number;
    readonly policy: GuestPolicy;
    readonly familyId: Uint8Array;
    readonly imageId: Uint8Array;
    readonly vmpl: number;
    readonly currentTcb: RawTcb;
    readonly platformInfo: PlatformInfo;
    readonly authorKeyEnabled: boolean;
    readonly signingKey: "VCEK" | "VLEK";
    readonly reportData: Uint8Array;
    readonly measurement: Uint8Array;
    readonly hostData: Uint8Array;
    readonly idKeyDigest: Uint8Array;
    readonly authorKeyDigest: Uint8Array;
    readonly reportId: Uint8Array;
    readonly reportIdMigrationAgent: Uint8Array;
    readonly reportedTcb: RawTcb;
    /** From CPUID; null in version 2, which does not have it. */
    readonly processor: { readonly family: number; readonly model: number; readonly stepping: number } | null;
    readonly chipId: Uint8Array;
    readonly committedTcb: RawTcb;
    readonly currentFirmware: FirmwareVersion;
    readonly committedFirmware: FirmwareVersion;
    readonly launchTcb: RawTcb;
    /** Bit vectors of firmware mitigations; null before version 5. */
    readonly mitigations: { readonly launch: bigint; readonly current: bigint } | null;
    /** The bytes that the signature covers. */
    readonly signed: Uint8Array;
    /** r ‖ s, 48 bytes big-endian each. */
    readonly signature: Uint8Array;
}

/**
 * Parses a report. Every reserved bit of the report's own version must be zero.
 *
 * @param bytes - exactly 1184 bytes
 * @throws EvidenceRefused when any byte is not what the specification allows
 */
export function parseReport(bytes: Uint8Array): SnpReport {
    const reader = new ByteReader(bytes, "SNP report");
    if (bytes.length !== REPORT_LENGTH) {
        throw malformed("SNP report: length", `${bytes.length} bytes`, `${REPORT_LENGTH} bytes`);
    }
    const version = parseVersion(reader.u32("version"));
    const guestSvn = reader.u32("GUEST_SVN");
    const policy = parsePolicy(reader.u64("POLICY"), version);
    const familyId = reader.take(16, "FAMILY_ID");
    const imageId = reader.take(16, "IMAGE_ID");
    const vmpl = reader.u32("VMPL");
    const algorithm = reader.u32("SIGNATURE_ALGO");
    if (algorithm !== 1) {
        throw refuse("AE-ATTEST-UNSUPPORTED", "SNP report: SIGNATURE_ALGO", String(algorithm), "1 (ECDSA P-384 with SHA-384)");
    }
    const currentTcb = reader.take(8, "CURRENT_TCB");
    const platformInfo = parsePlatformInfo(reader.u64("PLATFORM_INFO"), version);
    const flags = parseFlags(reader.u32("flags"));
    reader.zeros(4, "reserved 0x4c");
    const reportData = reader.take(64, "REPORT_DATA");
    const measurement = reader.take(48, "MEASUREMENT");
    const hostData = reader.take(32, "HOST_DATA");
    const idKeyDigest = reader.take(48, "ID_KEY_DIGEST");
    const authorKeyDigest = reader.take(48, "AUTHOR_KEY_DIGEST");
    const reportId = reader.take(32, "REPORT_ID");
    const reportIdMigrationAgent = reader.take(32, "REPORT_ID_MA");
    const reportedTcb = reader.take(8, "REPORTED_TCB");
    const processor = parseProcessor(reader, version);
    const chipId = reader.take(64, "CHIP_ID");
    const committedTcb = reader.take(8, "COMMITTED_TCB");
    const currentFirmware = parseFirmware(reader, "CURRENT version");
    const committedFirmware = parseFirmware(reader, "COMMITTED version");
    const launchTcb = reader.take(8, "LAUNCH_TCB");
    const mitigations = version < 5 ? null : { launch: reader.u64("LAUNCH_MIT_VECTOR"), current: reader.u64("CURRENT_MIT_VECTOR") };
    reader.zeros(version < 5 ? 168 : 152, "reserved before the signature");
    const signature = parseSignature(reader);
    reader.end();
    return {
        version, guestSvn, policy, familyId, imageId, vmpl, currentTcb, platformInfo, ...flags, reportData, measurement,
        hostData, idKeyDigest, authorKeyDigest, reportId, reportIdMigrationAgent, reportedTcb, processor, chipId,
        committedTcb, currentFirmware, committedFirmware, launchTcb, mitigations,
        signed: bytes.subarray(0, SIGNED_LENGTH), signature,
    };
}

function parseVersion(version: number): SnpReport["version"] {
    if (version !== 2 && version !== 3 && version !== 4 && version !== 5) {
        throw refuse("AE-ATTEST-UNSUPPORTED", "SNP report: version", String(version), "2, 3, 4 or 5");
    }
    return version;
}

const bit = (value: bigint, position: number): boolean => ((value >> BigInt(position)) & 1n) === 1n;

function parsePolicy(value: bigint, version: number): GuestPolicy {
    // Bit 17 is reserved and must be one; PAGE_SWAP_DISABLE (25) came with version 5.
    if (!bit(value, 17)) {
        throw malformed("SNP report: POLICY bit 17", "0", "1");
    }
    if (value >> (version < 5 ? 25n : 26n) !== 0n) {
        throw malformed("SNP report: POLICY reserved bits", `0x${value.toString(16)}`, "reserved bits zero");
    }
    return {
        abiMinor: Number(value & 0xffn),
        abiMajor: Number((value >> 8n) & 0xffn),
        smtAllowed: bit(value, 16),
        migrationAgentAllowed: bit(value, 18),
        debugAllowed: bit(value, 19),
        singleSocket: bit(value, 20),
        cxlAllowed: bit(value, 21),
        memoryAes256Xts: bit(value, 22),
        raplDisabled: bit(value, 23),
        ciphertextHiding: bit(value, 24),
        pageSwapDisabled: bit(value, 25),
    };
}

function parsePlatformInfo(value: bigint, version: number): PlatformInfo {
    // ALIAS_CHECK_COMPLETE (5) came with version 3, IOMMU_WRITE_SAFE (6) and SEV-TIO (7) with version 5.
    const defined = version < 3 ? 0x1fn : version < 5 ? 0x3fn : 0xffn;
    if ((value & ~defined) !== 0n) {
        throw malformed("SNP report: PLATFORM_INFO reserved bits", `0x${value.toString(16)}`, "reserved bits zero");
    }
    return {
        smtEnabled: bit(value, 0),
        tsmeEnabled: bit(value, 1),
        eccEnabled: bit(value, 2),
        raplDisabled: bit(value, 3),
        ciphertextHidingEnabled: bit(value, 4),
        aliasCheckComplete: bit(value, 5),
        iommuWriteSafe: bit(value, 6),
        tioEnabled: bit(value, 7),
    };
}

function parseFlags(value: number): { authorKeyEnabled: boolean; signingKey: "VCEK" | "VLEK" } {
    if (value >>> 5 !== 0) {
        throw malformed("SNP report: flags", `0x${value.toString(16)}`, "reserved bits zero");
    }
    if ((value & 2) !== 0) {
        throw refuse("AE-ATTEST-UNSUPPORTED", "SNP report: MASK_CHIP_KEY", "1", "0: the host withheld the signature");
    }
    const signingKey = (value >> 2) & 7;
    if (signingKey > 1) {
        throw refuse("AE-ATTEST-UNSUPPORTED", "SNP report: SIGNING_KEY", String(signingKey), "0 (VCEK) or 1 (VLEK)");
    }
    return { authorKeyEnabled: (value & 1) === 1, signingKey: signingKey === 0 ? "VCEK" : "VLEK" };
}

function parseProcessor(reader: ByteReader, version: number): SnpReport["processor"] {
    if (version < 3) {
        reader.zeros(24, "reserved 0x188");
        return null;
    }
    const processor = { family: reader.u8("CPUID_FAM_ID"), model: reader.u8("CPUID_MOD_ID"), stepping: reader.u8("CPUID_STEP") };
    reader.zeros(21, "reserved 0x18b");
    return processor;
}

function parseFirmware(reader: ByteReader, field: string): FirmwareVersion {
    const build = reader.u8(field);
    const minor = reader.u8(field);
    const major = reader.u8(field);
    reader.zeros(1, `${field} padding`);
    return { major, minor, build };
}

function parseSignature(reader: ByteReader): Uint8Array {
    const signature = new Uint8Array(2 * P384_SCALAR);
    for (const [index, component] of ["R", "S"].entries()) {
        const littleEndian = reader.take(P384_SCALAR, `signature ${component}`);
        reader.zeros(SIGNATURE_COMPONENT - P384_SCALAR, `signature ${component} padding`);
        signature.set(littleEndian.toReversed(), index * P384_SCALAR);
    }
    reader.zeros(512 - 2 * SIGNATURE_COMPONENT, "signature padding");
    return signature;
}

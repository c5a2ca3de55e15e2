// SEV-SNP reports for tests: well-formed ones of each version and product, changed at will before they are signed.
import { sign, type KeyObject } from "node:crypto";
import type { AmdProduct } from "../../../provider/attest/collateral/kds";
import { keyPair, MILAN_TCB, TURIN_TCB, type TestTcb } from "./authority";

/** Offsets of the fields that tests change. */
export const At = {
    version: 0x00, guestSvn: 0x04, policy: 0x08, familyId: 0x10, imageId: 0x20, vmpl: 0x30, algorithm: 0x34, currentTcb: 0x38,
    platformInfo: 0x40, flags: 0x48, reserved4c: 0x4c, reportData: 0x50, measurement: 0x90, hostData: 0xc0, idKeyDigest: 0xe0,
    authorKeyDigest: 0x110, reportedTcb: 0x180, cpuid: 0x188, chipId: 0x1a0, committedTcb: 0x1e0, current: 0x1e8, committed: 0x1ec,
    launchTcb: 0x1f0, mitigations: 0x1f8, signature: 0x2a0,
} as const;

const PROCESSORS: Readonly<Record<AmdProduct, readonly [number, number, number]>> = { Milan: [0x19, 0x01, 1], Genoa: [0x19, 0x11, 1], Turin: [0x1a, 0x02, 1] };

/** A TCB version in the byte order of a product. */
export function tcbBytes(product: AmdProduct, tcb: TestTcb): Uint8Array {
    const order = product === "Turin" ? ["fmc", "bootloader", "tee", "snp", "", "", "", "microcode"] : ["bootloader", "tee", "", "", "", "", "snp", "microcode"];
    return Uint8Array.from(order, (component) => tcb[component] ?? 0);
}

export interface ReportOptions {
    readonly product?: AmdProduct;
    readonly version?: number;
    readonly key?: "VCEK" | "VLEK";
    /** Changes the bytes before they are signed. */
    readonly change?: (report: Buffer) => void;
    readonly signer?: KeyObject;
}

/** The chip's identifier in test reports: 64 bytes, or 8 and zeros for Turin. */
export function chipIdOf(product: AmdProduct): Uint8Array {
    const chipId = Uint8Array.from({ length: 64 }, (_, index) => 0xa0 + index);
    return product === "Turin" ? chipId.fill(0, 8) : chipId;
}

/** hwID of the certificate that belongs to {@link chipIdOf}. */
export function hardwareIdOf(product: AmdProduct): Uint8Array {
    return chipIdOf(product).subarray(0, product === "Turin" ? 8 : 64);
}

/** Signs a report's first 672 bytes. */
export function signReport(report: Buffer, signer: KeyObject): Buffer {
    const signature = sign("sha384", report.subarray(0, At.signature), { key: signer, dsaEncoding: "ieee-p1363" });
    report.set(signature.subarray(0, 48).toReversed(), At.signature);
    report.set(signature.subarray(48).toReversed(), At.signature + 72);
    return report;
}

/** A signed report: VMPL 0, no debugging, measurement 11…, report data 22…. */
export function buildReport({ product = "Milan", version = 3, key = "VCEK", change, signer }: ReportOptions = {}): Buffer {
    const report = Buffer.alloc(0x4a0);
    const tcb = tcbBytes(product, product === "Turin" ? TURIN_TCB : MILAN_TCB);
    report.writeUInt32LE(version, At.version);
    report.writeBigUInt64LE(0x30000n, At.policy);
    report.writeUInt32LE(1, At.algorithm);
    report.writeBigUInt64LE(version >= 3 ? 0x21n : 0x01n, At.platformInfo);
    report.writeUInt32LE(key === "VLEK" ? 4 : 0, At.flags);
    report.fill(0x22, At.reportData, At.reportData + 64);
    report.fill(0x11, At.measurement, At.measurement + 48);
    for (const offset of [At.currentTcb, At.reportedTcb, At.committedTcb, At.launchTcb]) {
        report.set(tcb, offset);
    }
    if (version >= 3) {
        report.set(PROCESSORS[product], At.cpuid);
    }
    report.set(chipIdOf(product), At.chipId);
    report.set([4, 52, 1], At.current);
    report.set([4, 52, 1], At.committed);
    change?.(report);
    return signReport(report, signer ?? keyPair(key, "P-384").privateKey);
}

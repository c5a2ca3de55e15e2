// EREPORT of an emulated processor, written anew from the manual's structures and docs/sgx-platform.md.
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";

/** What a test enclave says about itself. */
export interface Enclave {
    readonly mrenclave: Uint8Array;
    readonly mrsigner: Uint8Array;
    /** 16 bytes. */
    readonly attributes: Uint8Array;
    readonly reportData: Uint8Array;
}

/** An emulated processor. */
export interface Processor {
    readonly fuseKey: Uint8Array;
    readonly cpuSvn: Uint8Array;
}

/** Reads the file of a node's processor: fuse key ‖ CPUSVN. */
export function readProcessor(file: string): Processor {
    const bytes = readFileSync(file);
    return { fuseKey: bytes.subarray(0, 16), cpuSvn: bytes.subarray(16, 32) };
}

/** EREPORT (SDM 40.4): 432 bytes, for the enclave that TARGETINFO names. */
export function ereport({ fuseKey, cpuSvn }: Processor, enclave: Enclave, targetInfo: Uint8Array): Uint8Array {
    const report = Buffer.alloc(432);
    report.set(cpuSvn, 0);
    report.set(enclave.attributes, 48);
    report.set(enclave.mrenclave, 64);
    report.set(enclave.mrsigner, 128);
    report.set(enclave.reportData, 320);
    const keyId = report.subarray(384, 416).fill(7);

    const dependencies = Buffer.alloc(320);
    dependencies.writeUInt16LE(3, 0);
    dependencies.set(targetInfo.subarray(50, 52), 8);
    dependencies.set(targetInfo.subarray(52, 56), 12);
    dependencies.set(targetInfo.subarray(32, 48), 32);
    dependencies.set(targetInfo.subarray(0, 32), 64);
    dependencies.set(keyId, 128);
    dependencies.set(cpuSvn, 160);
    dependencies.set(targetInfo.subarray(64, 128), 208);
    report.set(cmac(cmac(fuseKey, dependencies), report.subarray(0, 384)), 416);
    return report;
}

/** AES-CMAC (RFC 4493) of a message of whole blocks. */
export function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
    const encrypt = (data: Uint8Array): Buffer => createCipheriv("aes-128-cbc", key, Buffer.alloc(16)).setAutoPadding(false).update(data);
    const doubled = BigInt(`0x${encrypt(Buffer.alloc(16)).toString("hex")}`) << 1n;
    const subkey = Buffer.from(((doubled & ((1n << 128n) - 1n)) ^ (doubled >> 128n === 1n ? 0x87n : 0n)).toString(16).padStart(32, "0"), "hex");
    const blocks = Uint8Array.from(message);
    subkey.forEach((byte, index) => { blocks[blocks.length - 16 + index]! ^= byte; });
    return encrypt(blocks).subarray(-16);
}

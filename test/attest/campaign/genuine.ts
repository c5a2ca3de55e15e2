// Every genuine sample as tasks: the evidence itself, its container, its collateral, the keys beside it.
import { evidenceOfFile } from "../../../provider/attest/container";
import type { Claims, EvidenceType } from "../../../provider/attest/evidence";
import { psa } from "../../../provider/attest/psa";
import { sgx } from "../../../provider/attest/sgx";
import { snp } from "../../../provider/attest/snp";
import { tdx } from "../../../provider/attest/tdx";
import { Appraiser, type Sample } from "../changes";
import { everyValueTask } from "./changes";
import type { Task } from "./task";

const AT = Date.UTC(2025, 6, 1);
const PSA_INSTANCE = "0107060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918";
/** The quote of the TDX sample; 70 bytes follow it in its file. */
const TDX_QUOTE_LENGTH = 4936;

/**
 * The tasks of all genuine samples.
 *
 * @param read - reads a sample by its file name
 */
export function genuineTasks(read: (name: string) => Uint8Array): Task[] {
    const sgxTrust = { sgx: { tcbStatuses: ["ConfigurationAndSWHardeningNeeded"], advisories: ["INTEL-SA-00289", "INTEL-SA-00615"] } };
    const tasks = [...psaTasks(read), ...snpTasks(read), ...dcapTasks(sgx, read, "sgx-quote-v3.bin", Infinity, sgxTrust), ...dcapTasks(tdx, read, "tdx-quote-v4.bin", TDX_QUOTE_LENGTH, {})];
    // The short ones first, so that an interrupted campaign has finished as many as possible.
    return tasks.sort((left, right) => left.inputs - right.inputs);
}

function appraiser<E, C, V, K extends Claims, P, R>(type: EvidenceType<E, C, V, K, P, R>, sample: Omit<Sample, "at">): Appraiser<E, C, V, K, P, R> {
    return new Appraiser(type, { ...sample, at: AT });
}

function dcapTasks<E, C, V, K extends Claims, P, R>(
    type: EvidenceType<E, C, V, K, P, R>, read: (name: string) => Uint8Array, file: string, length: number, trust: Record<string, unknown>,
): Task[] {
    const evidence = read(file).subarray(0, Math.min(length, read(file).length));
    const collateralFile = file.replace(".bin", ".collateral.json");
    const collateral = read(collateralFile);
    const judge = appraiser(type, { evidence, collateral: [collateral], trust });
    return [
        everyValueTask(file, evidence, (changed) => judge.acceptsEvidence(changed)),
        everyValueTask(collateralFile, collateral, (changed) => judge.acceptsCollateral([changed])),
    ];
}

function snpTasks(read: (name: string) => Uint8Array): Task[] {
    const file = "snp-report-milan.hex";
    const evidence = evidenceOfFile(read(file));
    const names = ["snp-vcek-milan.der", "snp-cert-chain-milan.pem"];
    const collateral = names.map(read);
    const judge = appraiser(snp, { evidence, collateral, trust: { snp: { revocation: "optional" } } });
    return [
        everyValueTask("the bytes of snp-report-milan.hex", evidence, (changed) => judge.acceptsEvidence(changed)),
        everyValueTask(file, read(file), (changed) => judge.acceptsEvidence(evidenceOfFile(changed))),
        ...names.map((name, index) => everyValueTask(name, collateral[index]!, (changed) => judge.acceptsCollateral(collateral.with(index, changed)))),
    ];
}

function psaTasks(read: (name: string) => Uint8Array): Task[] {
    const evidence = read("psa-token.cbor");
    const keyFile = "psa-token-public-key.pem";
    const trust = (key: Uint8Array): Record<string, unknown> =>
        ({ psa: { legacyProfiles: ["http://example.com"], devices: [{ key: Buffer.from(key).toString("latin1"), instanceId: PSA_INSTANCE }] } });
    const judge = appraiser(psa, { evidence, collateral: [], trust: trust(read(keyFile)) });
    return [
        everyValueTask("psa-token.cbor", evidence, (changed) => judge.acceptsEvidence(changed)),
        everyValueTask(keyFile, read(keyFile), (changed) => appraiser(psa, { evidence, collateral: [], trust: trust(changed) }).acceptsEvidence(evidence)),
    ];
}

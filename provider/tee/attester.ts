// What the relying party knows of an attester before it sees evidence, and what it is shown: the input of a TEE's appraisal.
import type { CollateralSources } from "../attest/collateral/sources";
import type { RootSet } from "../attest/evidence";
import type { Trust } from "../attest/policy";

/** An attester as the resources of a stack describe it. */
export interface Attester {
    /** Chosen by the node's declared backend, so that evidence of one never satisfies the other. */
    readonly roots: RootSet;
    /** The vendor that signed the image, hexadecimal (SGX: MRSIGNER); absent where the TEE knows no vendor. */
    readonly signer?: string | undefined;
    /** The machine that was enrolled with the node, hexadecimal (SGX: platform instance id, else PPID; PSA: instance id); absent where none was. */
    readonly platformId?: string | undefined;
    /** The kind of device that was enrolled, hexadecimal; absent where the TEE knows no such thing, or none was. */
    readonly implementationId?: string | undefined;
    /** Measurement of the firmware beneath the module, hexadecimal; absent where there is none. */
    readonly firmware?: string | undefined;
    readonly collateral: CollateralSources;
}

/** One piece of evidence in a session. */
export interface Presented {
    readonly evidence: Uint8Array;
    /** What it has to bind, 64 bytes. */
    readonly reportData: Uint8Array;
    /** What it has to show, 32 bytes. */
    readonly measurement: Uint8Array;
    readonly attester: Attester;
    readonly trust: Trust;
    /** Verification time, milliseconds since the epoch. */
    readonly at: number;
}

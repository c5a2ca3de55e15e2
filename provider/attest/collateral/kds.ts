// Client of the AMD KDS interface: VCEK and VLEK certificates, their authorities and revocation lists.

/** Product lines with their own roots. */
export type AmdProduct = "Milan" | "Genoa" | "Turin";

/** Which endorsement key signed a report. */
export type AmdEndorsementKey = "vcek" | "vlek";

/** TCB of a report as KDS is asked for it; `fmc` exists from Turin on. */
export interface AmdTcb {
    readonly fmc?: number;
    readonly bootloader: number;
    readonly tee: number;
    readonly snp: number;
    readonly microcode: number;
}

/** What the verifiers ask of a key distribution service. */
export interface AmdKeyDistribution {
    /** DER of the VCEK for one chip (64 bytes; Turin: the first 8) and TCB: a chip has several, one a TCB. */
    vcek(product: AmdProduct, chipId: Uint8Array, tcb: AmdTcb, at: number): Promise<Uint8Array>;
    /** Canonical PEM of intermediate (ASK or ASVK) and root (ARK), in this order. */
    certificateChain(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<string>;
    /** DER of the revocation list that the ARK signs. */
    revocationList(product: AmdProduct, key: AmdEndorsementKey, at: number): Promise<Uint8Array>;
}

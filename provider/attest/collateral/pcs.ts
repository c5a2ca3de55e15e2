// Client of the Intel PCS v4 interface: TCB information, QE identities and revocation lists.

/** Documents as the service gives them, not yet believed. */
export interface PcsCollateral {
    readonly pckCrlIssuerChain: string;
    readonly rootCaCrl: Uint8Array;
    readonly pckCrl: Uint8Array;
    readonly tcbInfoIssuerChain: string;
    readonly tcbInfo: string;
    readonly tcbInfoSignature: string;
    readonly qeIdentityIssuerChain: string;
    readonly qeIdentity: string;
    readonly qeIdentitySignature: string;
}

/** What the verifiers ask of a provisioning service. */
export interface IntelProvisioning {
    /**
     * @param tee - whose TCB information and quoting enclave
     * @param fmspc - 12 lower-case hexadecimal digits
     * @param ca - the authority that issued the PCK certificate
     * @param at - time at which the documents have to be valid, milliseconds
     */
    collateral(tee: "sgx" | "tdx", fmspc: string, ca: "processor" | "platform", at: number): Promise<PcsCollateral>;
}

// What the tests use of `cose-js`, which brings no types.
declare module "cose-js" {
    export const sign: {
        /** Verifies a COSE_Sign1 under a P-256 key and resolves with its payload; rejects a bad signature. */
        verify(message: Buffer, verifier: { readonly key: { readonly x: Buffer; readonly y: Buffer } }): Promise<Buffer>;
    };
}

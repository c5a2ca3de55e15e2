// Vendor roots, pinned by the SHA-256 of the root certificate's DER. A changed root is a release of this package.

import type { AmdProduct } from "./collateral/kds";
import type { Fingerprint } from "./x509/path";

/**
 * "Intel SGX Root CA", valid 2018-05-21 to 2049-12-31, for SGX and TDX.
 * Origin: https://certificates.trustedservices.intel.com/IntelSGXRootCA.der
 */
export const INTEL_SGX_ROOT: Fingerprint = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";

/**
 * AMD root keys by product line, each the last certificate of `https://kdsintf.amd.com/vcek/v1/<product>/cert_chain`;
 * the chains of `/vlek/v1/` end in the same roots.
 */
export const AMD_ROOTS: Readonly<Partial<Record<AmdProduct, Fingerprint>>> = {
    /** "ARK-Milan", valid 2020-10-22 to 2045-10-22. */
    Milan: "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
};

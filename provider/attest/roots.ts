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
export const AMD_ROOTS: Readonly<Record<AmdProduct, Fingerprint>> = {
    /** "ARK-Milan", valid 2020-10-22 to 2045-10-22. */
    Milan: "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
    /** "ARK-Genoa" (also Bergamo and Siena), valid 2022-01-26 to 2047-01-26. */
    Genoa: "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
    /** "ARK-Turin", valid 2023-05-15 to 2048-05-15. */
    Turin: "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
};

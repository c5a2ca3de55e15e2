// Section `authentic:trust.collateral`: services and cache. It never changes what is accepted.

import { z } from "zod";

const baseUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

/** Settings of the collateral layer. */
export const collateralSchema = z.strictObject({
    /** Base URL of the PCS v4 interface: Intel's service, a PCCS, or an emulator. */
    pcs: baseUrl.default("https://api.trustedservices.intel.com"),
    /** URL of the root CA's revocation list; by default Intel's, or `<pcs>/sgx/certification/v4/rootcacrl` for other services. */
    rootCrl: z.url({ protocol: /^https?$/ }).optional(),
    /** Base URL of the KDS interface. */
    kds: baseUrl.default("https://kdsintf.amd.com"),
    /** Folder of the cache; by default `~/.cache/pulumi-authentic/collateral`. */
    cache: z.string().min(1).optional(),
    /** Age in hours from which a cached document is asked for again; while it is valid it still serves when the service does not. */
    refreshAfterHours: z.number().nonnegative().default(24),
    /** Use only what the cache holds. */
    offline: z.boolean().default(false),
}).prefault({});

/** Settings of the collateral layer, complete. */
export type CollateralSettings = z.infer<typeof collateralSchema>;

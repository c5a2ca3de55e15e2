// The clients of all collateral services, from the settings of a trust policy.

import { defaultCacheFolder, FileCache } from "./cache";
import type { DocumentOptions } from "./documents";
import { KdsClient } from "./kds";
import { PcsClient } from "./pcs";
import type { CollateralSettings } from "./settings";
import type { CollateralSources } from "./sources";

/**
 * Creates the clients that a policy asks for.
 *
 * @param settings - `trust.collateral`
 * @param overrides - what tests and tools replace: cache, offline, retries
 */
export function collateralSources(settings: CollateralSettings, overrides: Partial<DocumentOptions> = {}): CollateralSources {
    const options: DocumentOptions = {
        cache: new FileCache(settings.cache ?? defaultCacheFolder()),
        offline: settings.offline,
        refreshAfter: settings.refreshAfterHours * 3_600_000,
        ...overrides,
    };
    return {
        pcs: new PcsClient(settings.pcs, settings.rootCrl ?? null, options),
        kds: new KdsClient(settings.kds, options),
    };
}

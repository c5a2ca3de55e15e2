// Where collateral comes from: one client for each service, given to the evidence types that need it.

import type { AmdKeyDistribution } from "./kds";
import type { IntelProvisioning } from "./pcs";

/** The collateral services. */
export interface CollateralSources {
    /** Intel's Provisioning Certification Service, or a service with its interface. */
    readonly pcs: IntelProvisioning;
    /** AMD's Key Distribution Service, or a service with its interface. */
    readonly kds: AmdKeyDistribution;
}

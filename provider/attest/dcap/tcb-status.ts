// TCB statuses of Intel platforms, and how the statuses of several parts combine.

/** Statuses in TCB information v3 and QE identity v2. */
export const TCB_STATUSES = [
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
] as const;

/** A TCB status as Intel writes it. */
export type TcbStatus = (typeof TCB_STATUSES)[number];

/**
 * Combines the platform's status with that of a further part (quoting enclave, TDX module), as Intel's
 * quote verification library does: an outdated part makes the whole outdated, keeping the need for configuration.
 */
export function combineStatus(platform: TcbStatus, part: TcbStatus): TcbStatus {
    if (platform === "Revoked" || part === "Revoked") {
        return "Revoked";
    }
    switch (part) {
        case "UpToDate":
            return platform;
        case "OutOfDate":
            return needsConfiguration(platform) ? "OutOfDateConfigurationNeeded" : "OutOfDate";
        default:
            // Parts have no other status today; the worse of two needs stands in for any later one.
            return TCB_STATUSES.indexOf(part) > TCB_STATUSES.indexOf(platform) ? part : platform;
    }
}

function needsConfiguration(status: TcbStatus): boolean {
    return status === "ConfigurationNeeded" || status === "ConfigurationAndSWHardeningNeeded" || status === "OutOfDateConfigurationNeeded";
}

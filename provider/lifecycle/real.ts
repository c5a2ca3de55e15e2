// The surroundings of a deployed system: the package's own TEEs, agents and sessions, loaded when first needed.

import { AuthenticError } from "../errors";
import type { Surroundings } from "./surroundings";

const absent = () => {
    throw new AuthenticError("AE-PACKAGE-INCOMPLETE", "this build of pulumi-authentic has no agents", "install a complete package");
};

export const real: Surroundings = {
    tees: async () => (await import("../tee/registry.js")).tees,
    startAgent: absent, endAgent: absent, agentGone: absent, agent: absent,
    driver: async (deployer) => (await import("../session/driver.js")).createDriver(deployer),
};

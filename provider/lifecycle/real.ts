// The surroundings of a deployed system: the package's own TEEs, agents and sessions, loaded when first needed.

import type { Surroundings } from "./surroundings";

export const real: Surroundings = {
    tees: async () => (await import("../tee/registry.js")).tees,
    programs: async (tee, elsewhere) => (await import("../agent/programs.js")).wantedPrograms(tee, elsewhere),
    runningAgent: async (folder, tee) => (await import("../agent/agents.js")).runningAgent(folder, tee),
    startAgent: async (request) => (await import("../agent/agents.js")).startAgent(request),
    endAgent: async (folder) => (await import("../agent/agents.js")).endAgent(folder),
    killAgent: async (folder) => (await import("../agent/agents.js")).killAgent(folder),
    recordAgent: async (folder) => (await import("../agent/agents.js")).recordAgent(folder),
    agentGone: async (folder) => (await import("../agent/agents.js")).agentGone(folder),
    agent: async (folder) => new (await import("../agent/client.js")).AgentClient(folder),
    generateVendorKey: async () => (await import("../tee/sgx/vendor-key.js")).generateVendorKey(),
    driver: async (deployer) => (await import("../session/driver.js")).createDriver(deployer),
};

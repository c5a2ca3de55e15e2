// The collateral service of an emulated platform: reached through its node's agent, not over the network.

/** Base of its documents' URLs. They name no host, so no client can ask the network for one. */
export const EMULATED_PCS = "emulated:";

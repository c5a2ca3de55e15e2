// The kinds of TEE of this version.

/** As a Node's `tee` argument has them. */
export const TEE_NAMES = ["sgx", "trustzone", "sancus", "native"] as const;

export type TeeName = (typeof TEE_NAMES)[number];

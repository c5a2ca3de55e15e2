// The kinds of TEE of this version, one line each.
import { native } from "./native/native";
import { sancus } from "./sancus/sancus";
import { sgx } from "./sgx/sgx";
import type { Tee } from "./tee";
import { trustzone } from "./trustzone/trustzone";

/** By name, as a Node's `tee` argument has it. */
export const tees: Readonly<Record<string, Tee>> = {
    native,
    sancus,
    sgx,
    trustzone,
};

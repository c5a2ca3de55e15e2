// What each kind of TEE does, one line each.
import type { TeeName } from "./names";
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
} satisfies Readonly<Record<TeeName, Tee>>;

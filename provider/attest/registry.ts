// The evidence types: one line each.

import { keystone } from "./keystone";
import { none } from "./none";
import { optee } from "./optee";
import { psa } from "./psa";
import { sancus } from "./sancus";
import { sgx } from "./sgx";
import { snp } from "./snp";
import { tdx } from "./tdx";

/** Every evidence type by its name. */
export const evidenceTypes = {
    none,
    sgx,
    tdx,
    snp,
    psa,
    sancus,
    keystone,
    optee,
} as const;

// The trust policy: what `authentic:trust` in a stack configuration may say, strictest where it says nothing.

import { sha256 } from "@noble/hashes/sha2";
import { z } from "zod";
import { AuthenticError } from "../errors";
import { collateralSchema } from "./collateral/settings";
import type { EvidenceName } from "./evidence";
import { keystonePolicySchema } from "./keystone/policy";
import { nativePolicySchema } from "./none";
import { opteePolicySchema } from "./optee/policy";
import { psaPolicySchema } from "./psa/policy";
import { sancusPolicySchema } from "./sancus/policy";
import { sgxPolicySchema } from "./sgx/policy";
import { snpPolicySchema } from "./snp/policy";
import { tdxPolicySchema } from "./tdx/policy";

/**
 * Schema of `authentic:trust`. Unknown members are refused, so a misspelt restriction never passes as absent.
 *
 * @example
 * // Pulumi.prod.yaml
 * // authentic:trust:
 * //   sgx:
 * //     tcbStatuses: [UpToDate, SWHardeningNeeded]
 * //     advisories: [INTEL-SA-00615]
 */
export const trustSchema = z.strictObject({
    /** Whether nodes with `backend: emulated` may be believed, each under its own root. */
    emulated: z.boolean().default(false),
    /** Whether modules on native nodes, for which nothing vouches, are accepted. */
    native: nativePolicySchema,
    /** Where collateral comes from; it does not change what is accepted. */
    collateral: collateralSchema,
    sgx: sgxPolicySchema,
    tdx: tdxPolicySchema,
    snp: snpPolicySchema,
    psa: psaPolicySchema,
    sancus: sancusPolicySchema,
    keystone: keystonePolicySchema,
    optee: opteePolicySchema,
});

/** A complete trust policy. */
export type Trust = z.infer<typeof trustSchema>;

/** The sections that belong to evidence types. */
type Section = Exclude<keyof Trust, "emulated" | "native" | "collateral">;

/**
 * Reads a trust configuration.
 *
 * @param value - the value of `authentic:trust`; undefined or null stands for the strictest policy
 * @throws AuthenticError naming the property
 */
export function parseTrust(value: unknown): Trust {
    const result = trustSchema.safeParse(value ?? {});
    if (result.success) {
        return result.data;
    }
    const problems = result.error.issues.map((issue) => `authentic:trust${path(issue.path)}: ${issue.message}`);
    throw new AuthenticError("AE-TRUST-CONFIG", problems.join("; "), "correct these properties of the stack configuration");
}

function path(keys: readonly PropertyKey[]): string {
    return keys.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("");
}

/** The policy section of an evidence type: `authentic:trust.<name>`, or `authentic:trust.native` for `none`. */
export function policySection(trust: Trust, name: EvidenceName): unknown {
    return name === "none" ? trust.native : (trust as Partial<Record<Section | EvidenceName, unknown>>)[name];
}

/**
 * Identifies a policy: SHA-256 over a label and the canonical JSON (RFC 8785) of the complete policy.
 * Challenges carry it, so evidence tells under which policy it was asked for. Where collateral comes from is left out.
 *
 * @returns 32 bytes
 */
export function policyHash(trust: Trust): Uint8Array {
    return sha256(new TextEncoder().encode(`aex/v1/policy\0${canonicalJson({ ...trust, collateral: undefined })}`));
}

/** RFC 8785 for what policies consist of: members in the order of their names, absent ones left out, no whitespace. */
function canonicalJson(value: unknown): string {
    if (Array.isArray(value)) {
        return `[${value.map(canonicalJson).join(",")}]`;
    }
    if (typeof value === "object" && value !== null) {
        const members = Object.entries(value).filter(([, member]) => member !== undefined).sort(([left], [right]) => left < right ? -1 : 1);
        return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
    }
    return JSON.stringify(value);
}

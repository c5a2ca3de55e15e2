// Claims of a verified PSA token.

import { hex } from "../bytes";
import type { Claims } from "../evidence";
import type { VerifiedPsa } from "./verify";

/** A software component, byte strings in hexadecimal. */
export interface PsaComponentClaims {
    readonly measurementType: string | null;
    readonly measurement: string;
    readonly signerId: string;
    readonly version: string | null;
    readonly measurementDescription: string | null;
}

/** States of the security lifecycle (RFC 9783, section 4.3.1), by the upper byte of the claim. */
export type Lifecycle =
    | "unknown" | "assembly-and-test" | "root-of-trust-provisioning" | "secured" | "non-root-of-trust-debug"
    | "recoverable-root-of-trust-debug" | "decommissioned" | "reserved";

const LIFECYCLES: ReadonlyMap<number, Lifecycle> = new Map([
    [0x00, "unknown"], [0x10, "assembly-and-test"], [0x20, "root-of-trust-provisioning"], [0x30, "secured"],
    [0x40, "non-root-of-trust-debug"], [0x50, "recoverable-root-of-trust-debug"], [0x60, "decommissioned"],
]);

/** What a token says, beyond the common claims. */
export interface PsaClaims extends Claims {
    readonly evidence: "psa";
    readonly profile: string;
    readonly labels: "rfc9783" | "legacy";
    readonly implementationId: string;
    readonly clientId: number;
    readonly lifecycle: Lifecycle;
    readonly lifecycleValue: number;
    readonly bootSeed: string | null;
    readonly certificationReference: string | null;
    readonly softwareComponents: readonly PsaComponentClaims[];
}

/** States what was verified. A token has no single measurement: its components are compared one by one. */
export function claimsOfPsa({ token, assurance }: VerifiedPsa): PsaClaims {
    const lifecycle = LIFECYCLES.get(token.lifecycle >> 8) ?? "reserved";
    return {
        evidence: "psa",
        assurance,
        reportData: hex(token.nonce),
        platform: hex(token.instanceId),
        measurement: null,
        debug: lifecycle === "secured" ? "disabled" : "enabled",
        status: null,
        advisories: [],
        profile: token.profile,
        labels: token.labels,
        implementationId: hex(token.implementationId),
        clientId: token.clientId,
        lifecycle,
        lifecycleValue: token.lifecycle,
        bootSeed: token.bootSeed === null ? null : hex(token.bootSeed),
        certificationReference: token.certificationReference,
        softwareComponents: token.softwareComponents.map((component) => ({
            ...component,
            measurement: hex(component.measurement),
            signerId: hex(component.signerId),
        })),
    };
}

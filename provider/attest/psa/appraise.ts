// Appraisal of PSA claims: lifecycle, boot seed, and the reference values of every software component.

import { anyOf, Reasons } from "../appraisal";
import type { Refusal } from "../refusal";
import type { PsaClaims, PsaComponentClaims } from "./claims";
import type { PsaPolicy, PsaReferences } from "./policy";

type Reference = PsaReferences["softwareComponents"][number];

/** Compares claims with policy and references. */
export function appraisePsa(claims: PsaClaims, policy: PsaPolicy, references: PsaReferences | null): readonly Refusal[] {
    const reasons = new Reasons();
    // Every other state leaves debug ports open to somebody; no setting accepts one.
    reasons.unless(claims.lifecycle === "secured", "AE-ATTEST-POLICY", "lifecycle", `${claims.lifecycle} (0x${claims.lifecycleValue.toString(16)})`, "secured (0x30xx)");
    reasons.unless(policy.withoutBootSeed || claims.bootSeed !== null, "AE-ATTEST-POLICY", "bootSeed", "absent", "present", "authentic:trust.psa.withoutBootSeed");
    claims.softwareComponents.forEach(({ version }, index) => {
        reasons.unless(policy.withoutVersion || version !== null, "AE-ATTEST-POLICY", `softwareComponents[${index}].version`, "absent", "present", "authentic:trust.psa.withoutVersion");
    });
    if (references !== null) {
        compareReferences(claims, references, reasons);
    }
    return reasons.list;
}

function compareReferences(claims: PsaClaims, references: PsaReferences, reasons: Reasons): void {
    reasons.oneOf(references.implementationId, "AE-ATTEST-MEASUREMENT", "implementationId", claims.implementationId);
    reasons.oneOf(references.clientId === undefined ? undefined : [String(references.clientId)], "AE-ATTEST-MEASUREMENT", "clientId", String(claims.clientId));
    reasons.oneOf(references.platform === undefined ? undefined : [references.platform], "AE-ATTEST-BINDING", "platform", claims.platform);
    const unmatched = new Set(references.softwareComponents);
    claims.softwareComponents.forEach((component, index) => {
        const match = [...unmatched].find((reference) => isMatch(component, reference));
        if (match !== undefined) {
            unmatched.delete(match);
        }
        reasons.unless(match !== undefined, "AE-ATTEST-MEASUREMENT", `softwareComponents[${index}]`, describe(component), "one of the reference components");
    });
    for (const reference of unmatched) {
        const required = `${reference.measurementType ?? "a component"} with measurement ${anyOf(reference.measurement)}`;
        reasons.unless(false, "AE-ATTEST-MEASUREMENT", "softwareComponents", "absent", required);
    }
}

function isMatch(component: PsaComponentClaims, reference: Reference): boolean {
    return reference.measurement.includes(component.measurement)
        && reference.signerId.includes(component.signerId)
        && (reference.measurementType === undefined || reference.measurementType === component.measurementType)
        && (reference.version === undefined || reference.version === component.version);
}

function describe({ measurementType, measurement, signerId, version }: PsaComponentClaims): string {
    return `${measurementType ?? "unnamed"} ${version ?? "without version"}, measurement ${measurement}, signer ${signerId}`;
}

// Appraising many changed copies of one document: the steps of the verifier, without reading the unchanged ones anew.
import { parseTrust, policySection } from "../../provider/attest/policy";
import { EvidenceRefused } from "../../provider/attest/refusal";
import type { Claims, EvidenceType } from "../../provider/attest/evidence";

/** Fixed circumstances of one genuine sample. */
export interface Sample {
    readonly evidence: Uint8Array;
    readonly collateral: readonly Uint8Array[];
    readonly at: number;
    readonly trust: Record<string, unknown>;
}

/** Says whether changed evidence, or changed collateral, would be accepted. */
export class Appraiser<E, C, V, K extends Claims, P, R> {
    private readonly policy: P;
    private readonly evidence: E;
    private readonly collateral: C;

    constructor(private readonly type: EvidenceType<E, C, V, K, P, R>, private readonly sample: Sample) {
        this.policy = type.policy.parse(policySection(parseTrust(sample.trust), type.name));
        this.evidence = type.parse(sample.evidence);
        this.collateral = type.readCollateral(sample.collateral);
    }

    acceptsEvidence(changed: Uint8Array): boolean {
        return this.accepts(() => [this.type.parse(changed), this.collateral]);
    }

    acceptsCollateral(changed: readonly Uint8Array[]): boolean {
        return this.accepts(() => [this.evidence, this.type.readCollateral(changed)]);
    }

    private accepts(read: () => readonly [E, C]): boolean {
        try {
            const [evidence, collateral] = read();
            const verified = this.type.verify(evidence, collateral, { at: this.sample.at, roots: { assurance: "hardware" }, policy: this.policy });
            return this.type.appraise(this.type.claims(verified), this.policy, null).length === 0;
        } catch (error) {
            // A refusal is an answer; anything else is a fault of the verifier.
            if (error instanceof EvidenceRefused) {
                return false;
            }
            throw error;
        }
    }
}

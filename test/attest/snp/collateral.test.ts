// Which documents a SEV-SNP report makes the verifier ask a key distribution service for.
import assert from "node:assert/strict";
import type { AmdKeyDistribution, AmdProduct } from "../../../provider/attest/collateral/kds";
import type { CollateralSources } from "../../../provider/attest/collateral/sources";
import { parseTrust } from "../../../provider/attest/policy";
import { EvidenceRefused } from "../../../provider/attest/refusal";
import { snp } from "../../../provider/attest/snp";
import { verifyEvidenceOnline } from "../../../provider/attest/verifier";
import { encodePem } from "../../../provider/attest/x509/pem";
import { assertAccepted, assertRefused } from "../appraising";
import { certificate, chainFields, listFields, NOW, revocationList } from "./authority";
import { At, buildReport, chipIdOf, hardwareIdOf } from "./report";

/** A service that knows one chip, and keeps a record of what it was asked for. */
function service(product: AmdProduct): { sources: CollateralSources; asked: string[]; root: Uint8Array } {
    const fields = chainFields(product, "VCEK", hardwareIdOf(product));
    const root = certificate(fields.root);
    const asked: string[] = [];
    const kds: AmdKeyDistribution = {
        vcek(requested, chipId, tcb) {
            asked.push(`vcek ${requested} ${JSON.stringify(tcb)}`);
            assert.deepEqual(Uint8Array.from(chipId), chipIdOf(product));
            return requested === product ? Promise.resolve(certificate(fields.leaf)) : Promise.reject(new Error(`unknown chip of ${requested}`));
        },
        certificateChain(requested, key) {
            asked.push(`chain ${requested} ${key}`);
            return Promise.resolve(encodePem("CERTIFICATE", certificate(fields.authority)) + encodePem("CERTIFICATE", root));
        },
        revocationList(requested, key) {
            asked.push(`list ${requested} ${key}`);
            return Promise.resolve(revocationList(listFields(requested)));
        },
    };
    return { sources: { kds, pcs: undefined as never }, asked, root };
}

const verify = (report: Uint8Array, { sources, root }: ReturnType<typeof service>) => verifyEvidenceOnline(snp, report, sources, {
    trust: parseTrust({ emulated: true }), roots: { assurance: "emulated", anchors: [root] }, at: NOW, reportData: null, references: null,
});

describe("SEV-SNP collateral from a service", function () {
    this.timeout(60_000);

    for (const [product, tcb] of [
        ["Milan", '{"bootloader":3,"tee":1,"snp":8,"microcode":115}'],
        ["Genoa", '{"bootloader":3,"tee":1,"snp":8,"microcode":115}'],
        ["Turin", '{"fmc":2,"bootloader":3,"tee":1,"snp":8,"microcode":115}'],
    ] as const) {
        it(`is asked for by processor, chip and TCB: ${product}`, async () => {
            const known = service(product);
            assertAccepted(await verify(buildReport({ product }), known));
            assert.deepEqual(known.asked, [`vcek ${product} ${tcb}`, `chain ${product} vcek`, `list ${product} vcek`]);
        });
    }

    it("is asked for under each possible product, where version 2 does not name it", async () => {
        const known = service("Genoa");
        assertAccepted(await verify(buildReport({ product: "Genoa", version: 2 }), known));
        assert.deepEqual(known.asked.map((line) => line.split(" ")[1]), ["Milan", "Genoa", "Genoa", "Genoa"]);
        assertAccepted(await verify(buildReport({ product: "Turin", version: 2 }), service("Turin")));
    });

    it("fails with the service's first error when no product knows the chip", async () => {
        await assert.rejects(verify(buildReport({ product: "Milan", version: 2 }), { ...service("Turin"), sources: { ...service("Milan").sources, kds: {
            ...service("Milan").sources.kds, vcek: (product) => Promise.reject(new Error(`unknown chip of ${product}`)),
        } } }), /unknown chip of Milan/);
    });

    it("is refused for a masked chip, for a VLEK, and for a processor of no product, without asking", async () => {
        const cases = [
            [buildReport({ change: (r) => r.fill(0, At.chipId, At.chipId + 64) }), ["COLLATERAL", "VCEK certificate"]],
            [buildReport({ key: "VLEK" }), ["COLLATERAL", "VLEK certificate"]],
            [buildReport({ change: (r) => r.writeUInt8(0x17, At.cpuid) }), ["UNSUPPORTED", "CPUID"]],
        ] as const;
        for (const [report, reason] of cases) {
            const known = service("Milan");
            assertRefused(await verify(report, known), reason);
            assert.deepEqual(known.asked, []);
        }
    });

    it("is refused by the same checks as files are", () => {
        assert.throws(() => snp.readCollateral([]), EvidenceRefused);
    });
});

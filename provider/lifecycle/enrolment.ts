// Enrolment of a hardware node's machine: an enclave of this package is quoted once, when the node is created and nothing
// secret is on it yet. What its evidence names is what every module's evidence has to name from then on.

import { z } from "zod";
import { AuthenticError } from "../errors";
import { hex } from "../protocol/bytes";
import { driverOf, endOf, teeOf } from "./ends";
import { finalImage, instanceOf } from "./identity";
import type { Platform } from "./platform";
import { hexSchema } from "./schemas";
import { surroundings } from "./surroundings";

/** Keys of the deployment; the enclave is measured with the first, challenged with the second and signed with the third. */
export const enrolmentSchema = z.strictObject({ publicKey: hexSchema(32), privateKey: hexSchema(32), vendorKey: z.string(), signer: hexSchema(32) });

/** A hardware node whose agent runs. */
export interface EnrolledNode {
    readonly name: string;
    readonly deploymentId: string;
    readonly tee: string;
    readonly enrolment?: z.infer<typeof enrolmentSchema> | undefined;
    readonly trust: Readonly<Record<string, unknown>>;
}

/** No module has this name: names have no spaces. */
const NAME = "authentic enrolment";

/**
 * Asks the machine who it is.
 *
 * @param known - what is known of its platform already, and has to be found
 * @returns identity of the machine, hexadecimal; undefined where the TEE is not enrolled by evidence, and none is known
 * @throws AuthenticError of the appraisal where the evidence is refused, `AE-NODE-ENROLMENT` where it names no machine
 */
export async function enrol({ name, deploymentId, tee: kind, enrolment, trust }: EnrolledNode, nodeFolder: string, known: Platform): Promise<string | undefined> {
    const tee = await teeOf(kind);
    if (tee.enrolment === undefined || enrolment === undefined) {
        return known.id;
    }
    const { publicKey, privateKey: deployerKey, vendorKey, signer } = enrolment;
    const image = finalImage(tee, await tee.build({ name: NAME, sources: [tee.enrolment()] }), { deploymentId, publicKey, name: NAME, values: {} });
    const agent = await (await surroundings()).agent(nodeFolder);
    const instance = instanceOf(deploymentId, NAME);
    // What an attempt before this one may have left.
    await agent.remove(instance);
    await agent.start(instance, { name: NAME, deployment: deploymentId, tee: kind, image: tee.sign?.(image, vendorKey) ?? image.image, entryTimeLimitMs: 1000, interface: [] });
    try {
        const session = { deploymentId, deployerKey, trust };
        const end = await endOf({ module: NAME, tee: kind, backend: "hardware", nodeFolder, measurement: hex(image.measurement), signer, platform: known }, session);
        const { appraisal } = await (await driverOf(session)).attest(end);
        const id = appraisal.facts?.["platformId"];
        if (typeof id !== "string") {
            throw new AuthenticError("AE-NODE-ENROLMENT", `the evidence of node "${name}" names no machine`, "use a machine whose PCK certificate has a PPID, as Intel's have");
        }
        return id;
    } finally {
        await agent.remove(instance);
    }
}

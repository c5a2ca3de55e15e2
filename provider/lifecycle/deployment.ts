// Lifecycle of the Deployment: draws the id, the deployer's key and the vendor's key once.

import { z } from "zod";
import { AuthenticError } from "../errors";
import { hex } from "../protocol/bytes";
import { generateDeployer } from "../session/deployer";
import { mrsigner, readVendorKey } from "../tee/sgx/vendor-key";
import { checkInputs } from "./check";
import { changedKeys } from "./change";
import type { Hooks } from "./hooks";
import { resourceId } from "./identity";
import { nameSchema } from "./schemas";
import { surroundings } from "./surroundings";

const schema = z.strictObject({
    name: nameSchema,
    /** Signs enclaves, PEM; a secret. Absent: drawn when the Deployment is created. */
    vendorKey: z.string().superRefine((pem, context) => {
        try {
            readVendorKey(pem);
        } catch (error) {
            context.addIssue({ code: "custom", message: error instanceof AuthenticError ? error.message : "cannot be read" });
        }
    }).optional(),
});

export type DeploymentInputs = z.infer<typeof schema>;

export interface DeploymentOutputs extends DeploymentInputs {
    deploymentId: string;
    publicKey: string;
    /** The Ed25519 seed; the resource class marks it as a secret. */
    privateKey: string;
    /** As the argument; the resource class marks it as a secret. */
    vendorKey: string;
    /** What evidence names the vendor by: MRSIGNER. */
    signer: string;
}

export const deployment: Hooks<DeploymentInputs, DeploymentOutputs> = {
    check: (_olds, news) => checkInputs(schema, news),

    diff(_id, olds, news) {
        // A key that was drawn, or is no longer given, stays; state of an earlier version has none.
        const compared = { ...news, ...(news.vendorKey === undefined ? { vendorKey: olds.vendorKey } : {}) };
        const lacking = (olds as Partial<DeploymentOutputs>).signer === undefined;
        return Promise.resolve({ changes: lacking || changedKeys({ ...olds }, { ...compared }, Object.keys(schema.shape)).length > 0 });
    },

    async create(inputs) {
        const { deployment: deploymentId, publicKey, secretKey: privateKey } = generateDeployer();
        return { id: resourceId(inputs.name, deploymentId), outs: { ...inputs, deploymentId, publicKey, privateKey, ...await vendor(inputs.vendorKey) } };
    },

    read: (id, properties) => Promise.resolve({ id, props: properties }),

    async update(_id, olds, news) {
        return { outs: { ...olds, ...news, ...await vendor(news.vendorKey ?? (olds as Partial<DeploymentOutputs>).vendorKey) } };
    },

    // Nothing exists outside of state.
    delete: () => Promise.resolve(),
};

/** The given key, or a new one, and what it is known by. */
async function vendor(given: string | undefined): Promise<{ vendorKey: string; signer: string }> {
    const vendorKey = given ?? await (await surroundings()).generateVendorKey();
    return { vendorKey, signer: hex(mrsigner(readVendorKey(vendorKey))) };
}

// Lifecycle of the Deployment: draws the id and the deployer's key once.

import { z } from "zod";
import { generateDeployer } from "../session/deployer";
import { checkInputs } from "./check";
import { changedKeys } from "./change";
import type { Hooks } from "./hooks";
import { resourceId } from "./identity";
import { nameSchema } from "./schemas";

const schema = z.strictObject({ name: nameSchema });

export type DeploymentInputs = z.infer<typeof schema>;

export interface DeploymentOutputs extends DeploymentInputs {
    deploymentId: string;
    publicKey: string;
    /** The Ed25519 seed; the resource class marks it as a secret. */
    privateKey: string;
}

export const deployment: Hooks<DeploymentInputs, DeploymentOutputs> = {
    check: (_olds, news) => checkInputs(schema, news),

    diff: (_id, olds, news) => Promise.resolve({ changes: changedKeys({ ...olds }, { ...news }, Object.keys(schema.shape)).length > 0 }),

    create(inputs) {
        const { deployment: deploymentId, publicKey, secretKey: privateKey } = generateDeployer();
        return Promise.resolve({ id: resourceId(inputs.name, deploymentId), outs: { ...inputs, deploymentId, publicKey, privateKey } });
    },

    read: (id, properties) => Promise.resolve({ id, props: properties }),

    update: (_id, olds, news) => Promise.resolve({ outs: { ...olds, ...news } }),

    // Nothing exists outside of state.
    delete: () => Promise.resolve(),
};

// Lifecycle of the Deployment: draws the id and the deployer's key once.

import { randomBytes } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519";
import { z } from "zod";
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
        const deploymentId = randomBytes(16).toString("hex");
        const seed = ed25519.utils.randomPrivateKey();
        const outs = {
            ...inputs,
            deploymentId,
            publicKey: Buffer.from(ed25519.getPublicKey(seed)).toString("hex"),
            privateKey: Buffer.from(seed).toString("hex"),
        };
        seed.fill(0);
        return Promise.resolve({ id: resourceId(inputs.name, deploymentId), outs });
    },

    read: (id, properties) => Promise.resolve({ id, props: properties }),

    update: (_id, olds, news) => Promise.resolve({ outs: { ...olds, ...news } }),

    // Nothing exists outside of state.
    delete: () => Promise.resolve(),
};

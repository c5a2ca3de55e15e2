// The deployer's identity: a random deployment id and an Ed25519 key, drawn when a Deployment is created.
import { randomBytes } from "node:crypto";
import { fromHex, hex, requireLength } from "../protocol/bytes";
import { publicKeyOf } from "../protocol/signature";
import type { Deployer } from "./session";

/** A deployer's identity as it is kept in state, all lower-case hexadecimal. */
export interface DeployerIdentity {
    /** 32 digits. */
    readonly deployment: string;
    /** 64 digits; measured into every module. */
    readonly publicKey: string;
    /** 64 digits; only ever as a Pulumi secret. */
    readonly secretKey: string;
}

/** Draws a new identity. */
export function generateDeployer(): DeployerIdentity {
    const secretKey = new Uint8Array(randomBytes(32));
    try {
        return { deployment: hex(randomBytes(16)), publicKey: hex(publicKeyOf(secretKey)), secretKey: hex(secretKey) };
    } finally {
        secretKey.fill(0);
    }
}

/**
 * The deployer of an identity from state.
 *
 * @throws RangeError naming the field that has another length
 */
export function loadDeployer(identity: Pick<DeployerIdentity, "deployment" | "secretKey">): Deployer {
    const deployment = fromHex("deployment", identity.deployment);
    const secretKey = fromHex("secretKey", identity.secretKey);
    requireLength("deployment", deployment, 16);
    requireLength("secretKey", secretKey, 32);
    return { deployment, secretKey };
}

/** The public key that is measured into the modules of a deployer, 32 bytes. */
export const deployerKeyOf = (deployer: Deployer): Uint8Array => publicKeyOf(deployer.secretKey);

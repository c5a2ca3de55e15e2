// The Deployment resource: the identity under which all other resources of an application work together.

import * as pulumi from "@pulumi/pulumi";
import { Registry } from "./registry";
import { shims } from "./shim";

/** A Deployment needs no arguments: its id and keys are drawn when it is created. */
export type DeploymentArgs = Record<string, never>;

/**
 * One application: its id and the deployer's key, which is measured into every module so that nobody else can key it.
 *
 * It is protected from deletion by default, because a new key means a new measurement of every module. Where that does
 * not matter, pass `{ protect: false }`; otherwise run `pulumi state unprotect --all` before `pulumi destroy`.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const deployment = new ae.Deployment("irrigation", {}, { protect: false });
 * export const deployerKey = deployment.publicKey;
 */
export class Deployment extends pulumi.dynamic.Resource {
    /** 16 random bytes, 32 hexadecimal digits. */
    declare readonly deploymentId: pulumi.Output<string>;
    /** The deployer's Ed25519 public key, 64 hexadecimal digits. */
    declare readonly publicKey: pulumi.Output<string>;
    /** The deployer's Ed25519 secret key (seed), 64 hexadecimal digits; a Pulumi secret. */
    declare readonly privateKey: pulumi.Output<string>;
    /** @internal What the program has declared in this deployment so far. */
    readonly registry = new Registry();

    constructor(name: string, args: DeploymentArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
        super(
            shims.deployment,
            name,
            { ...args, name, deploymentId: undefined, publicKey: undefined, privateKey: undefined },
            pulumi.mergeOptions({ protect: true, additionalSecretOutputs: ["privateKey"] }, opts),
            "authentic",
            "Deployment",
        );
    }
}

// The Deployment resource: the identity under which all other resources of an application work together.

import * as pulumi from "@pulumi/pulumi";
import { Registry } from "./registry";
import { Resource } from "./resource";
import { shims } from "./shim";

/** A Deployment needs no arguments: its id and keys are drawn when it is created. */
export interface DeploymentArgs {
    /**
     * The key that signs enclaves: an unencrypted RSA key of 3072 bits with exponent 3 in PEM, as
     * `openssl genrsa -3 3072` makes it. Pass a secret (`config.requireSecret("vendorKey")`); default: one of its own.
     */
    vendorKey?: pulumi.Input<string>;
}

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
export class Deployment extends Resource {
    /** 16 random bytes, 32 hexadecimal digits. */
    declare readonly deploymentId: pulumi.Output<string>;
    /** The deployer's Ed25519 public key, 64 hexadecimal digits. */
    declare readonly publicKey: pulumi.Output<string>;
    /** The deployer's Ed25519 secret key (seed), 64 hexadecimal digits; a Pulumi secret. */
    declare readonly privateKey: pulumi.Output<string>;
    /** The key that signs enclaves, PEM; a Pulumi secret. */
    declare readonly vendorKey: pulumi.Output<string>;
    /** What evidence names the vendor by (SGX: MRSIGNER), 64 hexadecimal digits. */
    declare readonly signer: pulumi.Output<string>;
    /** @internal What the program has declared in this deployment so far. */
    readonly registry = new Registry();

    constructor(name: string, args: DeploymentArgs = {}, opts: pulumi.CustomResourceOptions = {}) {
        super(
            shims.deployment,
            name,
            { vendorKey: args.vendorKey, name, deploymentId: undefined, publicKey: undefined, privateKey: undefined, signer: undefined },
            pulumi.mergeOptions({ protect: true, additionalSecretOutputs: ["privateKey", "vendorKey"] }, opts),
            "authentic",
            "Deployment",
        );
    }
}

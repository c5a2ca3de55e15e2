// The Module resource: an event-driven program that runs in an enclave of a node.

import * as pulumi from "@pulumi/pulumi";
import { Endpoint } from "./endpoint";
import { type ModulePlan, measurementOf, planModule } from "./module-plan";
import type { Node } from "./node";
import { Resource } from "./resource";
import { shims } from "./shim";
import { stackTrust } from "./trust";

export interface ModuleArgs {
    /** Where the module runs. */
    node: Node;
    /** C sources; or one Rust file; or a folder with a Cargo.toml. Relative to the folder of the Pulumi program. */
    source: string | string[];
    /** Language of the sources; default: Rust for a `.rs` file or a folder, else C. */
    language?: "c" | "rust";
    /** Folders searched by `#include`; C only. */
    includes?: string[];
    /** Preprocessor definitions; C only. */
    defines?: Record<string, string>;
    /**
     * Values of the module's declared configuration. They are part of its measurement and visible to the owner of the
     * node, so none of them may be a secret.
     */
    config?: Record<string, pulumi.Input<number | string>>;
    /**
     * Devices the module may drive, name in the module → pin of the node; default: every device that it declares, at
     * the pin of the same name.
     */
    devices?: Record<string, string>;
    /**
     * On a board: which of its places the module takes, 0 to 3; default: the next one in the order of the program. The place
     * is part of the measurement.
     */
    slot?: number;
    /** How long one event may be processed before the module is stopped: `500ms`, `2s`, or milliseconds; default 1 s. */
    entryTimeLimit?: pulumi.Input<number | string>;
    /**
     * What to do where the module's state cannot be kept: `restart` (default) starts a new incarnation, of which the
     * connected modules are told; `fail` stops, naming what would be lost.
     */
    onStateLoss?: pulumi.Input<"fail" | "restart">;
}

/**
 * A module. It is compiled when the program runs, in preview too, so that a preview shows compile errors, unknown names
 * and the change of the measurement; `up` loads it, attests it and lets it drive its devices.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const deployment = new ae.Deployment("irrigation");
 * const server = new ae.Node("server", { deployment, tee: "native" });
 * const controller = new ae.Module("controller", {
 *     node: server,
 *     source: "modules/controller.c",
 *     config: { openBelow: 45, closeAbove: 55 },
 * });
 * export const measurement = controller.measurement;
 */
export class Module extends Resource {
    /** Id of the module's place in the deployment, 32 hexadecimal digits; stays the same in updates. */
    declare readonly instance: pulumi.Output<string>;
    /** What evidence of the module shows, 64 hexadecimal digits. */
    declare readonly measurement: pulumi.Output<string>;
    /** Measurement of the code without configuration and deployer, 64 hexadecimal digits. */
    declare readonly codeMeasurement: pulumi.Output<string>;
    /** Digest of the module kit and compiler it was built with, 64 hexadecimal digits. */
    declare readonly kit: pulumi.Output<string>;
    /** What it was built with: compiler → version; for Rust also `lock`, the digest of the Cargo.lock. */
    declare readonly toolchain: pulumi.Output<Record<string, string> | undefined>;
    /** Drawn by the module at its start, 32 hexadecimal digits: another one means that its state was lost. */
    declare readonly incarnation: pulumi.Output<string>;
    /** What vouches for the module. */
    declare readonly assurance: pulumi.Output<"hardware" | "emulated" | "none">;
    /** What the maker of the platform says of its state (`UpToDate` and so on); undefined where nobody says anything. */
    declare readonly tcbStatus: pulumi.Output<string | undefined>;
    /** Security advisories that concern the platform. */
    declare readonly advisories: pulumi.Output<string[] | undefined>;
    /** `running`, or what the last refresh found. */
    declare readonly state: pulumi.Output<string>;
    /** What the last update did to the module, and why. */
    declare readonly lastChange: pulumi.Output<string | undefined>;
    /** Why the last update could not keep the module's state; undefined where it did. */
    declare readonly lastLoss: pulumi.Output<string | undefined>;
    readonly moduleName: string;
    readonly node: Node;
    /** @internal Whose signature its evidence shows, where the TEE has such. */
    readonly expectedSigner: pulumi.Output<string | undefined>;
    /** @internal The compiled module and its problems. */
    readonly plan: Promise<ModulePlan>;

    constructor(name: string, args: ModuleArgs, opts: pulumi.CustomResourceOptions = {}) {
        const { node } = args;
        const { deployment } = node;
        const config = pulumi.output(args.config ?? {});
        const plan = planModule(name, args);
        const signer = whereSigned(plan, deployment.signer);
        const examined = deployment.registry.problems.add(`module "${name}"`, plan.then(({ problems }) => problems));
        super(
            shims.module,
            name,
            {
                name,
                deploymentId: deployment.deploymentId,
                deployerPublicKey: deployment.publicKey,
                deployerKey: deployment.privateKey,
                nodeName: node.nodeName,
                nodeFolder: node.folder,
                access: node.access,
                tee: node.tee,
                backend: node.backend,
                platform: node.platform,
                firmware: node.boardFirmware,
                vendorKey: whereSigned(plan, deployment.vendorKey),
                signer,
                place: plan.then((planned) => planned.place),
                boardKey: node.board === undefined ? undefined : node.boardKey,
                source: [args.source].flat(),
                includes: args.includes,
                defines: args.defines,
                config,
                devices: plan.then((planned) => planned.devices),
                entryTimeLimit: args.entryTimeLimit ?? "1s",
                onStateLoss: args.onStateLoss ?? "restart",
                trust: stackTrust(),
                codeMeasurement: plan.then((planned) => planned.codeMeasurement),
                kit: plan.then((planned) => planned.kit),
                toolchain: plan.then((planned) => planned.build?.toolchain),
                interface: plan.then((planned) => planned.declarations),
                sizes: plan.then((planned) => planned.build?.sizes),
                measurement: measurementOf(plan, name, deployment, config),
                state: "running",
                problems: [examined, secretConfiguration(config)],
                instance: undefined,
                incarnation: undefined,
                assurance: undefined,
                tcbStatus: undefined,
                advisories: undefined,
                lastChange: undefined,
                lastLoss: undefined,
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["deployerKey", "vendorKey", "boardKey", "access"] }),
            "authentic",
            "Module",
        );
        this.moduleName = name;
        this.node = node;
        this.plan = plan;
        this.expectedSigner = signer;
    }

    /** The input of that name, to connect to. */
    input(name: string): Endpoint<"input"> {
        return new Endpoint(this, "input", name);
    }

    /** The output of that name, to connect from. */
    output(name: string): Endpoint<"output"> {
        return new Endpoint(this, "output", name);
    }

    /** The request of that name, to connect to its one handler. */
    request(name: string): Endpoint<"request"> {
        return new Endpoint(this, "request", name);
    }

    /** The handler of that name, to connect requests to. */
    handler(name: string): Endpoint<"handler"> {
        return new Endpoint(this, "handler", name);
    }

    /** The entry of that name, for a Trigger. */
    entry(name: string): Endpoint<"entry"> {
        return new Endpoint(this, "entry", name);
    }
}

/** A value for modules whose images are signed; undefined for others. */
function whereSigned(plan: Promise<ModulePlan>, value: pulumi.Output<string>): pulumi.Output<string | undefined> {
    return pulumi.output(plan.then(({ tee }) => tee?.sign !== undefined)).apply((signed) => (signed ? value : pulumi.output(undefined)));
}

/** Secrets do not belong into measured configuration: the owner of the node reads it. */
async function secretConfiguration(config: pulumi.Output<unknown>) {
    return await pulumi.isSecret(config)
        ? [{ property: "", reason: "`config` holds a secret, but configuration is measured and visible to the owner of the node; send the secret over a connection" }]
        : [];
}

// The Connection resource: an authenticated, confidential channel between two modules, or from the deployer to one.

import * as pulumi from "@pulumi/pulumi";
import { type ConnectionPlan, planConnection } from "./connection-plan";
import { Deployment } from "./deployment";
import type { Endpoint } from "./endpoint";
import { Resource } from "./resource";
import { shims } from "./shim";
import { stackTrust } from "./trust";

/** Where a connection begins: an output, a request, or the deployer. */
export type ConnectionSource = Endpoint<"output"> | Endpoint<"request"> | Deployment;

/** Where a connection ends: an input for outputs, a handler for requests, either for the deployer. */
export type ConnectionTarget = Endpoint<"input"> | Endpoint<"handler">;

export interface ConnectionArgs {
    from: ConnectionSource;
    to: ConnectionTarget;
    /**
     * `strict` (default): contiguous and in order, retransmitted until acknowledged. `latest`: gaps are allowed, counted
     * and shown to the module. Requests are always strict.
     */
    delivery?: "strict" | "latest";
    /** Cipher suite; default: the best that both ends have. */
    suite?: "chacha20-poly1305" | "aes-128-gcm" | "spongewrap-128" | "spongewrap-64";
    /** Events that may be under way without acknowledgement; default 64. */
    window?: pulumi.Input<number>;
    /** Any value; changing it draws a new key. */
    rotate?: pulumi.Input<unknown>;
    /** How a new key takes over: `drain` (default) lets events under way finish, `compromise` closes the old key at once. */
    rotation?: pulumi.Input<"drain" | "compromise">;
    /** Refuse to key the connection where what vouches for its weaker end is less. */
    minAssurance?: "hardware" | "emulated" | "none";
}

/**
 * A connection. Its keys are drawn by the deployer's machine, handed to both attested modules and kept nowhere else.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const deployment = new ae.Deployment("irrigation");
 * const server = new ae.Node("server", { deployment, tee: "native" });
 * const sensor = new ae.Module("sensor", { node: server, source: "modules/sensor.c" });
 * const controller = new ae.Module("controller", { node: server, source: "modules/controller.c", config: { openBelow: 45, closeAbove: 55 } });
 * new ae.Connection("moisture", { from: sensor.output("moisture"), to: controller.input("moisture") });
 * new ae.Connection("reading", { from: deployment, to: sensor.input("reading") });
 */
export class Connection extends Resource {
    /** Number of the connection in the deployment. */
    declare readonly connection: pulumi.Output<number>;
    /** Counts the keys of the connection; decimal. "0" for a connection from the deployer, which has no key. */
    declare readonly epoch: pulumi.Output<string>;
    /** Identifies the present key without telling anything about it, 16 hexadecimal digits. */
    declare readonly keyId: pulumi.Output<string>;
    /** What vouches for the weaker of the two ends. */
    declare readonly assurance: pulumi.Output<"hardware" | "emulated" | "none">;
    /** `active`, or what the last refresh found. */
    declare readonly state: pulumi.Output<string>;

    constructor(name: string, args: ConnectionArgs, opts: pulumi.CustomResourceOptions = {}) {
        const { from, to } = args;
        const { deployment } = to.module.node;
        const plan = planConnection(name, args);
        const part = <K extends keyof ConnectionPlan>(key: K) => plan.then((planned) => planned[key]);
        super(
            shims.connection,
            name,
            {
                name,
                deploymentId: deployment.deploymentId,
                deployerKey: deployment.privateKey,
                kind: part("kind"),
                from: from instanceof Deployment ? undefined : endOf(from, part("fromEndpoint")),
                to: { ...endOf(to, part("toEndpoint")), eventAddress: from instanceof Deployment ? undefined : to.module.node.eventAddress },
                delivery: args.delivery ?? "strict",
                suite: part("suite"),
                window: args.window ?? part("window"),
                rotate: args.rotate,
                rotation: args.rotation ?? "drain",
                minAssurance: args.minAssurance ?? "none",
                trust: stackTrust(),
                access: accessOf(from, to),
                boardKeys: boardKeysOf(from, to),
                senderPlace: from instanceof Deployment ? undefined : from.module.plan.then(({ place }) => place),
                state: "active",
                problems: [deployment.registry.problems.add(`connection "${name}"`, part("problems"))],
                connection: undefined,
                epoch: undefined,
                keyId: undefined,
                assurance: undefined,
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["deployerKey", "boardKeys", "access"] }),
            "authentic",
            "Connection",
        );
    }
}

/** How the machines of the ends are reached; absent where both are this one. */
function accessOf(from: ConnectionArgs["from"], to: Endpoint) {
    const nodes = new Set([...(from instanceof Deployment ? [] : [from.module.node]), to.module.node]);
    const ways = [...nodes].flatMap(({ access }) => access === undefined ? [] : [access]);
    return ways.length === 0 ? undefined : ways;
}

/** Keys of the boards that the ends run on; absent where neither does. */
function boardKeysOf(from: ConnectionArgs["from"], to: Endpoint) {
    const keyOf = (end: Endpoint) => end.module.node.board === undefined ? undefined : end.module.node.boardKey;
    const keys = { from: from instanceof Deployment ? undefined : keyOf(from), to: keyOf(to) };
    return keys.from === undefined && keys.to === undefined ? undefined : keys;
}

function endOf(end: Endpoint, endpoint: Promise<number | undefined>) {
    const { module } = end;
    return {
        module: module.moduleName,
        name: end.name,
        endpoint,
        tee: module.node.tee,
        backend: module.node.backend,
        nodeFolder: module.node.folder,
        platform: module.node.platform,
        signer: module.expectedSigner,
        measurement: module.measurement,
        incarnation: module.incarnation,
    };
}

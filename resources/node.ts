// The Node resource: a machine, or a board behind one, that runs modules.

import { isIP } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import { BoardPlan, boardProperties } from "./board-plan";
import type { Deployment } from "./deployment";
import { Resource } from "./resource";
import { shims } from "./shim";
import type { SshArgs } from "./ssh";
import { stackTrust } from "./trust";

export interface NodeArgs {
    /** The deployment the node serves. */
    deployment: Deployment;
    /**
     * What protects the modules: `sgx`, `trustzone` or `sancus` (boards), or `native`, which is no protection at all, for development,
     * and only accepted where the stack says `authentic:trust: { native: true }`.
     */
    tee: string;
    /** Whether the TEE is the real one (default) or an emulation; native nodes have no backend. Never chosen for you. */
    backend?: "hardware" | "emulated";
    /** Of a Sancus board: the id under which its modules are keyed, 1 to 65535. */
    vendorId?: number;
    /** Of a Sancus board: length of its keys and tags in bits, 128 (default) or 64. */
    security?: 64 | 128;
    /**
     * Of a Sancus board: where its nonces come from. `rng` (default): a random source; `nv`: a counter that survives a reset;
     * `none`: neither, so that an exact replay after a reset goes unnoticed.
     */
    freshness?: "none" | "rng" | "nv";
    /** Of a Sancus board without a source of nonces: allow it actuators and strict outputs all the same; default false. */
    acceptResetReplay?: boolean;
    /** Of a Sancus board: its node key in hexadecimal, a secret; without one an emulated board gets a random one. */
    nodeKey?: pulumi.Input<string>;
    /** Of a Sancus board: the vendor's key for it in hexadecimal, a secret, where its node key is not known. */
    vendorKey?: pulumi.Input<string>;
    /**
     * Where a board is that is not emulated. Sancus: its serial port, such as `/dev/ttyUSB0`. TrustZone: the network interface that
     * it is connected to, such as `eth1`, or `udp:4001:192.0.2.7:4002` for Ethernet frames in UDP datagrams.
     */
    device?: string;
    /** Bits a second on the board's line; default 1,000,000 for an emulated board, 115,200 for another. */
    baud?: number;
    /** The machine, where it is another one than this. */
    ssh?: pulumi.Input<SshArgs>;
    /**
     * Address on which the agent accepts events of other nodes, IPv4 or IPv6; default 127.0.0.1, with `ssh` its `host` where that
     * is an address.
     */
    listenAddress?: pulumi.Input<string>;
    /** Port for events; default: the agent picks a free one, which the node keeps. */
    port?: pulumi.Input<number>;
    /** Where collateral for the evidence of a hardware node comes from: a service with the interface of Intel's PCS v4. */
    collateralUrl?: pulumi.Input<string>;
    /**
     * The machine that a hardware node's evidence has to come from: its platform instance id, else its PPID; of a TrustZone
     * board its instance id. Default with SGX: the one that an enclave of this package finds itself on when the node is created.
     */
    platformId?: pulumi.Input<string>;
}

/** What an enclave that enrols the node's machine is measured, signed and challenged with. */
function enrolment({ publicKey, privateKey, vendorKey, signer }: Deployment) {
    return pulumi.all({ publicKey, privateKey, vendorKey, signer });
}

/** What a node's evidence is checked against, recorded when the node is created. */
export interface NodePlatform {
    /** What evidence names the machine by (SGX: platform instance id, else PPID; TrustZone: instance id). */
    id?: string;
    /** Kind of a TrustZone device, and the key of an emulated one, an uncompressed P-256 point. */
    implementationId?: string;
    attestationKey?: string;
    /** Measurement of the firmware of a TrustZone board. */
    firmware?: string;
    /** Root certificate of an emulated platform, PEM, and its SHA-256. */
    root?: string;
    rootFingerprint?: string;
    /** What collateral is for (SGX: FMSPC). */
    fmspc?: string;
    collateralUrl?: string;
}

/**
 * A node. Its agent is started as a background process with its own folder, log and control socket, on this machine or
 * over SSH on another one, and ended by `pulumi destroy`. The agent is not trusted: it carries what is sealed or signed between deployer and modules.
 *
 * @example
 * import * as ae from "pulumi-authentic";
 *
 * const deployment = new ae.Deployment("irrigation");
 * const server = new ae.Node("server", { deployment, tee: "native" });
 * export const log = pulumi.interpolate`${server.folder}/agent.log`;
 */
export class Node extends Resource {
    /** Folder of the agent, with its control socket `agent.sock` and its log `agent.log`; `ssh://user@host:22/…` on another machine. */
    declare readonly folder: pulumi.Output<string>;
    /** Where other nodes send events. */
    declare readonly eventAddress: pulumi.Output<{ host: string; port: number }>;
    /** Version of the agent. */
    declare readonly agentVersion: pulumi.Output<string>;
    /** Whose evidence the modules' has to be; empty on native nodes. */
    declare readonly platform: pulumi.Output<NodePlatform>;
    /** `running`, or what the last refresh found. */
    declare readonly state: pulumi.Output<string>;
    /** @internal Of a board: the vendor's key; a secret. */
    declare readonly boardKey: pulumi.Output<string | undefined>;
    /** @internal Of a board: what its modules are built for, and where the next one goes. */
    readonly board: BoardPlan | undefined;
    /** @internal Measurement of the firmware of its board, where modules' evidence shows that; known in preview. */
    readonly boardFirmware: Promise<string | undefined>;
    /** @internal How its machine is reached, where it is another one; a secret. */
    readonly access: pulumi.Output<SshArgs> | undefined;
    readonly nodeName: string;
    readonly tee: string;
    readonly backend: "hardware" | "emulated" | undefined;
    readonly deployment: Deployment;

    constructor(name: string, args: NodeArgs, opts: pulumi.CustomResourceOptions = {}) {
        const { deployment, tee, backend } = args;
        const access = args.ssh === undefined ? undefined : pulumi.secret(args.ssh);
        const listenAddress = pulumi.output(args.listenAddress ?? (access === undefined ? "127.0.0.1" : pulumi.unsecret(access.apply(({ host }) => isIP(host) === 0 ? "" : host))));
        const problems = deployment.registry.problems.add(`node "${name}"`, Promise.resolve(deployment.registry.addNode(name)));
        const portProblems = pulumi.all([args.port, listenAddress]).apply(([port, address]) =>
            port === undefined ? [] : deployment.registry.claimPort(name, address, port));
        const firmware = firmwareOf(tee);
        super(
            shims.node,
            name,
            {
                name,
                deploymentId: deployment.deploymentId,
                tee,
                backend,
                ssh: access,
                listenAddress,
                port: args.port,
                collateralUrl: args.collateralUrl,
                platformId: args.platformId,
                firmware,
                enrolment: tee === "sgx" && backend !== "emulated" ? enrolment(deployment) : undefined,
                trust: stackTrust(),
                ...boardProperties(args),
                state: "running",
                problems: [problems, portProblems],
                folder: undefined,
                eventAddress: undefined,
                agentVersion: undefined,
                platform: undefined,
                ...(tee === "sancus" ? { boardKey: undefined, drawnKey: undefined, boardSince: undefined } : {}),
            },
            pulumi.mergeOptions(opts, { additionalSecretOutputs: ["ssh", "enrolment", "nodeKey", "vendorKey", "drawnKey", "boardKey"] }),
            "authentic",
            "Node",
        );
        this.access = access;
        this.nodeName = name;
        this.tee = tee;
        this.backend = backend;
        this.board = tee === "sancus" ? new BoardPlan(args) : undefined;
        this.boardFirmware = firmware;
        this.deployment = deployment;
    }
}

async function firmwareOf(name: string): Promise<string | undefined> {
    const { surroundings } = await import("../provider/lifecycle/surroundings.js");
    const software = await (await (await surroundings()).tees())[name]?.software?.();
    return software === undefined ? undefined : Buffer.from(software.measurement).toString("hex");
}

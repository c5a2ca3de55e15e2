// Ids of resources and of the places of modules.

import { sha256 } from "@noble/hashes/sha2";
import { utf8ToBytes } from "@noble/hashes/utils";
import { fromHex, hex } from "../protocol/bytes";
import { instanceId } from "../protocol/names";
import type { Build, FinalImage, Tee } from "../tee/tee";

/** Id of a module's place in a deployment, as hexadecimal. */
export function instanceOf(deploymentId: string, module: string): string {
    return hex(instanceId(fromHex("deployment id", deploymentId), module));
}

/** Where the next instance of a module waits until it takes over. */
export function successorOf(instance: string): string {
    return `${instance}.successor`;
}

/** A resource id that people recognize and that is never read as a number. */
export function resourceId(name: string, unique: string): string {
    return `${name}-${unique.slice(0, 8)}`;
}

/** Everything whose change makes it another connection. */
export interface ConnectionIdentity {
    readonly name: string;
    readonly kind: string;
    readonly delivery: string;
    /** Module and declaration; undefined: the deployer. */
    readonly from?: { readonly module: string; readonly name: string } | undefined;
    readonly to: { readonly module: string; readonly name: string };
}

/**
 * The number of a connection: every attempt to make it has the same, so that what a killed one has left in its modules is
 * taken up and not left to fill a window that nobody empties. docs/protocol.md section 1 says what else it has to meet.
 */
export function connectionNumber({ name, kind, delivery, from, to }: ConnectionIdentity): number {
    const identity = ["aex/v1/connection", name, kind, delivery, place(from), place(to)];
    return Buffer.from(sha256(utf8ToBytes(JSON.stringify(identity)))).readUInt32BE() || 1;
}

/** What identifies an end: the module, and the name of its declaration. */
export function place(end: { readonly module?: unknown; readonly name?: unknown } | undefined): unknown {
    return end === undefined ? "deployer" : [end.module, end.name];
}

/** What is measured into a module, as resource properties have it. */
export interface Measured {
    readonly deploymentId: string;
    readonly publicKey: string;
    readonly name: string;
    readonly values: Readonly<Record<string, number | string>>;
    /** Device of the module → peripheral of the node; measured by TEEs that give peripherals to modules. */
    readonly devices?: Readonly<Record<string, string>> | undefined;
}

/** Fills the configuration block of a build and measures it. */
export function finalImage(tee: Tee, build: Build, { deploymentId, publicKey, name, values, devices }: Measured): FinalImage {
    const deployment = fromHex("deployment id", deploymentId);
    return tee.finalize(build, { deployment, instance: instanceId(deployment, name), deployerKey: fromHex("deployer key", publicKey), values, devices });
}

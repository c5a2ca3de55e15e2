// Ids of resources and of the places of modules.

import { fromHex, hex } from "../protocol/bytes";
import { instanceId } from "../protocol/names";
import type { Build, FinalImage, Tee } from "../tee/tee";

/** Id of a module's place in a deployment, as hexadecimal. */
export function instanceOf(deploymentId: string, module: string): string {
    return hex(instanceId(fromHex("deployment id", deploymentId), module));
}

/** A resource id that people recognize and that is never read as a number. */
export function resourceId(name: string, unique: string): string {
    return `${name}-${unique.slice(0, 8)}`;
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

// Modules as the session driver sees them, made from resource properties.

import { parseTrust, policyHash } from "../attest/policy";
import { AuthenticError } from "../errors";
import { fromHex } from "../protocol/bytes";
import type { End, SessionDriver } from "../session/session";
import type { Tee } from "../tee/tee";
import { appraiser } from "./appraise";
import { instanceOf } from "./identity";
import { instead } from "./names";
import { present } from "./plain";
import { surroundings } from "./surroundings";

/** A module in resource properties. */
export interface ModuleState {
    readonly module: string;
    readonly tee: string;
    readonly backend?: string | undefined;
    readonly nodeFolder: string;
    /** Absent only where the module does not compile, which no check lets pass. */
    readonly measurement?: string | undefined;
}

/** What a session needs beside the module. */
export interface SessionState {
    readonly deploymentId: string;
    readonly deployerKey: string;
    readonly trust: Readonly<Record<string, unknown>>;
}

/** The session driver of a deployment. */
export async function driverOf({ deploymentId, deployerKey }: SessionState): Promise<SessionDriver> {
    return (await surroundings()).driver({ deployment: fromHex("deployment id", deploymentId), secretKey: fromHex("deployer key", deployerKey) });
}

/** A module as an end of a session. */
export async function endOf({ module, tee, backend, nodeFolder, measurement }: ModuleState, { deploymentId, trust }: SessionState): Promise<End> {
    const policy = parseTrust(trust);
    return {
        name: module,
        channel: (await (await surroundings()).agent(nodeFolder)).channel(instanceOf(deploymentId, module)),
        measurement: fromHex("measurement", present(measurement, "the measurement")),
        backend: backend ?? (tee === "native" ? "none" : "hardware"),
        policyHash: policyHash(policy),
        appraise: appraiser(policy, (await teeOf(tee)).evidenceTypes),
    };
}

/**
 * A kind of TEE.
 *
 * @throws AuthenticError where this version has none of that name
 */
export async function teeOf(name: string): Promise<Tee> {
    const tees = await (await surroundings()).tees();
    const tee = tees[name];
    if (tee === undefined) {
        throw new AuthenticError("AE-TEE-UNKNOWN", `there is no TEE "${name}" in this version`, instead(name, Object.keys(tees), "known ones"));
    }
    return tee;
}

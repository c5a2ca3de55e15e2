// Modules as the session driver sees them, made from resource properties.

import { parseTrust, policyHash } from "../attest/policy";
import { AuthenticError } from "../errors";
import { fromHex } from "../protocol/bytes";
import type { End, SessionDriver } from "../session/session";
import type { Tee } from "../tee/tee";
import { appraiser, judge, type Judge } from "./appraise";
import { keysOf } from "./board";
import { instanceOf, successorOf } from "./identity";
import { instead } from "./names";
import { attesterOf, type AttesterState } from "./platform";
import { present } from "./plain";
import { surroundings } from "./surroundings";

/** A module in resource properties. */
export interface ModuleState extends AttesterState {
    readonly module: string;
    /** Absent only where the module does not compile, which no check lets pass. */
    readonly measurement?: string | undefined;
    /** The vendor key of the board it runs on, where it does; a secret. */
    readonly boardKey?: string | undefined;
    /** Its next instance is meant, which waits beside it. */
    readonly successor?: boolean;
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
export async function endOf(state: ModuleState, { deploymentId, trust }: SessionState): Promise<End> {
    const { module, tee, backend: declared, nodeFolder, measurement: planned, boardKey } = state;
    const policy = parseTrust(trust);
    const agent = await (await surroundings()).agent(nodeFolder);
    const instance = state.successor === true ? successorOf(instanceOf(deploymentId, module)) : instanceOf(deploymentId, module);
    const kind = await teeOf(tee);
    const measurement = fromHex("measurement", present(planned, "the measurement"));
    const backend = declared ?? (tee === "native" ? "none" : "hardware");
    return {
        name: module,
        channel: agent.channel(instance),
        measurement,
        backend,
        policyHash: policyHash(policy),
        appraise: appraiser(policy, kind, attesterOf(state, policy)),
        ...(kind.handOver === undefined ? {} : { messageRoom: kind.handOver.message }),
        ...(boardKey === undefined ? {} : { board: keysOf(() => agent.image(instance), measurement, boardKey) }),
    };
}

/** Judges evidence of a module without acting on it. */
export async function judgeOf(state: AttesterState, trust: SessionState["trust"]): Promise<Judge> {
    const policy = parseTrust(trust);
    return judge(policy, await teeOf(state.tee), attesterOf(state, policy));
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

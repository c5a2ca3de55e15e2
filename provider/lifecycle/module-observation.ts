// Attesting a module: after it was started, and at every refresh.

import { AuthenticError } from "../errors";
import type { Attested } from "../session/session";
import { driverOf, endOf } from "./ends";
import { HANDING_OVER, type ModuleInputs, type ModuleOutputs } from "./module-state";
import { successorOf } from "./identity";
import { stateWithReason, strangerAt } from "./instance";
import { isSilence, observe } from "./observe";
import { surroundings } from "./surroundings";

/** Flag of a device that the module writes (docs/protocol.md section 3). */
const DEVICE_WRITTEN = 1;

/** What attestation adds to the outputs. */
type Observation = Pick<ModuleOutputs, "incarnation" | "assurance" | "kit" | "state" | "tcbStatus" | "advisories">;

/**
 * Attests a module with a fresh nonce and grants exactly its devices.
 *
 * @throws AuthenticError where the evidence is refused, or the module has failed
 */
export async function attestModule(inputs: ModuleInputs): Promise<Observation> {
    const attested = await (await driverOf(inputs)).setGrants(await moduleEnd(inputs), grants(inputs));
    if (attested.status.state === "failed") {
        throw new AuthenticError("AE-MODULE-FAILED", `module "${inputs.name}" failed at its start`, `look at the log of its instance in ${inputs.nodeFolder}`);
    }
    return observation(attested, "running");
}

/**
 * Takes the devices of a module on a board away from it, with its drivers, so that it leaves the board by itself and no reset
 * takes its neighbours along. One that cannot be asked stays until its place is needed; the board is reset then.
 */
export async function revokeDevices(properties: ModuleOutputs): Promise<void> {
    if (properties.place === undefined || grants(properties).length === 0) return;
    try {
        await (await driverOf(properties)).setGrants(await moduleEnd(properties), []);
    } catch (error) {
        if (!(error instanceof AuthenticError)) throw error;
    }
}

/**
 * Attests a module without changing anything.
 *
 * @returns its state: `running`, or what is wrong, which the next `up` repairs
 * @throws AuthenticError where its agent cannot be asked: that proves nothing
 */
export async function inspect(properties: ModuleOutputs): Promise<Partial<Observation>> {
    const report = await observe(properties.nodeFolder, async (agent) => await agent.instance(properties.instance) ?? "missing");
    if (report === "stopped") {
        // Its host may have survived its agent; the next update looks again.
        return { state: "unsupervised" };
    }
    const { agent } = await surroundings();
    if (report === "missing" || report.state !== "running") {
        const next = await (await agent(properties.nodeFolder)).instance(successorOf(properties.instance));
        if (next !== undefined) {
            return { state: HANDING_OVER };
        }
    }
    if (report === "missing") {
        return { state: "missing" };
    }
    const stranger = strangerAt(report, properties.deploymentId);
    if (stranger !== undefined) {
        return { state: `foreign: ${stranger} runs in its place` };
    }
    if (report.state !== "running") {
        return { state: stateWithReason(report) };
    }
    if (report.imageDigest !== properties.imageDigest) {
        // The deployer may have done so, without living long enough to say it.
        const { offer } = await (await agent(properties.nodeFolder)).handOver(properties.instance);
        const meant = offer === undefined ? undefined : (await driverOf(properties)).intendedTarget({ offer });
        return { state: meant === undefined ? "replaced" : HANDING_OVER };
    }
    try {
        const attested = await (await driverOf(properties)).attest(await moduleEnd(properties));
        return observation(attested, stateOf(attested, properties));
    } catch (error) {
        if (error instanceof AuthenticError && !isSilence(error)) {
            console.warn(`module "${properties.name}": ${error.message}`);
            if (error.code === "AE-INSTANCE-FAILED") {
                // It failed since its agent was asked, or its agent does not know yet.
                const now = await (await agent(properties.nodeFolder)).instance(properties.instance);
                return { state: now === undefined || now.state === "running" ? "failed" : stateWithReason(now) };
            }
            return { state: error.code.startsWith("AE-ATTEST-") ? `refused: ${error.code}` : `unresponsive: ${error.code}` };
        }
        throw error;
    }
}

function stateOf({ status }: Attested, properties: ModuleOutputs): string {
    if (status.state === "failed") {
        return "failed";
    }
    if (status.state === "prepared" || status.state === "released") {
        return HANDING_OVER;
    }
    if (status.incarnation !== properties.incarnation) {
        return "restarted";
    }
    const wanted = grants(properties);
    const granted = status.grants.length === wanted.length && wanted.every((endpoint) => status.grants.includes(endpoint));
    return granted ? "running" : "ungranted";
}

function observation({ status, appraisal }: Attested, state: string): Observation {
    const { tcbStatus, advisories } = (appraisal.facts ?? {}) as Partial<ModuleOutputs>;
    return {
        incarnation: status.incarnation, assurance: appraisal.assurance, kit: status.kit, state,
        ...(tcbStatus === undefined ? {} : { tcbStatus }), ...(advisories === undefined ? {} : { advisories }),
    };
}

/**
 * Endpoints of the devices the module may drive. One that it only reads needs no grant, and none is accepted; but on a Sancus
 * board the grant says which driver to trust, for readings as well.
 */
function grants({ interface: declarations = [], devices = {}, place }: ModuleInputs): number[] {
    return declarations.flatMap(({ kind, name, flags = 0 }, endpoint) =>
        kind === "device" && (place !== undefined || (flags & DEVICE_WRITTEN) !== 0) && Object.hasOwn(devices, name) ? [endpoint] : []);
}

function moduleEnd(properties: ModuleInputs) {
    return endOf({ ...properties, module: properties.name }, properties);
}

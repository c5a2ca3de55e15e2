// The running instance of a module: the planned image, on its node's agent.

import { createHash } from "node:crypto";
import type { StartRequest } from "../agent/client";
import { AuthenticError } from "../errors";
import { parseLocation } from "../ssh/settings";
import { hex } from "../protocol/bytes";
import { placeOf } from "./board";
import { teeOf } from "./ends";
import { finalImage, successorOf } from "./identity";
import type { ModuleInputs } from "./module-state";
import { observe } from "./observe";
import { present } from "./plain";
import { milliseconds } from "./schemas";
import { type Agent, type InstanceReport, surroundings } from "./surroundings";

/**
 * Builds the image, or takes it from the cache, and signs it where the TEE wants that.
 *
 * @returns what the agent loads
 * @throws AuthenticError where its measurement is not the planned one
 */
export async function plannedImage(inputs: ModuleInputs): Promise<Uint8Array> {
    const { name, deploymentId, deployerPublicKey: publicKey, config: values, devices, measurement } = inputs;
    const tee = await teeOf(inputs.tee);
    const build = await tee.build({
        name,
        sources: inputs.source,
        ...(inputs.includes === undefined ? {} : { includes: inputs.includes }),
        ...(inputs.defines === undefined ? {} : { defines: inputs.defines }),
        ...placeOf(inputs.place, inputs.devices),
    });
    const image = finalImage(tee, build, { deploymentId, publicKey, name, values, devices });
    if (hex(image.measurement) !== measurement) {
        throw new AuthenticError("AE-MODULE-CHANGED", `module "${name}" has measurement ${hex(image.measurement)}, but ${String(measurement)} was planned`,
            "its sources changed while `pulumi up` was running: run it again");
    }
    return tee.sign === undefined ? image.image : tee.sign(image, present(inputs.vendorKey, "the vendor key"));
}

/**
 * Makes the instance run this image: an instance that does is left alone, whatever else is there is replaced.
 *
 * @param restart - replace also one that runs this image
 */
export async function ensureInstance(inputs: ModuleInputs, instance: string, image: Uint8Array, restart = false): Promise<void> {
    const { agent: reach, recordAgent } = await surroundings();
    // The engine lets a module know its node once it has recorded it.
    await recordAgent(inputs.nodeFolder);
    const agent = await reach(inputs.nodeFolder);
    const found = await agent.instance(instance);
    if (found !== undefined && !restart && runs(found, digestOf(image))) {
        return;
    }
    if (found !== undefined) {
        await agent.remove(instance);
    }
    await agent.start(instance, startRequest(inputs, image));
}

/** What an agent is told of an instance. */
export function startRequest(inputs: ModuleInputs, image: Uint8Array): StartRequest {
    return {
        name: inputs.name,
        deployment: inputs.deploymentId,
        tee: inputs.tee,
        image,
        entryTimeLimitMs: present(milliseconds(inputs.entryTimeLimit), "the time limit"),
        interface: (inputs.interface ?? []).map(({ name, kind }) => ({ name, kind })),
    };
}

/** Who has the place of a module, where that is another deployment; undefined where nobody else has it. */
export function strangerAt({ name, deployment }: Pick<InstanceReport, "name" | "deployment">, deploymentId: string): string | undefined {
    return deployment === deploymentId ? undefined : `module "${name}" of deployment ${deployment}`;
}

/**
 * What has become of a module that the last refresh could not see, because its agent had ended with it, or since then.
 *
 * @returns for people; undefined where it runs this image
 * @throws AuthenticError `AE-MODULE-FOREIGN` where another deployment has its place: its module is not ours to end
 */
export async function endedSince(inputs: ModuleInputs, instance: string, image: Uint8Array): Promise<string | undefined> {
    const found = await (await (await surroundings()).agent(inputs.nodeFolder)).instance(instance);
    if (found === undefined) return "the module is missing";
    const stranger = strangerAt(found, inputs.deploymentId);
    if (stranger !== undefined) throw foreign(inputs, instance, stranger);
    return runs(found, digestOf(image)) ? undefined : `the module is ${found.state === "running" ? "replaced" : stateWithReason(found)}`;
}

function foreign({ name, nodeName, nodeFolder }: ModuleInputs, instance: string, stranger: string): AuthenticError {
    const location = parseLocation(nodeFolder);
    return new AuthenticError("AE-MODULE-FOREIGN", `module "${name}": ${stranger} has its place on node "${nodeName}"`,
        `find out who put it there; if it may end, run \`curl -X DELETE --unix-socket ${location?.folder ?? nodeFolder}/agent.sock http://agent/v1/instances/${instance}\`${location === undefined ? "" : ` at ${location.authority}`}, then \`pulumi up\``);
}

/** Ends an instance that waits to take over, and never will. */
export async function removeSuccessor({ nodeFolder }: ModuleInputs, instance: string): Promise<void> {
    await endSuccessor(await (await surroundings()).agent(nodeFolder), instance);
}

async function endSuccessor(agent: Agent, instance: string): Promise<void> {
    if (await agent.instance(successorOf(instance)) !== undefined) await agent.remove(successorOf(instance));
}

/** What an agent says of an instance, in words. */
export function stateWithReason({ state, reason }: Pick<InstanceReport, "state" | "reason">): string {
    return reason === undefined ? state : `${state}: ${reason}`;
}

/** SHA-256 of the image as it is loaded, as the agent reports it. */
export function digestOf(image: Uint8Array): string {
    return createHash("sha256").update(image).digest("hex");
}

function runs(report: InstanceReport, imageDigest: string): boolean {
    return report.state === "running" && report.imageDigest === imageDigest;
}

/**
 * Ends the instance, and one that waits to take over from it; what another deployment put in its place stays. Where no agent runs,
 * the deletion of the node ends what it left behind.
 */
export async function removeInstance({ nodeFolder, deploymentId }: ModuleInputs, instance: string): Promise<void> {
    await observe(nodeFolder, async (agent) => {
        await endSuccessor(agent, instance);
        const found = await agent.instance(instance);
        if (found === undefined || strangerAt(found, deploymentId) === undefined) await agent.remove(instance);
    });
}
